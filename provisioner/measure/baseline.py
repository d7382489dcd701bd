"""Compares two results of a benchmark: what changed, and whether a change may be claimed at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.measure import statistics
from provisioner.measure.workloads import MARGIN
from provisioner.model.measured import Bench, GuestConfig, HostFacts, Outcome


class Moved(StrEnum):
    """What became of a median."""

    UP = "up"  # the intervals of the two medians lie apart, by more than the control's margin
    DOWN = "down"
    NOT_SEEN = "not-seen"  # the intervals overlap: no change was measured
    UNKNOWN = "unknown"  # there are too few numbers for an interval, or none
    NOT_COMPARED = "not-compared"  # taken on different machines


@dataclass(frozen=True, slots=True)
class Difference:
    """Something beside the numbers that differs. ``what`` is a field of HostFacts or GuestConfig."""

    guest: str  # empty: the host
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Move:
    """One workload of one guest."""

    workload: str
    unit: str
    guest: str
    before: float | None
    after: float | None
    moved: Moved


@dataclass(frozen=True, slots=True)
class Against:
    """``comparable`` is False where the processor or a guest's accelerator differs."""

    before: str  # when it was taken
    after: str
    differences: tuple[Difference, ...]
    comparable: bool
    moves: tuple[Move, ...]


def compared(before: Bench, after: Bench) -> Against:
    """Each workload and guest that one of them has, in the order of ``after``."""
    differences = (*_hosts(before.host, after.host), *_guests(before, after))
    comparable = not any(d.what in ("processor", "cores", "accel") for d in differences)
    old = {o.workload: o for o in before.outcomes}
    new = {o.workload: o for o in after.outcomes}
    moves = [
        _move(old.get(workload), new.get(workload), workload, guest, comparable=comparable)
        for workload in dict.fromkeys((*new, *old))
        for guest in _names(new.get(workload), old.get(workload))
    ]
    return Against(before.taken, after.taken, differences, comparable, tuple(moves))


def _hosts(before: HostFacts, after: HostFacts) -> list[Difference]:
    names = ("processor", "cores", "kernel", "qemu", "libvirt", "connection")
    return [
        Difference("", name, str(getattr(before, name)), str(getattr(after, name)))
        for name in names
        if getattr(before, name) != getattr(after, name)
    ]


def _guests(before: Bench, after: Bench) -> list[Difference]:
    old: dict[str, GuestConfig] = {g.name: g for g in before.guests}
    names = ("accel", "machine", "processors", "memory", "disk", "cache", "network", "network_mode")
    return [
        Difference(guest.name, name, str(getattr(old[guest.name], name)), str(getattr(guest, name)))
        for guest in after.guests
        if guest.name in old
        for name in names
        if getattr(old[guest.name], name) != getattr(guest, name)
    ]


def _names(*outcomes: Outcome | None) -> list[str]:
    return list(dict.fromkeys(s.guest for o in outcomes if o for s in o.series))


def _move(
    before: Outcome | None, after: Outcome | None, workload: str, guest: str, *, comparable: bool
) -> Move:
    old, new = _values(before, guest), _values(after, guest)
    units = {outcome.unit for outcome in (before, after) if outcome}
    moved = _moved(old, new) if comparable and len(units) == 1 else Moved.NOT_COMPARED
    return Move(workload, units.pop(), guest, statistics.median(old), statistics.median(new), moved)


def _values(outcome: Outcome | None, guest: str) -> tuple[float, ...]:
    return next((s.values for s in outcome.series if s.guest == guest), ()) if outcome else ()


def _moved(old: tuple[float, ...], new: tuple[float, ...]) -> Moved:
    first, second = statistics.interval(old), statistics.interval(new)
    if first is None or second is None:
        return Moved.UNKNOWN
    if second.low > first.high * MARGIN[1]:
        return Moved.UP
    return Moved.DOWN if second.high < first.low * MARGIN[0] else Moved.NOT_SEEN
