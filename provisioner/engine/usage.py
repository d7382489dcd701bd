"""What running guests cost their host now: its memory, and its processors' time over some seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.engine import hostside
from provisioner.engine.hostside import Outside
from provisioner.engine.session import Session
from provisioner.seen import Seen


@dataclass(frozen=True, slots=True)
class Usage:
    """One guest over some time. None where neither the host nor libvirt tells."""

    over: float  # seconds that it was watched
    resident: int | None  # bytes of its process that are in memory, at the end
    processor: float | None  # seconds of processor time for each second


def watch(looks: Sequence[tuple[Session, Seen]], seconds: float) -> dict[str, Usage]:
    """The active domains of what was seen on each connection, by name; they are not asked anything."""
    before = [_sample(session, seen) for session, seen in looks]
    time.sleep(seconds)
    found: dict[str, Usage] = {}
    for earlier, (session, seen) in zip(before, looks, strict=True):
        later = _sample(session, seen)
        for name in earlier.keys() & later.keys():
            found[name] = _between(earlier[name], later[name])
    return found


def _sample(session: Session, seen: Seen) -> dict[str, tuple[float, Outside]]:
    found: dict[str, tuple[float, Outside]] = {}
    for instance in seen.instances():
        active = [domain for domain in seen.of(instance).domains if domain.is_active]
        outside = hostside.outside(session, active)
        now = time.monotonic()
        found |= {domain.name: (now, one) for domain, one in zip(active, outside, strict=True)}
    return found


def _between(earlier: tuple[float, Outside], later: tuple[float, Outside]) -> Usage:
    (began, first), (ended, last) = earlier, later
    # another process, where it was started again meanwhile
    known = first.pid == last.pid and first.seconds is not None and last.seconds is not None
    spent = (last.seconds or 0.0) - (first.seconds or 0.0)
    return Usage(ended - began, last.resident, spent / (ended - began) if known else None)
