"""Whether a guest's clock keeps time: told from the host's, with the delays of the way left out."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from provisioner import errors
from provisioner.measure import clock
from provisioner.transport.result import Result


class Host:
    """A host whose time passes only when somebody waits."""

    now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Guest:
    """One that counts ``pace`` seconds in one, and answers after so many seconds."""

    def __init__(self, host: Host, pace: float, delays: Sequence[float] = (0.01, 0.01)) -> None:
        self._host, self._pace, self._delays = host, pace, list(delays)

    def run(self, argv: Sequence[str], *, timeout: float) -> Result:
        assert argv == ["cat", "/proc/uptime"]
        uptime = 5 + (self._host.now - 1000) * self._pace
        delay = self._delays.pop(0)
        if delay > timeout:
            raise errors.GuestError("it does not answer")
        self._host.sleep(delay)
        return Result(0, None, f"{uptime:.2f} 3.00\n".encode(), b"", truncated=False)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host()
    monkeypatch.setattr(time, "monotonic", lambda: found.now)
    monkeypatch.setattr(time, "sleep", found.sleep)
    return found


def test_what_busy_hosts_really_did_is_noticed(host: Host) -> None:
    paces = {"right": 1.0, "five": 4.2, "fifty": 58.5, "slow": 0.0042}
    found = clock.far_off({name: Guest(host, pace) for name, pace in paces.items()})
    assert found.keys() == {"five", "fifty", "slow"}
    assert found["five"] == pytest.approx(4.2, rel=0.1)
    assert found["fifty"] == pytest.approx(58.5, rel=0.1)
    assert found["slow"] < 0.05


@pytest.mark.parametrize("delays", [(3, 0.1), (0.1, 3), (3, 3), (0.01, 9)])
def test_a_slow_answer_is_no_wrong_clock(host: Host, delays: tuple[float, float]) -> None:
    assert clock.far_off({"one": Guest(host, 1.0, delays)}) == {}


def test_one_that_does_not_answer_is_told_of_elsewhere(host: Host) -> None:
    assert clock.far_off({"one": Guest(host, 50.0, (0.01, 99)), "two": Guest(host, 1.0)}) == {}
