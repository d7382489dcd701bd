"""What guests cost their host, from two looks at their processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from worlds import after, guest, lab, stopped

from provisioner.backends.session import Session
from provisioner.model.observed import Member
from provisioner.observe import host_side, usage
from provisioner.observe.host_side import Outside

SEEN = stopped(after(lab(guest("one"), guest("two"), guest("three"))), "three")
ONE, TWO = "virtlab.learner.demo.one", "virtlab.learner.demo.two"


def outside(name: str, pid: int | None, seconds: float | None) -> Outside:
    return Outside(name, "tcg", pid, "", (), 300, seconds, {})


@pytest.mark.parametrize(
    ("before", "now", "processor"),
    [
        ((7, 5.0), (7, 8.0), 1.5),
        ((None, 5.0), (None, 5.0), 0.0),  # only libvirt could be asked
        ((7, None), (7, None), None),
        ((7, 5.0), (8, 0.5), None),  # started again meanwhile
    ],
)
def test_processor_time_is_a_difference(
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[int | None, float | None],
    now: tuple[int | None, float | None],
    processor: float | None,
) -> None:
    clock = [100.0]
    looks = iter((before, now))

    def look(session: Session, domains: Sequence[Member]) -> list[Outside]:
        assert [domain.guest for domain in domains] == ["one", "two"]
        return [outside("one", *next(looks)), outside("two", 9, 1.0)]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(host_side, "outside", look)
    monkeypatch.setattr(usage.time, "sleep", sleep)
    monkeypatch.setattr(usage.time, "monotonic", lambda: clock[0])
    found = usage.watch([(cast(Any, None), SEEN)], 2.0)
    assert found[ONE] == usage.Usage(2.0, 300, processor)
    assert found[TWO] == usage.Usage(2.0, 300, 0.0)
    assert len(found) == 2
