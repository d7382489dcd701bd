"""The stack below each guest that is up, from the facts of the guests and of the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from provisioner import errors
from provisioner.backends.session import Session

if TYPE_CHECKING:
    from provisioner.observe.collect import GuestFacts
    from provisioner.observe.stack import HostSide, Stack


def stacks(session: Session, inside: Sequence[GuestFacts]) -> list[Stack]:
    """One for each guest, in the order given; of a guest that told nothing, with what its metadata says.

    A parent stands before those inside it.
    """
    from provisioner.observe import stack_inside

    told = [stack_inside.StackGuest(one.metadata.guest, one.metadata.accel, one.facts) for one in inside]
    return list(stack_inside.of_all(told, host=host_side(session)).values())


def host_side(session: Session) -> HostSide:
    """The host below the guests, as far as it can be read."""
    from provisioner.hypervisor import host_facts
    from provisioner.observe.stack import HostSide

    try:
        qemu = host_facts.versions(session.conn)["qemu"]
    except errors.HypervisorError:
        qemu = ""
    machine, storage = session.host.machine(), session.host.storage(session.pool_folder)
    return HostSide(
        processor=machine.processor if machine else "",
        kernel=machine.kernel if machine else "",
        qemu=qemu,
        file_system=storage.file_system if storage else "",
        disk_drivers=storage.drivers if storage else (),
        user_network=session.is_session,
    )
