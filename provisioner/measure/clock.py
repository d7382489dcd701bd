"""Checks whether guests' clocks run as fast as the host's.

Linux measures at each start how fast its processor counts. Where the host is busy in that moment, an emulated
guest may take a number that is far off, and its clock then runs at a tenth or at fifty times the true speed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from provisioner import errors
from provisioner.transport.result import Result

_SECONDS = 1.0  # between the two readings of a clock
_ANSWER_SECONDS = 20.0
_FAR_OFF = 1.5  # delays of the host are allowed for separately, so this much is no accident


class Reads(Protocol):
    """What a command in a guest is run with."""

    def run(self, argv: Sequence[str], *, timeout: float) -> Result: ...


@dataclass(frozen=True, slots=True)
class _Look:
    before: float  # the host's clock
    guest: float
    after: float


def far_off(guests: Mapping[str, Reads]) -> dict[str, float]:
    """The guests whose clocks are far off, each with the seconds that its clock counts in a second.

    Of the possible values, that is the one nearest to 1.

    A guest that does not answer is not among them.
    """
    first = {name: _look(guest) for name, guest in guests.items()}
    time.sleep(_SECONDS)
    rates = {}
    for name, guest in guests.items():
        begin, end = first[name], _look(guest)
        if begin is None or end is None:
            continue
        passed = end.guest - begin.guest
        slowest, fastest = passed / (end.after - begin.before), passed / (end.before - begin.after)
        if slowest > _FAR_OFF or fastest < 1 / _FAR_OFF:
            rates[name] = slowest if slowest > 1 else fastest
    return rates


def _look(guest: Reads) -> _Look | None:
    before = time.monotonic()
    try:
        result = guest.run(["cat", "/proc/uptime"], timeout=_ANSWER_SECONDS)
        after = time.monotonic()
        return _Look(before, float(result.stdout.split()[0]), after)
    except (errors.GuestError, errors.HypervisorError, ValueError, IndexError):
        return None
