"""``check`` on the command line: what it found is kept, whoever stops reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provisioner.cli import lesson_commands
from provisioner.lifecycle import running
from provisioner.model.metadata import Choices
from provisioner.report.terminal import data
from provisioner.report.terminal.data import Output
from provisioner.store import results
from provisioner.teach import checks
from provisioner.teach.checks import Checked


def test_a_check_is_kept_though_nobody_reads_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def found(*_: object) -> Iterator[tuple[Any, ...]]:
        member = SimpleNamespace(metadata=SimpleNamespace(origin=SimpleNamespace(choices=Choices())))
        yield None, SimpleNamespace(name="mine"), [member]

    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    lab = SimpleNamespace(name="demo", source="catalog:demo", observe=("something",))
    result = Checked("mine", "2026-03-01T10:12:00+00:00", {}, {}, (), {}, {})
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(running, "lab_up", found)
    monkeypatch.setattr(running, "lab_of", lambda _: lab)
    monkeypatch.setattr(checks, "run", lambda *_, **__: result)
    monkeypatch.setattr(data, "emit", gone)
    with pytest.raises(BrokenPipeError):
        lesson_commands.check("mine", output=Output.TABLE)
    kept = results.load("check", "mine", "catalog:demo")
    assert kept is not None
    assert kept["taken"] == "2026-03-01T10:12:00+00:00"
