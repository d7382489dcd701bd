"""What running guests cost their host now: memory, and processor time over some seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.backends.session import Session
from provisioner.model.observed import Observed
from provisioner.observe import host_side
from provisioner.observe.host_side import Outside


@dataclass(frozen=True, slots=True)
class Usage:
    """The cost of one guest over some time. None stands for what neither the host nor libvirt knows."""

    over: float  # seconds that it was watched
    resident: int | None  # bytes of its process that are in memory, at the end
    processor: float | None  # seconds of processor time for each second


def watch(looks: Sequence[tuple[Session, Observed]], seconds: float) -> dict[str, Usage]:
    """The cost of the active domains on each connection, by name. The guests themselves are not asked."""
    before = [_sample(session, observed) for session, observed in looks]
    time.sleep(seconds)
    usages: dict[str, Usage] = {}
    for earlier, (session, observed) in zip(before, looks, strict=True):
        later = _sample(session, observed)
        for name in earlier.keys() & later.keys():
            usages[name] = _between(earlier[name], later[name])
    return usages


def _sample(session: Session, observed: Observed) -> dict[str, tuple[float, Outside]]:
    sample: dict[str, tuple[float, Outside]] = {}
    for instance in observed.instances():
        active = [domain for domain in observed.of(instance).domains if domain.is_active]
        outside = host_side.outside(session, active)
        now = time.monotonic()
        sample |= {domain.name: (now, one) for domain, one in zip(active, outside, strict=True)}
    return sample


def _between(earlier: tuple[float, Outside], later: tuple[float, Outside]) -> Usage:
    (began, first), (ended, last) = earlier, later
    # a guest that was started again meanwhile has another process
    known = first.pid == last.pid and first.seconds is not None and last.seconds is not None
    spent = (last.seconds or 0.0) - (first.seconds or 0.0)
    return Usage(ended - began, last.resident, spent / (ended - began) if known else None)
