"""Two results beside each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.measure.baseline import Difference, Move, Moved, compared
from provisioner.model.measured import Bench
from tests.observe.bench_samples import HOST, bench, outcome

SENT = outcome("network-send", 50, 4)


def move_of(before: Bench, after: Bench, guest: str = "virtio") -> Move:
    (found,) = (m for m in compared(before, after).moves if m.guest == guest)
    return found


@pytest.mark.parametrize(
    ("factor", "moved"),
    [(4.0, Moved.NOT_SEEN), (8.0, Moved.UP), (2.0, Moved.DOWN), (4.1, Moved.NOT_SEEN)],
)
def test_a_median_moved_where_the_intervals_lie_apart(factor: float, moved: Moved) -> None:
    found = move_of(bench(SENT), bench(outcome("network-send", 50, factor)))
    assert found.moved is moved
    assert (found.before, found.after) == (pytest.approx(200), pytest.approx(50 * factor))
    assert move_of(bench(SENT), bench(outcome("network-send", 50, factor)), "full").moved is Moved.NOT_SEEN


def test_a_wide_spread_hides_a_change() -> None:
    noisy = outcome("network-send", 50, 8, (0.4, 1.0, 1.4, 1.0, 0.9))
    assert move_of(bench(SENT), bench(noisy)).moved is Moved.NOT_SEEN


def test_too_few_rounds_say_nothing() -> None:
    few = outcome("network-send", 50, 8, (1, 1, 1))
    assert move_of(bench(SENT), bench(few)).moved is Moved.UNKNOWN


def test_what_only_one_result_has_is_listed() -> None:
    found = compared(bench(SENT), bench(outcome("ping", 300, 1)))
    assert [(m.workload, m.before is None, m.after is None) for m in found.moves if m.guest == "full"] == [
        ("ping", True, False),
        ("network-send", False, True),
    ]
    assert {m.moved for m in found.moves} == {Moved.UNKNOWN}


@pytest.mark.parametrize(("field", "value"), [("processor", "Intel Xeon"), ("cores", 64)])
def test_on_another_processor_nothing_is_said_of_a_change(field: str, value: object) -> None:
    other = replace(bench(outcome("network-send", 50, 8)), host=replace(HOST, **{field: value}))
    found = compared(bench(SENT), other)
    assert not found.comparable
    assert found.differences == (Difference("", field, str(getattr(HOST, field)), str(value)),)
    assert {m.moved for m in found.moves} == {Moved.NOT_COMPARED}


def test_with_another_accelerator_nothing_is_said_of_a_change() -> None:
    found = compared(bench(SENT), bench(SENT, accel="kvm"))
    assert not found.comparable
    assert [(d.guest, d.before, d.after) for d in found.differences] == [
        ("full", "tcg", "kvm"),
        ("virtio", "tcg", "kvm"),
    ]


def test_another_kernel_is_told_and_the_change_too() -> None:
    other = replace(bench(outcome("network-send", 50, 8)), host=replace(HOST, kernel="Linux 7.0"))
    found = compared(bench(SENT), other)
    assert found.comparable
    assert [d.what for d in found.differences] == ["kernel"]
    assert Moved.UP in {m.moved for m in found.moves}


def test_numbers_of_another_unit_are_not_compared() -> None:
    other = replace(SENT, unit="Mbit/s")
    assert move_of(bench(SENT), bench(other)).moved is Moved.NOT_COMPARED
