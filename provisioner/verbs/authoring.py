"""Verbs for people who read and write lab files: ``show``, ``copy``, ``validate``, ``schema`` and ``render``.

A lab is given by its name in the catalogue, its folder, or its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner import errors
from provisioner.lifecycle import lab_files
from provisioner.model.lab import Lab


@dataclass(frozen=True, slots=True)
class Validated:
    """The result for one lab file: the lab, or what is wrong with it."""

    given: str  # as the user named it
    lab: Lab | None
    error: errors.InputError | None
    not_built: tuple[str, ...] = ()  # images, so that what their guests' memory has to be is not known


def show(target: str) -> Lab:
    """The lab as its file says. Raises InputError where there is none, LabFileError where it is wrong."""
    return lab_files.load(*lab_files.locate(target))


def copy(target: str, folder: Path) -> Path:
    """Copies a lab into a folder that does not exist yet or is empty, and returns the copy's lab file.

    Raises InputError where there is no such lab or it can't be copied, ConflictError where the folder holds
    something.
    """
    from provisioner.labfile.copy import copy_lab

    file, _ = lab_files.locate(target)
    return copy_lab(file.parent, folder)


def validate(targets: Sequence[str], sets: Sequence[str] = ()) -> list[Validated]:
    """What is wrong with each lab file and its lesson. ``sets`` are changes in the form KEY=VALUE.

    Whether guests have the memory that they need is looked at where their images were built on this machine.
    """
    return [_validated(target, sets) for target in targets]


def _validated(target: str, sets: Sequence[str]) -> Validated:
    from provisioner.labfile import lesson
    from provisioner.lifecycle import image_upload
    from provisioner.model import memory

    try:
        lab = lab_files.load(*lab_files.locate(target), sets)
        lesson.load(lab)
        try:
            built = image_upload.built_here(lab)
        except errors.ImageError:  # no image can be built on this system
            built = {}
        memory.fitting(lab, image_upload.least_memory(lab, built))
    except errors.InputError as error:
        return Validated(target, None, error)
    missing = dict.fromkeys(guest.image for guest in lab.top_level if guest.name not in built)
    return Validated(target, lab, None, tuple(missing))


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
