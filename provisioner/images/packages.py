"""Where an image's parts come from: the package manager of the host's own distribution."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from provisioner.errors import ImageError
from provisioner.images.parts import Part
from provisioner.language import msg

Tick = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class System:
    """The distribution: ``likes`` holds its own name first, then those that it descends from.

    ``release`` is its short name and version or code name ("debian 13"), ``title`` what it calls itself.
    """

    likes: tuple[str, ...]
    release: str
    machine: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """One package as the manager would install it; ``size`` in bytes."""

    name: str
    version: str
    sha256: str
    size: int


class Packages(Protocol):
    """What a package manager does for the builder. Every method raises ImageError."""

    def resolve(self, parts: Sequence[Part], system: System) -> list[Package]:
        """The packages that may hold these parts today, with the libraries that they need."""
        ...

    def refresh(self) -> None:
        """Fetch newer lists of packages than the system's."""
        ...

    def fetch(self, packages: Iterable[Package], workspace: Path, tick: Tick) -> list[Path]:
        """The packages' archives, checked by their hash; ``tick`` is told the fraction done."""
        ...

    def keep_only(self, packages: Iterable[Package]) -> None:
        """Remove the archives of all other packages from the cache; their ``size`` does not count."""
        ...

    def unpack(self, archive: Path, target: Path) -> None:
        """Unpack one archive below ``target``, with neither root nor its scripts."""
        ...


def detect_system(machine: str, os_release: Path = Path("/etc/os-release")) -> System:
    """What the host is; ``machine`` as ``os.uname`` gives it. Raises ImageError without os-release."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ImageError(
            msg("the distribution of this host is not known: {error}", error=error), hint="{virtlab} doctor"
        ) from error
    values = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}
    own = values.get("ID", "linux")
    version = values.get("VERSION_ID") or values.get("VERSION_CODENAME") or "rolling"
    likes = (own, *values.get("ID_LIKE", "").split())
    return System(likes, f"{own} {version}", machine, values.get("PRETTY_NAME", ""))


def this_system() -> System:
    """The distribution and machine that images are built on and for. Raises ImageError."""
    return detect_system(os.uname().machine)
