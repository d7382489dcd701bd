"""The images that virtlab knows: one folder each below the templates' ``images/``."""

from __future__ import annotations

import difflib
from pathlib import Path

from provisioner.errors import InputError
from provisioner.images import recipe, recipe_files
from provisioner.images.recipe import Recipe


def names(templates: Path) -> list[str]:
    """The names of all images, sorted; ``templates`` is the folder that ``paths`` gives."""
    return sorted(path.parent.name for path in (templates / "images").glob(f"*/{recipe_files.RECIPE_FILE}"))


def get(name: str, templates: Path) -> Recipe:
    """One image's recipe. Raises InputError where there is none, ImageError where it can't be read."""
    known = names(templates)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"did you mean {near[0]}?" if near else f"the images are {', '.join(known)}"
        raise InputError(f"there is no image {name!r}", hint=guess)
    return recipe.read(name, templates / "images" / name)
