"""What ``bench`` shows: goldens in both languages, and what must come before the numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.language import Language
from provisioner.measure import statistics
from provisioner.measure.baseline import compared
from provisioner.measure.workloads import metrics
from provisioner.model.measured import Bench, Ratio, Verdict
from provisioner.report.terminal import bench_page as report
from provisioner.report.terminal import wrap
from tests.observe.bench_samples import HOST, bench, outcome

GOLDENS = Path(__file__).parent / "bench"
FAST_CONTROL = outcome("control", 39.4, 1.3)
PARTIAL = replace(
    bench(
        statistics.outcome(
            metrics()["network-send"],
            {"full": [54.0] * 5, "virtio": [190.0, 210.0]},
            missing={"virtio": "it ended in the middle of round 3"},
        ),
        statistics.outcome(metrics()["control"], {"full": [39.4] * 5, "virtio": []}),
    ),
    notes=("register accesses: not available here: QEMU's log can't be read",),
)
CASES: dict[str, Bench] = {
    "whole": bench(),
    "control": bench(FAST_CONTROL, outcome("network-send", 54.1, 3.5)),
    "partial": PARTIAL,
    "kvm": bench(outcome("control", 39.4, 1.0), outcome("disk-read-random", 150, 0.5), accel="kvm"),
}


def golden(name: str, shown: str, request: pytest.FixtureRequest) -> None:
    file = GOLDENS / f"{name}.txt"
    if request.config.getoption("--regenerate"):
        file.write_text(shown + "\n", encoding="utf-8")
    assert shown + "\n" == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("case", CASES)
def test_a_page_is_as_expected(case: str, language: Language, request: pytest.FixtureRequest) -> None:
    golden(f"{case}.{language}", report.page(CASES[case], language), request)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("case", ["changed", "elsewhere"])
def test_a_comparison_with_a_saved_result_is_as_expected(
    case: str, language: Language, request: pytest.FixtureRequest
) -> None:
    later = replace(
        bench(outcome("network-send", 80, 3.5), outcome("ping", 303, 1)), taken="2026-12-01T10:00:00+00:00"
    )
    host = replace(HOST, kernel="Linux 7.0") if case == "changed" else replace(HOST, processor="Intel Xeon")
    found = compared(bench(), replace(later, host=host))
    golden(f"against-{case}.{language}", report.against_page(found, language), request)


def test_a_control_that_does_not_hold_is_said_before_all_else() -> None:
    assert report.page(CASES["control"], Language.EN).startswith("Doubt these numbers: the control")
    assert report.page(CASES["control"], Language.JA).startswith("以下の数値は疑ってください。")
    assert "Doubt" not in report.page(CASES["whole"], Language.EN)


def test_a_control_that_varies_is_said_too() -> None:
    varied = bench(outcome("control", 39.4, 1.0, (0.7, 1.2, 1.0, 1.01, 0.99)))
    assert report.page(varied, Language.EN).startswith("This host was not steady")


def test_a_control_without_numbers_is_said_too() -> None:
    assert "the control (processor work only) has none" in report.page(PARTIAL, Language.EN)


@pytest.mark.parametrize(
    ("low", "median", "high", "kind", "en", "ja"),
    [
        (1.8, 1.9, 2.0, Verdict.MORE, "1.9 times, 1.8 to 2", "1.9倍(1.8〜2)"),
        (0.5, 0.8, 1.0, Verdict.LESS, "1/1.25, 1/2 to 1", "1/1.25(1/2〜1)"),
        (1 / 28, 1 / 26, 1 / 24, Verdict.LESS, "1/26, 1/28 to 1/24", "1/26(1/28〜1/24)"),
        (1 / 26, 1 / 26, 1 / 26, Verdict.LESS, "1/26", "1/26"),
        (
            0.98,
            1.0,
            1.03,
            Verdict.SAME,
            "no difference measured (1/1.02 to 1.03)",
            "差は測定されず(1/1.02〜1.03)",
        ),
        (0.9, 1.1, 1.3, Verdict.UNCLEAR, "not clear: 1/1.11 to 1.3", "不明確: 1/1.11〜1.3"),
    ],
)
def test_a_verdict_in_words(low: float, median: float, high: float, kind: Verdict, en: str, ja: str) -> None:
    ratio = Ratio("virtio", "full", (median,) * 5, median, low, high, 0.9375, kind)
    assert report.verdict(ratio, Language.EN) == en
    assert report.verdict(ratio, Language.JA) == ja


def test_verdicts_without_an_interval() -> None:
    few = Ratio("virtio", "full", (2.0,), 2.0, None, None, None, Verdict.UNCLEAR)
    none = Ratio("virtio", "full", (), None, None, None, None, Verdict.MISSING)
    assert report.verdict(few, Language.EN) == "not clear: too few rounds"
    assert report.verdict(none, Language.EN) == "no numbers"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (0.04213, "0.0421"),
        (1.918, "1.92"),
        (26.0, "26"),
        (1814.4, "1810"),
        (2.5e9, "2.5e+09"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float | None, shown: str) -> None:
    assert report.number(value) == shown


@pytest.mark.parametrize("language", list(Language))
def test_on_a_narrow_terminal_every_line_fits(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for case in CASES.values():
        for line in report.page(case, language).splitlines():
            assert wrap.width(line) <= 80, line


def test_every_number_of_the_table_stands_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = report.page(CASES["whole"], Language.EN)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    narrow = report.page(CASES["whole"], Language.EN)
    assert narrow != wide
    for shown in (
        "54.1",
        "189 (187–193)",
        "3.5 times, 3.46 to 3.57",
        "ioeventfd='off'",
        "5 pairs",
        "no difference",
    ):
        assert shown in narrow


def test_a_workload_of_an_older_result_keeps_its_name() -> None:
    old = replace(outcome("ping", 1, 1), workload="floppy")
    assert "floppy" in report.page(bench(old), Language.EN)
