"""Chooses the package manager of this system."""

from __future__ import annotations

from pathlib import Path

from provisioner.errors import ImageError
from provisioner.images.apt import Apt
from provisioner.images.packages import Packages, System
from provisioner.language import msg


def provider(system: System, root: Path) -> Packages:
    """The package manager of this system, working below the cache folder ``root``.

    Raises ImageError on a system whose package manager is not supported.
    """
    if system.machine != "x86_64":
        raise ImageError(
            msg("images are built on x86-64 hosts only, and this one is {machine}", machine=system.machine),
            hint=msg("use an x86-64 host"),
        )
    if not {"debian", "ubuntu"} & set(system.likes):
        raise ImageError(
            msg(
                "images are built from Debian or Ubuntu packages, and this system is {release}",
                release=system.release,
            ),
            hint=msg("use a host with Debian 12 or newer, or Ubuntu 24.04 or newer"),
        )
    return Apt(root)
