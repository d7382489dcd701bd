"""Finds and loads lab files, with the folders of this installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from provisioner import errors, paths
from provisioner.images import registry as image_catalog
from provisioner.labfile import catalog, loader
from provisioner.labfile.loader import Images
from provisioner.language import msg
from provisioner.model.lab import Lab
from provisioner.model.metadata import Origin


def locate(target: str) -> tuple[Path, str]:
    """The file of a lab given by name, folder or file, and its source. Raises InputError."""
    return catalog.find(target, paths.labs_dir())


def of_origin(origin: Origin) -> tuple[Path, str]:
    """The file that an instance came from, and its source. Raises InputError where it is gone."""
    try:
        return locate(origin.target)
    except errors.InputError as error:
        name, again = origin.instance, replace(origin.typed, target="NEW-PLACE").up()
        raise errors.InputError(
            msg("the file that {name} came from is gone: {target}", name=name, target=origin.target),
            hint=msg("move it back, or {virtlab} down {name}, then {again}", name=name, again=again),
        ) from error


def load(file: Path, source: str, sets: Sequence[str] = ()) -> Lab:
    """The lab of a file. Raises LabFileError with all that is wrong with it."""
    profiles = paths.templates_dir() / "profiles"
    try:
        return loader.load(file, source=source, profiles=profiles, images=images(), sets=sets)
    except errors.LabFileError as error:
        error.hint = msg("every key is explained in {file}", file=paths.labs_dir() / "reference.yaml")
        raise


def images() -> Images:
    """The images of the catalogue: those that guests can boot, and those for disks."""
    templates = paths.templates_dir()
    disks = image_catalog.disks(templates)
    return Images(
        boot=[name for name in image_catalog.names(templates) if name not in disks], disk=sorted(disks)
    )


def images_of(labs: Sequence[Lab]) -> list[str]:
    """Every image that the labs' guests boot or have as a disk, each once.

    Guests inside others need none: what they start is in their parent's image.
    """
    guests = [guest for lab in labs for guest in lab.top_level]
    return list(dict.fromkeys(n for g in guests for n in (g.image, *(d.image for d in g.disks if d.image))))


def exists(target: str) -> bool:
    """Whether that is the name, the folder or the file of a lab."""
    try:
        locate(target)
    except errors.InputError:
        return False
    return True
