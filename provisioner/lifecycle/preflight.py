"""Checks, before anything is made, whether the connection and the host can carry it."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.hypervisor import host_facts
from provisioner.model import offers
from provisioner.model.lab import Guest, Lab
from provisioner.units import rough_size

_QEMU_OVERHEAD = 64 * 1024**2  # bytes, roughly, that a QEMU process takes beside its guest's memory
_LEAST_DISK = 256 * 1024**2  # bytes, for an image and for what a short lesson writes


def check_networks(session: Session, lab: Lab) -> None:
    """Raises InputError where the lab wants a network that the connection can't make."""
    isolated = [network.name for network in lab.networks if network.mode == "isolated"]
    if session.is_session and isolated:
        raise errors.InputError(
            f"{lab.file}: network {', '.join(isolated)} is isolated, which needs a bridge, "
            f"and {session.choice.uri} may make none",
            hint="use the system's libvirt: -c qemu:///system",
        )


def check_disk_buses(session: Session, lab: Lab) -> None:
    """Raises LabFileError where the lab wants disks on a bus that this libvirt and its QEMU do not have."""
    machines = dict.fromkeys(guest.machine for guest in lab.top_level if guest.disks)
    offered = {machine: host_facts.disk_buses(session.conn, machine) for machine in machines}
    wanted = {(guest.machine, disk.bus) for guest in lab.top_level for disk in guest.disks}
    if any(bus not in offered[machine] for machine, bus in wanted):
        versions = host_facts.versions(session.conn)
        offers.check_disks(lab, offered, f"libvirt {versions['libvirt']} with QEMU {versions['qemu']}")


def memory_of(guests: Iterable[Guest]) -> int:
    """The bytes of memory that these guests of the host's libvirt take."""
    return sum(guest.memory + _QEMU_OVERHEAD for guest in guests)


def check_memory(
    session: Session,
    guests: Iterable[Guest],
    *,
    subject: str = "the guests",
    hint: str = "end labs that nobody needs ({virtlab} status), or give the guests less "
    "(--set defaults.memory=...)",
) -> None:
    """Raises HypervisorError where the host has less free memory than these guests take."""
    wanted, free = memory_of(guests), session.host.free_memory()
    if free is not None and wanted > free:
        raise errors.HypervisorError(
            f"{subject} need {rough_size(wanted)} of memory, and only {rough_size(free)} is free", hint=hint
        )


def check_disk(session: Session, folder: str) -> None:
    """Raises HypervisorError where hardly any disk space is free in a folder."""
    free = session.host.free_disk(folder)
    if free is not None and free < _LEAST_DISK:
        raise errors.HypervisorError(
            f"only {rough_size(free)} is free in {folder}, for images and disks",
            hint=f"free {rough_size(_LEAST_DISK)} there",
        )
