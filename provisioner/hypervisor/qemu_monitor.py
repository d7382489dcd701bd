"""One running domain as its host sees it: what it used, and QEMU's trace switched on and off."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import libvirt
import libvirt_qemu

from provisioner import errors
from provisioner.hypervisor.failures import code_of, translate, translated

_EXITS = re.compile(r"vcpu\.\d+\.exits\.sum")


def pause(dom: Any) -> bool:
    """Stops the processors of a domain. False where they stood still already, or it is not running."""
    with translated(f"can't pause {dom.name()}"):
        try:
            if dom.state()[0] not in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED):
                return False
            dom.suspend()
        except libvirt.libvirtError as error:
            if code_of(error) in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
                return False
            raise
    return True


def unpause(dom: Any) -> None:
    """Lets a paused domain go on; one that is not paused, or gone, stays as it is."""
    with translated(f"can't let {dom.name()} go on"):
        try:
            if dom.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
                dom.resume()
        except libvirt.libvirtError as error:
            if code_of(error) not in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
                raise


def processor_seconds(dom: Any) -> float:
    """What the domain's QEMU process has used of the host's processors, all its threads together."""
    with translated(f"can't read the processor time of {dom.name()}"):
        return float(dom.info()[4]) / 1e9


def exits(dom: Any) -> int | None:
    """How often the domain's processors left guest mode so far; None where KVM or libvirt don't count it."""
    with translated(f"can't read the statistics of {dom.name()}"):
        ((_, stats),) = dom.connect().domainListGetStats([dom], libvirt.VIR_DOMAIN_STATS_VCPU)
    found = [value for key, value in stats.items() if _EXITS.fullmatch(key)]
    return sum(found) if found else None


def disk_requests(dom: Any) -> int | None:
    """The read and write requests that QEMU's disks have served; None where it does not count them."""
    with translated(f"can't read the statistics of {dom.name()}"):
        ((_, stats),) = dom.connect().domainListGetStats([dom], libvirt.VIR_DOMAIN_STATS_BLOCK)
    keys = [
        f"block.{disk}.{kind}.reqs" for disk in range(stats.get("block.count", 0)) for kind in ("rd", "wr")
    ]
    found = [stats[key] for key in keys if key in stats]
    return sum(found) if found else None


def trace(dom: Any, events: Sequence[str], *, on: bool) -> None:
    """Switches QEMU's trace events, which write to its log. Raises HypervisorError where it has none."""
    flags = libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
    for event in events:
        command = f"trace-event {event} {'on' if on else 'off'}"
        try:
            said = libvirt_qemu.qemuMonitorCommand(dom, command, flags)
        except libvirt.libvirtError as error:
            raise translate(error, f"can't trace {dom.name()}") from error
        if said.strip():
            raise errors.HypervisorError(f"this QEMU can't trace {event}: {said.strip()[:200]}")
