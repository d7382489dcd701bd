"""Finding and loading lab files, with the folders that this installation has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from provisioner import errors, paths
from provisioner.images import registry as image_catalog
from provisioner.labfile import catalog, loader
from provisioner.labfile.loader import Images
from provisioner.model.lab import Lab


def locate(target: str) -> tuple[Path, str]:
    """The file of a lab given by name, folder or file, and its source. Raises InputError."""
    return catalog.find(target, paths.labs_dir())


def load(file: Path, source: str, sets: Sequence[str] = ()) -> Lab:
    """The lab of a file. Raises LabFileError with all that is wrong with it."""
    profiles = paths.templates_dir() / "profiles"
    try:
        return loader.load(file, source=source, profiles=profiles, images=images(), sets=sets)
    except errors.LabFileError as error:
        error.hint = f"every key is explained in {paths.labs_dir() / 'reference.yaml'}"
        raise


def images() -> Images:
    """The images of the catalogue, by what they are good for."""
    templates = paths.templates_dir()
    kinds = {name: image_catalog.get(name, templates).spec.kind for name in image_catalog.names(templates)}
    return Images(
        boot=[name for name, kind in kinds.items() if kind != "disk"],
        disk=[name for name, kind in kinds.items() if kind == "disk"],
    )


def images_of(labs: Sequence[Lab]) -> list[str]:
    """Every image that the labs' guests boot or have as a disk, once each.

    Those inside others start from what their host's image has for them.
    """
    guests = [guest for lab in labs for guest in lab.top_level]
    return list(dict.fromkeys(n for g in guests for n in (g.image, *(d.image for d in g.disks if d.image))))


def exists(target: str) -> bool:
    """Whether that names a lab: in the catalogue, as a folder, or as a file."""
    try:
        locate(target)
    except errors.InputError:
        return False
    return True
