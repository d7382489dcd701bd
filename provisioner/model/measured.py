"""What a benchmark found: the numbers, what they were taken on, and what follows from them.

``plain.to_data`` gives the JSON form, which ``bench -o json``, ``--save`` and ``--against`` use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FORMAT = 1


class Verdict(StrEnum):
    """What a comparison of two guests came to."""

    MORE = "more"  # the interval of the ratio lies above what the control allows
    LESS = "less"  # below it
    SAME = "same"  # no difference measured: inside the control's margin
    UNCLEAR = "unclear"  # the interval crosses the margin: more rounds would be needed
    MISSING = "missing"  # one of the two has no numbers


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The machine on which the numbers were taken. A field is empty where it can't be read."""

    processor: str
    cores: int
    kernel: str
    qemu: str
    libvirt: str
    connection: str
    load: float | None  # of the last minute, before the benchmark began


@dataclass(frozen=True, slots=True)
class GuestConfig:
    """A guest as it was measured."""

    name: str
    accel: str  # kvm | tcg
    machine: str
    processors: int
    memory: int  # bytes
    disk: str  # "ide", "virtio", "scsi (vmpvscsi)"
    cache: str  # of its first disk
    network: str  # "e1000"
    network_mode: str  # nat | user


@dataclass(frozen=True, slots=True)
class Series:
    """One guest's numbers for one workload, a number for each round."""

    guest: str
    values: tuple[float, ...]
    missing: str = ""  # why there are none, or fewer


@dataclass(frozen=True, slots=True)
class Ratio:
    """``guest`` against ``base``: the values of each round divided, pair by pair."""

    guest: str
    base: str
    pairs: tuple[float, ...]
    median: float | None
    low: float | None  # interval of the median
    high: float | None
    confidence: float | None  # of that interval, such as 0.94
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """One workload on all guests."""

    workload: str  # a name of measure.workloads
    unit: str  # "MB/s", "µs", "s", "1/request", "s/GB"
    more_is_better: bool
    series: tuple[Series, ...]
    ratios: tuple[Ratio, ...]
    label: str = ""  # how the measured clone differed from the learner's guest: "ioeventfd='off'"
    raw: tuple[tuple[str, str], ...] = ()  # details behind it: register accesses by device, ...


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of ``virtlab bench``."""

    format: int
    lab: str
    instance: str
    taken: str  # UTC, ISO 8601
    quick: bool
    rounds: int
    seconds: float
    host: HostFacts
    guests: tuple[GuestConfig, ...]
    outcomes: tuple[Outcome, ...]
    control: tuple[float, float]  # the margin within which the control must come out
    control_holds: bool | None  # None where the control has no numbers
    notes: tuple[str, ...]  # what is missing, and why; what to doubt
