"""What an image is made of, as its ``image.yaml`` says."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from provisioner import units
from provisioner.errors import ImageError
from provisioner.images import parts, recipe_files
from provisioner.images.parts import Part
from provisioner.language import msg

_COMMON = {"kind", "title", "description", "files"}
_KERNEL = _COMMON | {"programs", "modules", "optional_modules", "directories", "links", "guests"}
_DISK = _COMMON | {"filesystem", "label", "size"}
_GRUB = (_COMMON - {"files"}) | {"modules", "config", "prompt"}
_FILESYSTEMS = ("ext2", "ext3", "ext4")
_BOOT_DISK = _KERNEL | {"loader"}
_LOADER = {"config", "size", "memory", "programs", "system", "guests"}
_KINDS = {"kernel": _KERNEL, "boot-disk": _BOOT_DISK, "disk": _DISK, "grub": _GRUB}


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file of the recipe's own: ``path`` is absolute inside the guest."""

    path: str
    data: bytes
    mode: int


class GrubParts(NamedTuple):
    """The parts that GRUB is put together from: grub-mkimage, and one of the files beside GRUB's modules."""

    mkimage: Part
    platform: Part


@dataclass(frozen=True, slots=True)
class LoaderSpec:
    """How a disk starts: GRUB does what ``config`` says. ``size`` is that of the disk, in bytes. ``memory``
    is what the first system gets of the machine's, in bytes; ``{memory}`` in ``config`` stands for it, in
    MiB.

    The disk holds:

    - ``/kernel`` and ``/initrd``;
    - the ``programs``, by their paths on the disk, unpacked;
    - below ``/system`` the programs of ``system``, with their libraries: the first system may run them from
      there, and need not have them in memory;
    - as ``/guests/NAME`` the system of each recipe in ``guests``: its initramfs for the same kernel, or for
      GRUB a disk from which it starts.
    """

    config: str
    size: int
    memory: int
    programs: Mapping[str, Part]
    system: Mapping[str, Part]
    guests: Mapping[str, KernelSpec | GrubSpec]
    grub: GrubParts


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """An image of a kernel and an initramfs. It boots straight from them, or from a disk (``loader``).

    ``programs`` gives the part for each path in the guest. ``optional_modules`` may be missing. ``guests``
    are systems of other recipes that run inside this one; the builder has them as ``/boot/guests/NAME``,
    where ``programs`` can take them.
    """

    title: Mapping[str, str]
    description: Mapping[str, str]
    kernel: Part
    programs: Mapping[str, Part]
    modules: tuple[str, ...]
    optional_modules: tuple[str, ...]
    files: tuple[GuestFile, ...]
    directories: tuple[str, ...]
    links: Mapping[str, str]
    loader: LoaderSpec | None = None
    guests: Mapping[str, GrubSpec] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return "boot-disk" if self.loader else "kernel"

    @property
    def needed(self) -> tuple[Part, ...]:
        """The parts that packages must have, for it and for the systems inside it, each once."""
        loader = self.loader
        wanted = [self.kernel, *self.programs.values()]
        if loader:
            wanted += [*loader.grub, *loader.programs.values(), *loader.system.values()]
        for guest in (*self.guests.values(), *(loader.guests.values() if loader else ())):
            wanted += guest.needed
        return tuple({part.name: part for part in wanted if part.packages}.values())

    @property
    def roles(self) -> tuple[str, ...]:
        """The files that it becomes."""
        return ("boot",) if self.loader else ("kernel", "kernel-efi", "initrd")


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
    roles: tuple[str, ...] = ("disk",)


@dataclass(frozen=True, slots=True)
class GrubSpec:
    """GRUB as a system of its own: a kernel without an initramfs, which uses only the serial console.

    ``modules`` are GRUB's own. It runs ``config`` first. ``prompt`` is the last thing that it prints, then
    and after each line that is typed.
    """

    title: Mapping[str, str]
    description: Mapping[str, str]
    needed: GrubParts
    modules: tuple[str, ...]
    config: str
    prompt: str
    kind: str = "grub"
    roles: tuple[str, ...] = ("kernel",)


Spec = KernelSpec | DiskSpec | GrubSpec

_HINT = msg("correct the recipe, or install virtlab again")


@dataclass(frozen=True)
class Recipe:
    """One image of the catalogue. ``digest`` changes with every byte that the recipe depends on.

    A recipe with ``extends: NAME`` begins with all that another one says. Its own entries are added, or
    replace those of the same name (a program, a file, a link, a group of modules), or remove them where they
    are ``null``. docs/images.md describes the whole format.

    ``spec`` is worked out when it is first asked for, because a built image is found without it. It raises
    ImageError where the recipe is wrong.
    """

    name: str
    folder: Path
    digest: str

    @cached_property
    def spec(self) -> Spec:
        """What to build."""
        import yaml

        path = self.folder / recipe_files.RECIPE_FILE
        try:
            return _spec(_data(self.folder), self.folder.parent / parts.PARTS_FILE)
        except yaml.YAMLError as error:
            raise ImageError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            reason = msg("{key} is missing", key=error.args[0]) if isinstance(error, KeyError) else error
            raise ImageError(f"{path}: {reason}", hint=_HINT) from error


def read(name: str, folder: Path) -> Recipe:
    """The recipe in a folder. Raises ImageError where it can't be read, or leads back to itself."""
    try:
        return Recipe(name, folder, recipe_files.digest(folder))
    except OSError as error:
        raise ImageError(
            msg("the recipe of image {name} can't be read: {error}", name=name, error=error), hint=_HINT
        ) from error
    except ImageError as error:
        error.hint = error.hint or _HINT
        raise


def _data(folder: Path) -> dict[str, Any]:
    """What the recipe says, merged into what it extends. The names of files and of other recipes become paths
    of the host.
    """
    whole: dict[str, Any] = {}
    for part in reversed(recipe_files.with_bases(folder)):
        data = deepcopy(part.data)
        data.pop("extends", None)
        for entry in data.get("files", {}).values():
            if entry and "from" in entry:
                entry["from"] = part.folder / entry["from"]
        if "loader" in data:
            data["loader"]["folder"] = part.folder
            data["loader"]["guests"] = [guest.folder for guest in part.disk_guests]
        if "guests" in data:
            data["guests"] = [guest.folder for guest in part.guests]
        whole = _laid_over(whole, data)
    return whole


def _laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Lists are joined. Entries of a mapping are added, replaced or, with ``null``, removed."""
    whole = base | own
    for key in base.keys() & own.keys():
        if isinstance(base[key], list):
            whole[key] = base[key] + own[key]
        elif isinstance(base[key], dict):
            both = base[key] | own[key]
            whole[key] = {name: value for name, value in both.items() if value is not None}
    return whole


def _spec(data: dict[str, Any], parts_file: Path) -> Spec:
    kind = data["kind"]
    if kind not in _KINDS:
        raise ValueError(msg("kind is {kinds}, not {kind}", kinds=", ".join(_KINDS), kind=repr(kind)))
    if unknown := set(data) - _KINDS[kind]:
        raise ValueError(msg("unknown key {keys}", keys=", ".join(sorted(map(str, unknown)))))
    if kind == "disk":
        return _disk(data)
    known = parts.read(parts_file)
    return _grub(data, known) if kind == "grub" else _kernel(data, known)


def _disk(data: Mapping[str, Any]) -> DiskSpec:
    if data["filesystem"] not in _FILESYSTEMS:
        raise ValueError(msg("filesystem is one of {filesystems}", filesystems=", ".join(_FILESYSTEMS)))
    return DiskSpec(
        title=data["title"],
        description=data["description"],
        filesystem=data["filesystem"],
        label=data["label"],
        size=units.parse_size(str(data["size"])),
        files=_files(data),
    )


def _grub(data: Mapping[str, Any], known: Mapping[str, Part]) -> GrubSpec:
    return GrubSpec(
        title=data["title"],
        description=data["description"],
        needed=_grub_parts(known),
        modules=tuple(data["modules"]),
        config=str(data["config"]),
        prompt=str(data["prompt"]),
    )


def _kernel(data: Mapping[str, Any], known: Mapping[str, Part]) -> KernelSpec:
    return KernelSpec(
        title=data["title"],
        description=data["description"],
        kernel=known[parts.KERNEL],
        programs=_programs(data["programs"], known),
        modules=tuple(name for group in data["modules"].values() for name in group),
        optional_modules=tuple(data["optional_modules"]),
        files=_files(data),
        directories=tuple(dict.fromkeys(_absolute(path) for path in data["directories"])),
        links={_absolute(path): target for path, target in data["links"].items()},
        loader=_loader(data["loader"], known) if data["kind"] == "boot-disk" else None,
        guests={place.name: _system(place) for place in data.get("guests", ())},
    )


def _grub_parts(known: Mapping[str, Part]) -> GrubParts:
    return GrubParts(known["grub-mkimage"], known["grub-pc"])


def _system(folder: Path) -> GrubSpec:
    spec = _spec(_data(folder), folder.parent / parts.PARTS_FILE)
    if not isinstance(spec, GrubSpec):
        raise TypeError(msg("{name} is no system that starts as a kernel", name=folder.name))
    return spec


def _loader(data: Mapping[str, Any], known: Mapping[str, Part]) -> LoaderSpec:
    folder: Path = data["folder"]
    if unknown := set(data) - _LOADER - {"folder"}:
        raise ValueError(msg("loader: unknown key {unknown}", unknown=", ".join(sorted(unknown))))
    guests: dict[str, KernelSpec | GrubSpec] = {}
    for place in data["guests"]:
        spec = _spec(_data(place), place.parent / parts.PARTS_FILE)
        if isinstance(spec, DiskSpec):
            raise TypeError(msg("{name} is no image that boots", name=place.name))
        guests[place.name] = spec
    memory = units.parse_size(str(data["memory"]))
    config = (folder / data["config"]).read_text(encoding="utf-8")
    return LoaderSpec(
        config=config.replace("{memory}", str(memory // units.MIB)),
        size=units.parse_size(str(data["size"])),
        memory=memory,
        programs=_programs(data["programs"], known),
        system=_programs(data.get("system", {}), known),
        guests=guests,
        grub=_grub_parts(known),
    )


def _programs(programs: Mapping[str, str | Mapping[str, str]], known: Mapping[str, Part]) -> dict[str, Part]:
    """The part for each path in the guest: one of parts.yaml, or with ``{made: PATH}`` one of the
    builder's."""
    return {_absolute(path): _program(entry, known) for path, entry in programs.items()}


def _program(entry: str | Mapping[str, str], known: Mapping[str, Part]) -> Part:
    if not isinstance(entry, str):
        place = _absolute(entry["made"])
        return parts.made(place, place)
    if entry not in known:
        raise ValueError(msg("{entry} is no part of {file}", entry=entry, file=parts.PARTS_FILE))
    return known[entry]


def _files(data: Mapping[str, Any]) -> tuple[GuestFile, ...]:
    return tuple(_file(path, entry) for path, entry in data["files"].items())


def _file(path: str, entry: Mapping[str, Any]) -> GuestFile:
    if unknown := set(entry) - {"from", "text", "mode"}:
        raise ValueError(msg("{path}: unknown key {unknown}", path=path, unknown=", ".join(sorted(unknown))))
    if ("from" in entry) == ("text" in entry):
        raise ValueError(msg("{path}: give either from or text", path=path))
    data = entry["from"].read_bytes() if "from" in entry else entry["text"].encode()
    return GuestFile(_absolute(path), data, int(entry.get("mode", "0644"), 8))


def _absolute(path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError(msg("{path} is no absolute path", path=path))
    return path
