"""Which release this host has, and whether virtlab was tried on it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache

from provisioner import errors, paths
from provisioner.images import packages
from provisioner.images.packages import System
from provisioner.language import joined, msg


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of the programs that run labs. ``linux`` is the host's kernel."""

    qemu: str
    libvirt: str
    linux: str
    python: str

    @property
    def text(self) -> str:
        return f"{self.programs}, Linux {self.linux}, Python {self.python}"

    @property
    def programs(self) -> str:
        return f"QEMU {self.qemu}, libvirt {self.libvirt}"


@dataclass(frozen=True, slots=True)
class Tested:
    """A release on which every lab was tried, and the versions that it had then."""

    name: str
    versions: Versions


@cache
def tested() -> dict[str, Tested]:
    """The releases that were tried, by their names in ``System.release``."""
    import yaml

    data = yaml.safe_load((paths.templates_dir() / "tested.yaml").read_bytes())
    return {
        release: Tested(entry.pop("name"), Versions(**{key: str(value) for key, value in entry.items()}))
        for release, entry in data.items()
    }


def standing(system: System | None, here: Versions) -> tuple[bool, str]:
    """Whether this release was tried, and a line that names it and those that were tried."""
    title = (system.title or system.release) if system else msg("an unknown system")
    known = tested()
    told = joined(": ", (title, here.text))
    if system and system.release in known:
        there = known[system.release].versions
        if there.programs == here.programs:
            return True, msg("{told} (tested)", told=told)
        return True, msg("{told} (tested, then with {programs})", told=told, programs=there.programs)
    names = ", ".join(each.name for each in known.values())
    return False, msg("{told}; tested: {names}", told=told, names=names)


def this_standing(libvirt: str, qemu: str, linux: str) -> tuple[bool, str]:
    """The same for this host, whose libvirt, QEMU and kernel have these versions."""
    try:
        system: System | None = packages.this_system()
    except errors.ImageError:
        system = None
    return standing(system, Versions(qemu, libvirt, linux, platform.python_version()))
