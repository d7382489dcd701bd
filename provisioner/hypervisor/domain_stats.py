"""What libvirt counts of running domains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libvirt

from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.failures import translated

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import Counted

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
    with translated("can't read the statistics of the guests"):
        statistics = conn.handle.getAllDomainStats(kinds, flags)
        return {name: _stats(stats) for dom, stats in statistics if (name := dom.name()) in names}


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
