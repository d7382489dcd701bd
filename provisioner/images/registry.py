"""The images that virtlab knows: one folder each below the templates' ``images/``."""

from __future__ import annotations

import difflib
from pathlib import Path

from provisioner.errors import InputError
from provisioner.images import recipe, recipe_files
from provisioner.images.recipe import Recipe
from provisioner.language import msg


def names(templates: Path) -> list[str]:
    """The names of all images, sorted; ``templates`` is the folder that ``paths`` gives."""
    return sorted(path.parent.name for path in (templates / "images").glob(f"*/{recipe_files.RECIPE_FILE}"))


def disks(templates: Path) -> frozenset[str]:
    """The names of those images that guests have as a disk, and do not boot.

    Each lab that is read needs this, so no more is read of the recipes than their kinds. Raises ImageError
    where that can't be done. What else is wrong with one is a matter for those that use it.
    """
    folders = {name: templates / "images" / name for name in names(templates)}
    kinds = {name: recipe_files.kind(recipe_files.with_bases(folder)) for name, folder in folders.items()}
    return frozenset(name for name, kind in kinds.items() if kind == "disk")


def get(name: str, templates: Path) -> Recipe:
    """One image's recipe. Raises InputError where there is none, ImageError where it can't be read."""
    known = names(templates)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = (
            msg("did you mean {near}?", near=near[0])
            if near
            else msg("the images are {known}", known=", ".join(known))
        )
        raise InputError(msg("there is no image {name}", name=repr(name)), hint=guess)
    return recipe.read(name, templates / "images" / name)
