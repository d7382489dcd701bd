"""What libvirt counts of running domains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libvirt

from provisioner import errors, listener
from provisioner.hypervisor.calls import within
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.failures import translated
from provisioner.language import msg
from provisioner.model import naming

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import Counted

_SECONDS = 3.0  # QEMU answers within milliseconds
_EXIT = re.compile(r"vcpu\.\d+\.([a-z_]*exits)\.sum")


@dataclass(frozen=True, slots=True)
class DomainStats:
    """What one domain used since its start. None, or empty, where libvirt does not know."""

    seconds: float | None  # of processor time
    resident: int | None  # bytes of its process that are in memory
    vcpus: tuple[float, ...]  # seconds of processor time of each
    exits: dict[str, int]  # kind, as KVM calls it -> how often, all vCPUs together; only under KVM


def of_domains(conn: Connection, names: Sequence[str]) -> dict[str, DomainStats]:
    """The statistics of running domains, by name. One that is gone or stopped is left out."""
    kinds = (
        libvirt.VIR_DOMAIN_STATS_CPU_TOTAL | libvirt.VIR_DOMAIN_STATS_VCPU | libvirt.VIR_DOMAIN_STATS_BALLOON
    )
    # without waiting for a domain with which somebody else is busy
    flags = (
        libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    )
    handle = within(conn.handle, _SECONDS)
    with translated(msg("can't read the statistics of the guests")):
        try:
            statistics = handle.getAllDomainStats(kinds, flags)
        except errors.Busy:
            # the first call waits in a QEMU that is stopped, and is busy with that domain: a second one does
            # not wait for it
            statistics = handle.getAllDomainStats(kinds, flags)
            _tell([dom.name() for dom, stats in statistics if "balloon.rss" not in stats], names)
        return {name: _stats(stats) for dom, stats in statistics if (name := dom.name()) in names}


def _tell(stuck: Sequence[str], names: Sequence[str]) -> None:
    """Names those of the domains whose QEMU does not answer; libvirt leaves out what only that knows."""
    labels = [
        f"{split[0].name}/{split[1]}" for name in stuck if name in names and (split := naming.split(name))
    ]
    if labels:
        listener.announce(
            msg("{labels}: QEMU does not answer; it is stopped, or stuck", labels=", ".join(labels))
        )


def _stats(stats: Counted) -> DomainStats:
    exits: dict[str, int] = {}
    for key, value in stats.items():
        if match := _EXIT.fullmatch(key):
            exits[match.group(1)] = exits.get(match.group(1), 0) + value
    nanoseconds, rss = stats.get("cpu.time"), stats.get("balloon.rss")
    count = stats.get("vcpu.maximum", 0)
    times = [stats[key] for number in range(count) if (key := f"vcpu.{number}.time") in stats]
    return DomainStats(
        seconds=None if nanoseconds is None else nanoseconds / 1e9,
        resident=None if rss is None else rss * 1024,
        vcpus=tuple(time / 1e9 for time in times),
        exits=exits,
    )
