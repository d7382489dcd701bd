"""/dev/kvm that QEMU's user can't open: no matter whether KVM is real here, it makes libvirt slow.

libvirt's daemon tries KVM with rights that the user has not whom it runs guests as. Where the one can
open /dev/kvm and the other can't, the daemon takes what it knows of QEMU for outdated at each use.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.backends.session import Session
from provisioner.hypervisor import host_facts
from provisioner.hypervisor.host_facts import QemuUser
from provisioner.listener import Listener

_GROUP = "kvm"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One line of shell, and whether it takes its user into a group, which counts from the next login on."""

    command: str
    joins_group: bool


def kept_out(session: Session) -> QemuUser | None:
    """QEMU's user, where it can't open the /dev/kvm that is there. Only the system's libvirt has one."""
    device = None if session.is_session else session.host.kvm()
    if device is None or not device.exists:
        return None
    user = host_facts.qemu_user(session.conn, session.host)
    return None if user is None or user.can_open(device) else user


def say_why_slow(session: Session, listener: Listener) -> None:
    """Tells it before the wait. Where /dev/kvm is as usual, libvirt is not asked."""
    device = None if session.is_session else session.host.kvm()
    if device is None or device.is_usual(session.host.group_id(_GROUP)):
        return
    if user := kept_out(session):
        listener.note(f"this takes many seconds longer: {cause(user)} ({{virtlab}} doctor tells the remedy)")


def cause(user: QemuUser) -> str:
    """What is wrong, and what comes of it."""
    return (
        f"/dev/kvm can't be opened by {user.name}, the user that QEMU runs as, "
        "and libvirt therefore examines QEMU anew at each use"
    )


def remedy(session: Session, user: str | None, groups: Sequence[int]) -> Remedy:
    """What opens /dev/kvm to a user with these groups, as udev would have it.

    ``user`` is None where the account has no name that could be added to a group, or is not known.
    """
    number = session.host.group_id(_GROUP)
    steps = ["groupadd --system kvm"] if number is None else []
    joins_group = user is not None and number not in groups
    if joins_group:
        steps.append(f"usermod --append --groups kvm {user}")
    steps += ["chgrp kvm /dev/kvm", "chmod 660 /dev/kvm"]
    command = " && ".join(step if os.geteuid() == 0 else f"sudo {step}" for step in steps)
    return Remedy(command, joins_group)
