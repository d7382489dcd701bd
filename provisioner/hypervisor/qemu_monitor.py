"""What a running domain has used of its host, and QEMU's trace, which is switched on and off here."""

from __future__ import annotations

import re
from collections.abc import Sequence

import libvirt
import libvirt_qemu

from provisioner import errors
from provisioner.hypervisor import calls
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import translate, translated
from provisioner.language import msg

_EXITS = re.compile(r"vcpu\.\d+\.exits\.sum")


def processor_seconds(domain: Domain) -> float:
    """The processor time that the domain's QEMU process has used, in seconds, of all its threads."""
    with translated(msg("can't read the processor time of {name}", name=domain.name)):
        return float(domain.handle.info()[4]) / 1e9


def exits(domain: Domain) -> int | None:
    """How often the domain's processors have left guest mode. None where KVM or libvirt does not count it."""
    with translated(msg("can't read the statistics of {name}", name=domain.name)):
        ((_, stats),) = domain.handle.connect().domainListGetStats(
            [domain.handle], libvirt.VIR_DOMAIN_STATS_VCPU
        )
    counters = [value for key, value in stats.items() if _EXITS.fullmatch(key)]
    return sum(counters) if counters else None


def disk_requests(domain: Domain) -> int | None:
    """The read and write requests that QEMU's disks have served. None where QEMU does not count them."""
    with translated(msg("can't read the statistics of {name}", name=domain.name)):
        ((_, stats),) = domain.handle.connect().domainListGetStats(
            [domain.handle], libvirt.VIR_DOMAIN_STATS_BLOCK
        )
    keys = [
        f"block.{disk}.{kind}.reqs" for disk in range(stats.get("block.count", 0)) for kind in ("rd", "wr")
    ]
    counters = [stats[key] for key in keys if key in stats]
    return sum(counters) if counters else None


def trace(domain: Domain, events: Sequence[str], *, on: bool) -> None:
    """Switches trace events of QEMU, which go to its log. Raises HypervisorError where QEMU has none."""
    flags = libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
    for event in events:
        command = f"trace-event {event} {'on' if on else 'off'}"
        try:
            said = calls.on(domain.handle, libvirt_qemu.qemuMonitorCommand, command, flags)
        except libvirt.libvirtError as error:
            raise translate(error, msg("can't trace {name}", name=domain.name)) from error
        if said.strip():
            raise errors.HypervisorError(
                msg("this QEMU can't trace {event}: {said}", event=event, said=said.strip()[:200])
            )
