"""The files of recipes: what each says, which recipes it names, and a digest of all that it depends on."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from provisioner.errors import ImageError
from provisioner.images import parts
from provisioner.language import msg

RECIPE_FILE = "image.yaml"
SHARED = "shared"  # a folder beside the recipes, of files that recipes which extend others may take
_NAME = re.compile(r"[a-z0-9-]+")
_NULL = "tag:yaml.org,2002:null"


class Named(NamedTuple):
    """Another recipe that a recipe names, and the place of that: ``file:line:column``."""

    folder: Path
    place: str


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """One ``image.yaml``. ``data`` is what it says itself, without what it extends. Nobody changes it.

    ``guests`` are the recipes of its own list, ``disk_guests`` those of its boot loader's.
    """

    folder: Path
    data: dict[str, Any]
    extends: Named | None
    guests: tuple[Named, ...]
    disk_guests: tuple[Named, ...]

    @property
    def taken(self) -> Iterator[Path]:
        """The files that it names as content, wherever they lie."""
        files = self.data.get("files")
        entries = list(files.values()) if isinstance(files, dict) else []
        names = [entry.get("from") for entry in entries if isinstance(entry, dict)]
        loader = self.data.get("loader")
        names += [loader.get("config")] if isinstance(loader, dict) else []
        return (Path(os.path.normpath(self.folder / name)) for name in names if isinstance(name, str))


def read(folder: Path) -> RecipeFile:
    """The recipe of a folder. Raises ImageError where it is no YAML mapping, or names what is no recipe,
    and OSError where there is none.
    """
    import yaml

    path = folder / RECIPE_FILE
    try:
        root, data = _parsed(path.read_bytes())
    except (yaml.YAMLError, ValueError) as error:
        raise ImageError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise ImageError(msg("{path}: a recipe is a mapping", path=path))
    return RecipeFile(
        folder,
        data,
        next(iter(_named([_value(root, "extends")], folder)), None),
        _list(_value(root, "guests"), folder),
        _list(_value(_value(root, "loader"), "guests"), folder),
    )


@lru_cache(maxsize=100)
def _parsed(text: bytes) -> tuple[Any, Any]:
    """The node of a YAML document, and its data: each reader of a lab comes to the same few recipes again."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    root = loader.get_single_node()
    return root, loader.construct_document(root) if root else None


def with_bases(folder: Path, *, above: tuple[Path, ...] = ()) -> list[RecipeFile]:
    """The recipe, the one that it extends, the one which that extends, and so on.

    ``above``: the recipes that lead to this one. Raises ImageError, with the place, where a recipe that leads
    to another one is named by it, and what :func:`read` raises.
    """
    recipes = [read(folder)]
    while base := recipes[-1].extends:
        _check_new(base, (*above, *(each.folder for each in recipes)))
        recipes.append(read(base.folder))
    return recipes


def kind(recipes: Sequence[RecipeFile]) -> object:
    """The kind of the recipe that has these files, see :func:`with_bases`. None where it says none."""
    return next((each.data["kind"] for each in recipes if "kind" in each.data), None)


def digest(folder: Path) -> str:
    """A hex digest over every byte that a recipe depends on.

    These are its folder, the folders of the recipes that it extends, the shared files where it extends one,
    other files that one of these recipes takes, the recipes of the systems inside, and ``parts.yaml`` where
    packages go into the image.

    Raises ImageError where a recipe can't be read or leads back to itself, with the place; or OSError.
    """
    return _digest(folder, ())


def _digest(folder: Path, above: tuple[Path, ...]) -> str:
    recipes = with_bases(folder, above=above)
    whole = hashlib.sha256()
    if kind(recipes) != "disk":
        whole.update((folder.parent / parts.PARTS_FILE).read_bytes())
    leading = above
    for each in recipes:
        leading = (*leading, each.folder)
        for guest in (*each.guests, *each.disk_guests):
            _check_new(guest, leading)
            whole.update(_digest(guest.folder, leading).encode())
    folders = [each.folder for each in recipes] + ([folder.parent / SHARED] if len(recipes) > 1 else [])
    for part in folders:
        for path in sorted(part.rglob("*")):
            if path.is_file():
                whole.update(_content(path, part))
    elsewhere = {path for each in recipes for path in each.taken}
    for path in sorted(path for path in elsewhere if not any(path.is_relative_to(part) for part in folders)):
        whole.update(_content(path, folder.parent))
    return whole.hexdigest()


def _content(path: Path, folder: Path) -> bytes:
    data = path.read_bytes()
    return f"{os.path.relpath(path, folder)}\0{len(data)}\0".encode() + data


def _check_new(named: Named, leading: tuple[Path, ...]) -> None:
    """Raises ImageError where a recipe that led here is named again."""
    if named.folder in leading:
        between = [folder.name for folder in leading[leading.index(named.folder) + 1 :]]
        way = msg(" by way of {between}", between=", ".join(between)) if between else ""
        raise ImageError(
            msg(
                "{place}: the recipe {name} depends on itself{way}",
                place=named.place,
                name=named.folder.name,
                way=way,
            )
        )


def _list(node: Any, folder: Path) -> tuple[Named, ...]:
    if node is None or node.tag == _NULL:
        return ()
    if not isinstance(node.value, list) or node.id != "sequence":
        raise ImageError(msg("{place}: guests is a list of recipes", place=_place(node, folder)))
    return tuple(_named(node.value, folder))


def _named(nodes: Sequence[Any], folder: Path) -> Iterator[Named]:
    for node in nodes:
        if node is None or node.tag == _NULL:
            continue
        place = _place(node, folder)
        if node.id != "scalar" or not _NAME.fullmatch(node.value):
            raise ImageError(msg("{place}: this is no name of a recipe", place=place))
        if not (folder.parent / node.value / RECIPE_FILE).is_file():
            raise ImageError(msg("{place}: there is no recipe {value}", place=place, value=node.value))
        yield Named(folder.parent / node.value, place)


def _value(node: Any, key: str) -> Any:
    """The node of a key's value, or None. Of several, the last one counts, as it does for the data."""
    if node is None or node.id != "mapping":
        return None
    return next((value for name, value in reversed(node.value) if name.value == key), None)


def _place(node: Any, folder: Path) -> str:
    return f"{folder / RECIPE_FILE}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
