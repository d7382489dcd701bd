"""What is kept speaks Japanese later, too, and a file from anybody does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisioner import paths
from provisioner.language import Language, msg, said
from provisioner.store import kept_messages, results


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "state_dir", lambda: tmp_path)
    return tmp_path


def test_a_kept_reason_can_be_said_in_japanese(state: Path) -> None:
    pytest.importorskip("babel")
    why = msg("exit code {exit_code}: {told}", exit_code=3, told=msg("it gave no reason"))
    results.save("check", "a", "catalog:a", {"findings": [{"why": why, "guest": "full"}]})
    kept = results.load("check", "a", "catalog:a")
    (finding,) = kept["findings"]
    assert finding["why"] == "exit code 3: it gave no reason"
    assert said(finding["why"], Language.JA) == "終了コード3: 理由は示されませんでした"
    assert said(finding["guest"], Language.JA) == "full"


def test_what_programs_read_in_the_file_is_english(state: Path) -> None:
    results.save("check", "a", "catalog:a", {"why": msg("it gave no reason")})
    (file,) = (state / "results").iterdir()
    assert json.loads(file.read_text(encoding="utf-8"))["result"] == {"why": "it gave no reason"}


@pytest.mark.parametrize(
    "table",
    [
        None,
        [],
        {"a": None},
        {"a": {"template": "b", "values": {}}},
        {"a": {"template": "a", "values": {"x": 3}}},
        {"a": {"template": ["a"], "values": {}}},
        {"\x1b[31m": {"template": "\x1b[31m", "values": {}}},
    ],
)
def test_a_table_that_does_not_fit_is_ignored(table: object) -> None:
    (text,) = kept_messages.restored({"list": ["a"], "messages": table})["list"]
    assert text == "a"
    assert type(text) is str
