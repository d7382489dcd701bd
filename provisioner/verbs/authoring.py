"""Verbs for people who read and write lab files: ``show``, ``copy``, ``validate``, ``schema`` and ``render``.

A lab is given by its name in the catalogue, its folder, or its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner import errors, paths
from provisioner.labfile import catalog
from provisioner.language import Language
from provisioner.lifecycle import lab_files
from provisioner.model.lab import Lab

if TYPE_CHECKING:
    from provisioner.labfile.lesson import Lesson


@dataclass(frozen=True, slots=True)
class Validated:
    """The result for one lab file: the lab, or what is wrong with it or with its lesson."""

    given: str  # as the user named it
    lab: Lab | None  # None where its own file is wrong
    wrong: tuple[errors.InputError, ...] = ()
    not_built: tuple[str, ...] = ()  # images, so that what their guests' memory has to be is not known
    no_guide: tuple[str, ...] = ()  # files that are not there, in languages that the lesson speaks

    @property
    def good(self) -> Lab | None:
        """The lab, where nothing is wrong."""
        return None if self.wrong else self.lab


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of a lab. A name is None where it can't be read."""

    file: Path
    name: str | None
    original: str | None  # the name of the lab that it is a copy of


def show(target: str) -> Lab:
    """The lab as its file says. Raises InputError where there is none, LabFileError where it is wrong."""
    return lab_files.load(*lab_files.locate(target))


def copy(target: str, folder: Path) -> Copied:
    """Copies a lab into a folder that does not exist yet or is empty.

    Raises InputError where there is no such lab or it can't be copied, ConflictError where the folder holds
    something.
    """
    from provisioner.labfile.copy import copy_lab, name_in

    file, _ = lab_files.locate(target)
    copied = copy_lab(file.parent, folder)
    return Copied(copied, name_in(copied), name_in(file))


def typed(folder: Path) -> str:
    """A folder as it is typed where a lab is wanted: with ``./`` where a lab of virtlab's has its name."""
    return f"./{folder}" if str(folder) in catalog.names(paths.labs_dir()) else str(folder)


def validate(targets: Sequence[str], sets: Sequence[str] = ()) -> list[Validated]:
    """What is wrong with each lab file and its lesson, and which guide the lesson lacks. ``sets`` are changes
    in the form KEY=VALUE.

    Whether guests have the memory that they need is looked at where that is known here of their images.
    """
    return [_validated(target, sets) for target in targets]


def _validated(target: str, sets: Sequence[str]) -> Validated:
    from provisioner.labfile import lesson

    wrong: list[errors.InputError] = []
    try:
        file, source = lab_files.locate(target)
    except errors.InputError as error:
        return Validated(target, None, (error,))
    lab: Lab | None = None
    taught: Lesson | None = None
    not_built: tuple[str, ...] = ()
    try:
        lab = lab_files.load(file, source, sets)
        not_built = _memory(lab)
    except errors.InputError as error:
        wrong.append(error)
    try:
        taught = lesson.of_file(file, None if lab is None else [guest.name for guest in lab.guests])
    except errors.InputError as error:
        wrong.append(error)
    return Validated(target, lab, tuple(wrong), not_built, _no_guide(file, taught))


def _memory(lab: Lab) -> tuple[str, ...]:
    """Raises LabFileError where a guest has less memory than it needs. Returns the images of whose guests
    that is not known here."""
    from provisioner.lifecycle import image_upload
    from provisioner.model import memory

    try:
        known = image_upload.known_here(lab)
    except errors.ImageError:  # no image can be built on this system
        known = {}
    memory.fitting(lab, image_upload.least_memory(lab, known))
    return tuple(dict.fromkeys(guest.image for guest in lab.top_level if guest.name not in known))


def _no_guide(lab_file: Path, taught: Lesson | None) -> tuple[str, ...]:
    """The guides that are missing beside a lesson."""
    from provisioner.labfile import lesson

    if taught is None:
        return ()
    spoken = [Language.EN, *([Language.JA] if taught.concept.ja else [])]
    return tuple(name for each in spoken if not lab_file.with_name(name := lesson.guide_file(each)).exists())


def schema(*, of_lesson: bool = False) -> dict[str, Any]:
    """The JSON Schema of a lab file, or of the lesson file beside it."""
    from provisioner.labfile.schema import json_schema, lesson_schema

    return lesson_schema() if of_lesson else json_schema()


def render(
    target: str, connect: str | None, *, accel: str | None = None, sets: Sequence[str] = ()
) -> dict[str, str]:
    """The XML that libvirt would get, by name: of each network and guest, or of the one guest of
    LAB/GUEST. libvirt is not asked.

    Raises InputError where there is no such lab or guest, LabFileError where its file is wrong.
    """
    from provisioner.host.local_host import LocalHost
    from provisioner.host.unknown_host import UnknownHost
    from provisioner.hypervisor import uris
    from provisioner.lifecycle import preview

    choice = uris.choose(connect)
    host = LocalHost() if choice.is_local else UnknownHost()
    return preview.documents(target, choice=choice, host=host, accel_flag=accel, sets=tuple(sets))
