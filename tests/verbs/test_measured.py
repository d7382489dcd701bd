"""bench as a function: where its result goes, and what becomes of one that can't be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from silent import Silent

from provisioner import errors
from provisioner.cli import bench_command
from provisioner.hypervisor.uris import SYSTEM
from provisioner.lifecycle import running
from provisioner.measure import benchmark
from provisioner.model.metadata import Choices
from provisioner.report.terminal.data import Output
from provisioner.store import results
from provisioner.verbs import bench
from tests.observe import bench_samples

SOURCE = "catalog:demo"
BENCH = bench_samples.bench()


@pytest.fixture(autouse=True)
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab is up, and what is measured is known."""

    @contextmanager
    def found(*_: object, **how: object) -> Iterator[tuple[Any, ...]]:
        origin = SimpleNamespace(source=SOURCE, choices=Choices())
        yield None, SimpleNamespace(name="mine"), [SimpleNamespace(metadata=SimpleNamespace(origin=origin))]

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(running, "lab_up", found)
    monkeypatch.setattr(benchmark, "run", lambda *_, **__: (BENCH, None))


def test_a_result_is_kept_saved_and_compared(tmp_path: Path) -> None:
    first = bench.bench("mine", SYSTEM, Silent(), save=tmp_path / "one.json")
    assert first == bench.Measured(BENCH, None, None, None, None)
    assert results.load_bench("mine", SOURCE) == BENCH
    second = bench.bench("mine", SYSTEM, Silent(), against=tmp_path / "one.json")
    assert second.against is not None
    assert not second.against.differences


def test_a_run_that_gave_no_number_is_a_failure_and_replaces_no_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench.bench("mine", SYSTEM, Silent())
    outcomes = tuple(
        replace(each, series=tuple(replace(series, values=()) for series in each.series))
        for each in BENCH.outcomes
    )
    nothing = replace(BENCH, outcomes=outcomes, notes=("full: its clone did not come up",))
    monkeypatch.setattr(benchmark, "run", lambda *_, **__: (nothing, None))
    with pytest.raises(errors.GuestError, match="no guest could be measured\nfull: its clone did not"):
        bench.bench("mine", SYSTEM, Silent())
    assert results.load_bench("mine", SOURCE) == BENCH


def test_what_was_measured_is_there_though_it_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results.atomic, "write", full)
    found = bench.bench("mine", SYSTEM, Silent(), save=tmp_path / "one.json")
    assert found.bench == BENCH
    assert found.not_kept is not None
    assert found.not_saved is not None
    with pytest.raises(type(found.not_saved), match=r"one\.json can't be written: No space left"):
        bench_command.bench("mine", save=tmp_path / "one.json", connect=SYSTEM, output=Output.NAME)
    told = capsys.readouterr()
    assert told.out.split() == [outcome.workload for outcome in BENCH.outcomes]
    assert "the result can't be kept" in told.err


def test_what_was_measured_is_shown_before_it_says_what_kept_guests_from_the_host(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it ends with exit code 1, which each error but those of input has."""
    dropped = errors.HypervisorError("this host drops what one sends to it", hint="let it in: …")
    monkeypatch.setattr(benchmark, "run", lambda *_, **__: (BENCH, dropped))
    with pytest.raises(errors.HypervisorError) as caught:
        bench_command.bench("mine", connect=SYSTEM, output=Output.NAME)
    assert caught.value is dropped
    assert caught.value.exit_code == 1
    assert capsys.readouterr().out.split() == [outcome.workload for outcome in BENCH.outcomes]
