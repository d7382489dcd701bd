"""Where QEMU's user can't open /dev/kvm, libvirt becomes slow, whether or not KVM is real on this host.

libvirt's daemon tries KVM with more rights than the user has as whom it runs guests. Where the daemon can
open /dev/kvm and that user can't, the daemon takes its knowledge of QEMU for outdated at each use.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.backends.session import Session
from provisioner.hypervisor import host_facts
from provisioner.hypervisor.host_facts import QemuUser
from provisioner.language import msg
from provisioner.listener import Listener

_GROUP = "kvm"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One line of shell, and whether it takes its user into a group, which counts from the next login on."""

    command: str
    joins_group: bool


def kept_out(session: Session) -> QemuUser | None:
    """QEMU's user, where /dev/kvm exists and it can't open it. Only the system's libvirt has such a user."""
    device = None if session.is_session else session.host.kvm()
    if device is None or not device.exists:
        return None
    user = host_facts.qemu_user(session.conn, session.host)
    return None if user is None or user.can_open(device) else user


def say_why_slow(session: Session, listener: Listener) -> None:
    """Tells the listener, before the wait. Where /dev/kvm has its usual permissions, libvirt is not asked."""
    device = None if session.is_session else session.host.kvm()
    if device is None or device.is_usual(session.host.group_id(_GROUP)):
        return
    if user := kept_out(session):
        listener.note(
            msg(
                "this takes many seconds longer: {cause} (for the remedy: {virtlab} doctor)",
                cause=cause(user),
            )
        )


def cause(user: QemuUser) -> str:
    """What is wrong, and what comes of it."""
    return msg(
        "/dev/kvm can't be opened by {name}, the user that QEMU runs as, and libvirt "
        "therefore examines QEMU anew at each use",
        name=user.name,
    )


def remedy(session: Session, user: str | None, groups: Sequence[int]) -> Remedy:
    """The commands that open /dev/kvm to a user with these groups, in the way of udev.

    ``user`` is None where the account is not known, or has no name that could be added to a group.
    """
    number = session.host.group_id(_GROUP)
    steps = ["groupadd --system kvm"] if number is None else []
    joins_group = user is not None and number not in groups
    if joins_group:
        steps.append(f"usermod --append --groups kvm {user}")
    steps += ["chgrp kvm /dev/kvm", "chmod 660 /dev/kvm"]
    command = " && ".join(step if os.geteuid() == 0 else f"sudo {step}" for step in steps)
    return Remedy(command, joins_group)
