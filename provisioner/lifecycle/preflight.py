"""Checks, before anything is made, whether the connection and the host can carry it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from shlex import quote

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.hypervisor import host_facts
from provisioner.labfile import offers
from provisioner.language import joined, msg
from provisioner.model.lab import Guest, Lab
from provisioner.model.naming import POOL, Instance
from provisioner.model.observed import Observed
from provisioner.units import MIB, rough_size

_QEMU_OVERHEAD = 64 * 1024**2  # bytes, roughly, that a QEMU process takes beside its guest's memory
_LEAST_DISK = 256 * 1024**2  # bytes, for an image and for what a short lesson writes


def check_networks(session: Session, lab: Lab) -> None:
    """Raises InputError where the lab wants a network that the connection can't make."""
    isolated = [network.name for network in lab.networks if network.mode == "isolated"]
    if session.is_session and isolated:
        raise errors.InputError(
            msg(
                "{file}: network {networks} is isolated, which needs a bridge, and {uri} may make none",
                file=lab.file,
                networks=", ".join(isolated),
                uri=session.choice.uri,
            ),
            hint=msg("use the system's libvirt: -c qemu:///system"),
        )


def check_offers(session: Session, lab: Lab) -> None:
    """Raises LabFileError where the lab wants what this libvirt and its QEMU do not have: a machine type, a
    disk bus, a firmware, a processor or a feature of it."""
    conn, guests = session.conn, lab.top_level
    wanted = dict.fromkeys(guest.machine for guest in guests)
    types = host_facts.machine_types(conn)
    features = dict.fromkeys(name for guest in guests for name in guest.processor.features)
    versions = host_facts.versions(conn)
    offers.check(
        lab,
        offers.Offers(
            hypervisor=f"libvirt {versions['libvirt']} with QEMU {versions['qemu']}",
            machines={each: host_facts.machine_offers(conn, each) for each in wanted if each in types},
            unknown_features=[name for name in features if not conn.knows_feature(name)],
        ),
    )


def check_volumes(session: Session, lab: Lab, instance: Instance, observed: Observed) -> None:
    """Raises ConflictError where volumes are in the way of a guest's disks that nothing proves to be
    virtlab's, or the domain whose disks they may be."""
    wanted = {
        instance.volume(guest.name, index): guest.name
        for guest in lab.top_level
        for index in range(len(guest.disks))
    }
    in_the_way = [each for each in observed.doubtful if each.kind == "volume" and each.name in wanted]
    if in_the_way:
        for volume in in_the_way:
            session.conn.require_ours(instance.domain(wanted[volume.name]))
        virsh = f"virsh -c {quote(session.choice.uri)} vol-delete --pool {POOL}"
        remedies = "; ".join(f"{virsh} {each.name}" for each in in_the_way)
        raise errors.ConflictError(
            joined("\n", (each.told for each in in_the_way)),
            hint=msg(
                "if nobody needs it, delete it: {remedies}; or give this lab another name: --as NAME",
                remedies=remedies,
            ),
        )


def memory_of(guests: Iterable[Guest]) -> int:
    """The bytes of memory that these guests of the host's libvirt take."""
    return sum(guest.memory + _QEMU_OVERHEAD for guest in guests)


def check_memory(
    session: Session, guests: Sequence[Guest], least: Mapping[str, int], *, subject: str = msg("the guests")
) -> None:
    """Raises HypervisorError where the host has less free memory than these guests take.

    ``least``: for each guest, the least bytes in which its system comes up, where known. Only where it helps
    is the user told to give the guests less.
    """
    wanted, free = memory_of(guests), session.host.free_memory()
    if free is None or wanted <= free:
        return
    hints = [msg("end labs that nobody needs: {virtlab} status, {virtlab} down LAB")]
    spare = sum(max(0, guest.memory - least.get(guest.name, guest.memory)) for guest in guests)
    if wanted - spare <= free:
        less = rough_size(wanted - free + MIB - 1)
        hints.append(msg("or give the guests {less} less in all: memory: in the lab file", less=less))
    raise errors.HypervisorError(
        msg(
            "{subject} need {wanted} of memory, and only {free} is free",
            subject=subject,
            wanted=rough_size(wanted),
            free=rough_size(free),
        ),
        hint=joined("; ", hints),
    )


def check_disk(session: Session, folder: str, size: int = 0) -> None:
    """Raises HypervisorError where hardly any disk space is free in a folder, beside ``size`` bytes."""
    free, least = session.host.free_disk(folder), _LEAST_DISK + size
    if free is not None and free < least:
        raise errors.HypervisorError(
            msg(
                "only {free} is free in {folder}, for images and disks", free=rough_size(free), folder=folder
            ),
            hint=msg("{least} should be free there", least=rough_size(least)),
        )
