"""Medians, ratios taken pair by pair, their intervals, and verdicts on them.

Nothing is assumed about the distribution of the numbers. The interval of a median reaches from one of the
sorted values to the one at the mirrored place. Its confidence follows from the binomial distribution alone,
because each value lies above the true median as often as below. The exact confidence is given, and not a
round number.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provisioner.measure.workloads import MARGIN, Metric
from provisioner.model.measured import Outcome, Ratio, Series, Verdict

CONFIDENCE = 0.9  # the least confidence of an interval; with less there is none. Five pairs give 0.94
Rounds = Sequence[float | None]  # a number for each round; None where that round has none


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float
    confidence: float


def median(values: Sequence[float]) -> float | None:
    """None where there is no value."""
    return statistics.median(values) if values else None


def spread(values: Sequence[float]) -> tuple[float, float] | None:
    """The lowest and the highest value. None where there is no value."""
    return (min(values), max(values)) if values else None


def interval(values: Sequence[float], at_least: float = CONFIDENCE) -> Interval | None:
    """The narrowest pair of sorted values between which the true median lies with that confidence.

    None where there are too few values for that.
    """
    ordered = sorted(values)
    count = len(ordered)
    below, tail, best = 0, 0, None
    while below < count // 2:
        tail += math.comb(count, below)  # of 2**count ways, those with at most ``below`` on one side
        confidence = 1 - 2 * tail / 2**count
        if confidence < at_least:
            break
        best = Interval(ordered[below], ordered[count - 1 - below], confidence)
        below += 1
    return best


def ratio(guest: str, base: str, values: Rounds, base_values: Rounds) -> Ratio:
    """``guest`` against ``base``, from the rounds in which both have a number above zero."""
    pairs = tuple(
        own / other
        for own, other in zip(values, base_values, strict=False)
        if own is not None and other is not None and own > 0 and other > 0
    )
    of_median = interval(pairs)
    return Ratio(
        guest=guest,
        base=base,
        pairs=pairs,
        median=median(pairs),
        low=of_median.low if of_median else None,
        high=of_median.high if of_median else None,
        confidence=of_median.confidence if of_median else None,
        verdict=verdict(of_median, any_pair=bool(pairs)),
    )


def verdict(of_median: Interval | None, *, any_pair: bool = True) -> Verdict:
    """The verdict on a ratio by its interval. Within the control's margin, it counts as no difference."""
    if not any_pair:
        return Verdict.MISSING
    if of_median is None:
        return Verdict.UNCLEAR
    if of_median.low > MARGIN[1]:
        return Verdict.MORE
    if of_median.high < MARGIN[0]:
        return Verdict.LESS
    return Verdict.SAME if MARGIN[0] <= of_median.low and of_median.high <= MARGIN[1] else Verdict.UNCLEAR


def outcome(
    metric: Metric,
    rounds: Mapping[str, Rounds],
    *,
    missing: Mapping[str, str] | None = None,
    label: str = "",
    raw: tuple[tuple[str, str], ...] = (),
) -> Outcome:
    """One metric on all guests, in the order of ``rounds``. The first guest is the base of the ratios.

    ``missing`` says for a guest why it lacks numbers.
    """
    base, *others = rounds
    return Outcome(
        workload=metric.name,
        unit=metric.unit,
        more_is_better=metric.more_is_better,
        series=tuple(
            Series(guest, tuple(v for v in values if v is not None), (missing or {}).get(guest, ""))
            for guest, values in rounds.items()
        ),
        ratios=tuple(ratio(guest, base, rounds[guest], rounds[base]) for guest in others),
        label=label,
        raw=raw,
    )


def control_holds(control: Outcome | None) -> bool | None:
    """Whether each guest did the processor's work as fast as the first one. None where that is not known."""
    if control is None or not control.ratios:
        return None
    medians = [r.median for r in control.ratios]
    if any(m is None for m in medians):
        return None
    return all(MARGIN[0] <= m <= MARGIN[1] for m in medians if m is not None)
