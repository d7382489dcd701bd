"""What an image is made of, as its ``image.yaml`` says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from provisioner import units
from provisioner.errors import ImageError

RECIPE_FILE = "image.yaml"
_COMMON = {"kind", "title", "description", "files"}
_KERNEL = _COMMON | {"packages", "kernel", "programs", "modules", "optional_modules", "directories", "links"}
_DISK = _COMMON | {"filesystem", "label", "size"}
_FILESYSTEMS = ("ext2", "ext3", "ext4")


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file of the recipe's own: ``path`` is absolute inside the guest."""

    path: str
    data: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """An image that boots straight from a kernel and an initramfs.

    ``packages`` and ``kernel`` are keyed by package manager and by system; ``programs`` gives for
    each path in the guest the places to look in the packages; ``optional_modules`` may
    be missing.
    """

    title: Mapping[str, str]
    description: Mapping[str, str]
    packages: Mapping[str, tuple[str, ...]]
    kernel: Mapping[str, str]
    programs: Mapping[str, tuple[str, ...]]
    modules: tuple[str, ...]
    optional_modules: tuple[str, ...]
    files: tuple[GuestFile, ...]
    directories: tuple[str, ...]
    links: Mapping[str, str]
    kind: str = "kernel"


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """A raw disk with one file system on it; ``size`` is in bytes."""

    title: Mapping[str, str]
    description: Mapping[str, str]
    filesystem: str
    label: str
    size: int
    files: tuple[GuestFile, ...]
    kind: str = "disk"


@dataclass(frozen=True)
class Recipe:
    """One image of the catalogue. ``digest`` changes with every byte of the recipe's folder.

    ``spec`` is read from the YAML when it is first asked for, so that finding a built image
    costs no parsing. It raises ImageError where the recipe is wrong.
    """

    name: str
    folder: Path
    digest: str

    @cached_property
    def spec(self) -> KernelSpec | DiskSpec:
        """What to build."""
        import yaml

        path = self.folder / RECIPE_FILE
        try:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            data = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - both are safe
            return _spec(data, self.folder)
        except yaml.YAMLError as error:
            raise ImageError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
            raise ImageError(
                f"{path}: {reason}", hint="correct the recipe, or install virtlab again"
            ) from error


def read(name: str, folder: Path) -> Recipe:
    """The recipe in a folder. Raises ImageError where it can't be read."""
    digest = hashlib.sha256()
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                digest.update(f"{path.relative_to(folder)}\0{len(data)}\0".encode() + data)
    except OSError as error:
        raise ImageError(f"the recipe of image {name} can't be read: {error}") from error
    return Recipe(name, folder, digest.hexdigest())


def _spec(data: Any, folder: Path) -> KernelSpec | DiskSpec:
    if not isinstance(data, dict):
        raise TypeError("a recipe is a mapping")
    kind = data["kind"]
    if kind not in ("kernel", "disk"):
        raise ValueError(f"kind is kernel or disk, not {kind!r}")
    if unknown := set(data) - (_KERNEL if kind == "kernel" else _DISK):
        raise ValueError(f"unknown key {', '.join(sorted(map(str, unknown)))}")
    files = tuple(_file(path, entry, folder) for path, entry in data["files"].items())
    if kind == "kernel":
        return KernelSpec(
            title=data["title"],
            description=data["description"],
            packages={manager: tuple(names) for manager, names in data["packages"].items()},
            kernel=data["kernel"],
            programs={_absolute(path): tuple(places) for path, places in data["programs"].items()},
            modules=tuple(name for group in data["modules"].values() for name in group),
            optional_modules=tuple(data["optional_modules"]),
            files=files,
            directories=tuple(_absolute(path) for path in data["directories"]),
            links={_absolute(path): target for path, target in data["links"].items()},
        )
    if data["filesystem"] not in _FILESYSTEMS:
        raise ValueError(f"filesystem is one of {', '.join(_FILESYSTEMS)}")
    return DiskSpec(
        title=data["title"],
        description=data["description"],
        filesystem=data["filesystem"],
        label=data["label"],
        size=units.parse_size(str(data["size"])),
        files=files,
    )


def _file(path: str, entry: Mapping[str, str], folder: Path) -> GuestFile:
    if unknown := set(entry) - {"from", "text", "mode"}:
        raise ValueError(f"{path}: unknown key {', '.join(sorted(unknown))}")
    if ("from" in entry) == ("text" in entry):
        raise ValueError(f"{path}: give either from or text")
    data = (folder / entry["from"]).read_bytes() if "from" in entry else entry["text"].encode()
    return GuestFile(_absolute(path), data, int(entry.get("mode", "0644"), 8))


def _absolute(path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path} is no absolute path")
    return path
