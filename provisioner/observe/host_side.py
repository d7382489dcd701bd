"""Looks at guests from the host: what Linux and libvirt know of their processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.host.local_host import HostThread
from provisioner.model.observed import Member, ObservedDomain


@dataclass(frozen=True, slots=True)
class Outside:
    """One guest, seen from outside. Values that neither the host nor libvirt knows are None or empty."""

    guest: str
    accel: str  # kvm | tcg
    pid: int | None
    user: str
    vcpus: tuple[HostThread, ...]  # ``tid`` is 0 where only libvirt could be asked
    resident: int | None  # bytes
    seconds: float | None  # of processor time since its start
    exits: dict[str, int]  # by kind; empty under emulation, and where KVM or libvirt does not count them


def outside(session: Session, domains: Sequence[Member]) -> list[Outside]:
    """What is known of each guest, in the order of ``domains``. A failure of a single guest is not raised.

    The host knows nothing of a guest inside another.
    """
    from provisioner.hypervisor import domain_stats

    own = {domain.guest: domain.name for domain in domains if isinstance(domain, ObservedDomain)}
    names = [own[domain.guest] for domain in domains if domain.is_active and domain.guest in own]
    try:
        counted = domain_stats.of_domains(session.conn, names)
    except errors.HypervisorError:
        counted = {}
    processes = session.host.qemu_processes(names)
    seen_outside = []
    for domain in domains:
        name = own.get(domain.guest, "")
        process, told = processes.get(name), counted.get(name)
        if process is not None:
            vcpus = tuple(thread for thread in process.threads if thread.name.startswith("CPU "))
        else:
            times = told.vcpus if told else ()
            vcpus = tuple(HostThread(0, f"vCPU {number}", seconds) for number, seconds in enumerate(times))
        seen_outside.append(
            Outside(
                guest=domain.guest,
                accel=domain.metadata.accel,
                pid=process.pid if process else None,
                user=process.user if process else "",
                vcpus=vcpus,
                resident=process.resident if process else told.resident if told else None,
                seconds=process.seconds if process else told.seconds if told else None,
                exits=dict(told.exits) if told else {},
            )
        )
    return seen_outside
