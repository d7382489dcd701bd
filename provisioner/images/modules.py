"""Kernel modules: which ones an image needs, with all that they lean on, read from the modules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import ImageError
from provisioner.images import elf, kernel, tools
from provisioner.language import msg

_FILE = re.compile(r"(.+)\.ko(?:\.(?:xz|zst|gz))?")

_INDEX = (
    "modules.alias",
    "modules.alias.bin",
    "modules.builtin",
    "modules.builtin.bin",
    "modules.dep",
    "modules.dep.bin",
    "modules.symbols.bin",
)


@dataclass(frozen=True, slots=True)
class Module:
    """One module, unpacked. ``path`` is relative to /lib/modules/RELEASE and ends in ``.ko``."""

    name: str
    path: str
    data: bytes
    depends: tuple[str, ...]


class ModuleTree:
    """The modules of one kernel release, found below one or more unpacked packages.

    A module's name has ``_`` for each ``-``, as in the kernel itself.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` is /lib/modules/RELEASE inside the unpacked packages."""
        self._folder = folder
        self._files: dict[str, Path] = {}
        for path in folder.rglob("*.ko*"):
            if match := _FILE.fullmatch(path.name):
                self._files[_canonical(match[1])] = path
        self._builtin: set[str] = set()
        listing = folder / "modules.builtin"
        if listing.exists():
            for line in listing.read_text().splitlines():
                if match := _FILE.fullmatch(Path(line).name):
                    self._builtin.add(_canonical(match[1]))

    def closure(self, names: Iterable[str], optional: Iterable[str] = ()) -> list[Module]:
        """The named modules and what they depend on, each after all that it needs.

        What the kernel has built in needs no file, and the ``optional`` ones may be missing.
        Raises ImageError that lists every name that the kernel does not have.
        """
        loaded: dict[str, Module] = {}
        missing: list[str] = []

        def add(name: str) -> None:
            if name in loaded or name in self._builtin:
                return
            if name not in self._files:
                missing.append(name)
                return
            module = self._load(name)
            for dependency in module.depends:
                add(dependency)
            loaded[name] = module

        for name in map(_canonical, names):
            add(name)
        for name in map(_canonical, optional):
            if name in self._files:
                add(name)
        if missing:
            raise ImageError(
                msg(
                    "the kernel {name} has no module {missing}",
                    name=self._folder.name,
                    missing=", ".join(sorted(set(missing))),
                )
            )
        return list(loaded.values())

    def _load(self, name: str) -> Module:
        path = self._files[name]
        data = kernel.decompress(path.read_bytes())
        try:
            said = elf.modinfo(data)
        except elf.NotElf as error:
            raise ImageError(
                msg("the kernel module {name} can't be read: {error}", name=path.name, error=error)
            ) from error
        depends = [_canonical(d) for line in said.get("depends", []) for d in line.split(",") if d]
        for line in said.get("softdep", []):
            before = line.partition("pre:")[2].partition("post:")[0].split()
            depends += [d for d in map(_canonical, before) if d in self._files]
        relative = path.relative_to(self._folder).with_name(f"{path.name.partition('.')[0]}.ko")
        return Module(name, str(relative), data, tuple(dict.fromkeys(depends)))


def index(modules: Iterable[Module], builtin: bytes, release: str, workspace: Path) -> dict[str, bytes]:
    """The files that find a driver for a device, by name, made by depmod for these modules only.

    ``builtin`` is the kernel's own ``modules.builtin``; ``workspace`` is an empty folder.
    """
    folder = workspace / "lib" / "modules" / release
    for module in modules:
        path = folder / module.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(module.data)
    (folder / "modules.builtin").write_bytes(builtin)
    (folder / "modules.order").write_text("".join(f"{module.path}\n" for module in modules))
    tools.run(["depmod", "-b", str(workspace), release])
    return {name: (folder / name).read_bytes() for name in _INDEX}


def _canonical(name: str) -> str:
    return name.replace("-", "_")
