"""Whether the user that QEMU runs as can come to what it reads: the images and disks in virtlab's pool.

Files of guests get that user as their owner, from libvirt. The folders above them stay as they are. A home
folder is often closed to others, and the pool's folder may be a link that leads into one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from shlex import quote

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.hypervisor import host_facts
from provisioner.language import msg

_ANYBODY = -1  # the id of a user who is nobody in particular


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps QEMU from the pool, and the command that helps."""

    told: str
    remedy: str


def obstacle(session: Session) -> Obstacle | None:
    """None where nothing is in the way, or where that can't be known. libvirt is asked only where a folder is
    not open to everybody."""
    if session.is_session or session.host.barred(session.pool_folder, _ANYBODY, ()) is None:
        return None
    user = host_facts.qemu_user(session.conn, session.host)
    barred = None if user is None else session.host.barred(session.pool_folder, user.uid, user.groups)
    if user is None or barred is None:
        return None
    sudo = "" if os.geteuid() == 0 else "sudo "
    return Obstacle(
        msg(
            "{user}, the user that QEMU runs as, can't enter {barred}, "
            "and images and disks are in it: {pool}",
            user=user.name,
            barred=barred,
            pool=session.pool_folder,
        ),
        msg("let others pass through it: {command}", command=f"{sudo}chmod o+x {quote(barred)}"),
    )


def check(session: Session) -> None:
    """Raises PermissionDenied where QEMU can't come to the pool."""
    if found := obstacle(session):
        raise errors.PermissionDenied(found.told, hint=found.remedy)
