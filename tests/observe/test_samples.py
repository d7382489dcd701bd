"""Medians, intervals and verdicts, against known values and as properties."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.measure import statistics
from provisioner.measure.workloads import Metric, metrics
from provisioner.model.measured import Outcome, Verdict

NUMBERS = st.floats(min_value=1e-6, max_value=1e6)
SPEED = metrics()["network-send"]


@pytest.mark.parametrize(
    ("values", "low", "high", "confidence"),
    [
        # the sign test's tables: n values, which of them bound the interval, and how sure it is
        (range(1, 6), 1, 5, 0.9375),
        (range(1, 7), 1, 6, 0.96875),
        (range(1, 8), 1, 7, 0.984375),
        (range(1, 9), 2, 7, 0.9296875),
        (range(1, 11), 2, 9, 0.978515625),
        (range(1, 21), 6, 15, 0.9586105),
    ],
)
def test_an_interval_is_that_of_the_sign_test(
    values: range, low: float, high: float, confidence: float
) -> None:
    found = statistics.interval(values)
    assert found is not None
    assert (found.low, found.high) == (low, high)
    assert found.confidence == pytest.approx(confidence, abs=1e-6)


@pytest.mark.parametrize("count", range(5))
def test_too_few_values_give_no_interval(count: int) -> None:
    assert statistics.interval([1.0] * count) is None


def test_the_confidence_told_is_the_one_that_repeated_trials_show() -> None:
    """Of a lopsided distribution with median 1, whose mean is far from it."""
    chance = random.Random(7)  # noqa: S311
    trials, held = 4000, 0
    for _ in range(trials):
        found = statistics.interval([chance.lognormvariate(0, 2) for _ in range(9)])
        assert found is not None
        held += found.low <= 1 <= found.high
    assert held / trials == pytest.approx(found.confidence, abs=0.015)


@given(st.lists(NUMBERS, min_size=5, max_size=40))
def test_an_interval_holds_the_median_and_lies_among_the_values(values: list[float]) -> None:
    found, middle = statistics.interval(values), statistics.median(values)
    assert found is not None
    assert middle is not None
    assert found.low <= middle <= found.high
    assert {found.low, found.high} <= set(values)
    assert statistics.CONFIDENCE <= found.confidence < 1


@given(st.lists(NUMBERS, min_size=5, max_size=20), st.randoms())
def test_the_order_of_values_does_not_matter(values: list[float], chance: random.Random) -> None:
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert statistics.interval(shuffled) == statistics.interval(values)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=5, max_size=20))
def test_the_other_way_round_a_ratio_says_the_opposite(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    one, other = statistics.ratio("b", "a", first, second), statistics.ratio("a", "b", second, first)
    assert one.low is not None
    assert other.high is not None
    assert one.low == pytest.approx(1 / other.high)
    if one.verdict is Verdict.MORE:
        assert other.verdict in (Verdict.LESS, Verdict.UNCLEAR)  # 1/1.05 is a little more than 0.95


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        ((1.9, 1.8, 2.0, 1.85, 1.95), Verdict.MORE),
        ((0.5, 0.4, 0.6, 0.55, 0.94), Verdict.LESS),
        ((0.95, 1.05, 1.0, 1.01, 0.99), Verdict.SAME),
        ((0.9, 1.3, 1.0, 1.1, 1.2), Verdict.UNCLEAR),
        ((1.051, 1.2, 1.3, 1.4, 1.04), Verdict.UNCLEAR),  # reaches into the margin
        ((2.0, 2.0, 2.0, 2.0), Verdict.UNCLEAR),  # four pairs are too few to be sure
        ((), Verdict.MISSING),
    ],
)
def test_a_verdict_follows_from_where_the_interval_lies(pairs: tuple[float, ...], verdict: Verdict) -> None:
    assert statistics.ratio("b", "a", pairs, [1.0] * len(pairs)).verdict is verdict


def test_a_ratio_is_taken_round_by_round_and_not_of_medians() -> None:
    # the host became slower, for both alike: each round says twice, though the numbers overlap
    base = (100.0, 80.0, 50.0, 30.0, 10.0)
    found = statistics.ratio("b", "a", [2 * value for value in base], base)
    assert (found.low, found.median, found.high) == (2, 2, 2)
    assert found.verdict is Verdict.MORE


def test_rounds_that_one_of_both_lacks_make_no_pair() -> None:
    found = statistics.ratio("b", "a", (2.0, None, 6.0, 8.0), (1.0, 1.0, None, 2.0, 9.0))
    assert found.pairs == (2.0, 4.0)
    assert statistics.ratio("b", "a", (1.0, 0.0), (0.0, 1.0)).verdict is Verdict.MISSING


def test_an_outcome_has_the_first_guest_as_base_and_keeps_what_is_missing() -> None:
    found = statistics.outcome(
        SPEED,
        {"a": [1.0] * 5, "b": [2.0] * 5, "c": [None, 3.0]},
        missing={"c": "it ended in round 3"},
    )
    assert [(r.guest, r.base, r.verdict) for r in found.ratios] == [
        ("b", "a", Verdict.MORE),
        ("c", "a", Verdict.UNCLEAR),
    ]
    assert found.series[2].values == (3.0,)
    assert found.series[2].missing == "it ended in round 3"
    assert (found.workload, found.unit, found.more_is_better) == ("network-send", "MB/s", True)


def control(*ratios: float) -> Outcome:
    metric: Metric = metrics()["control"]
    return statistics.outcome(metric, {"a": [1.0] * 5, **{f"g{i}": [r] * 5 for i, r in enumerate(ratios)}})


def test_the_control_holds_where_every_guest_comes_out_within_the_margin() -> None:
    assert statistics.control_holds(control(0.95, 1.05)) is True
    assert statistics.control_holds(control(1.0, 1.06)) is False
    assert statistics.control_holds(control(0.94)) is False


def test_a_control_without_numbers_is_not_said_to_hold() -> None:
    assert statistics.control_holds(None) is None
    assert statistics.control_holds(control()) is None
    empty = statistics.outcome(metrics()["control"], {"a": [1.0] * 5, "b": []})
    assert statistics.control_holds(empty) is None
