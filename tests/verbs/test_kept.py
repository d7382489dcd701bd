"""What is kept of checks and comparisons for ``report``, written and read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.language import Text
from provisioner.model.lab import Expectation, How, Observation
from provisioner.report.terminal import text
from provisioner.store import results
from provisioner.teach import verdicts
from provisioner.teach.checks import Checked
from provisioner.verbs import kept

SOURCE = "catalog:demo"
EXPECT = Expectation(How.HAS, ("virtio",))
ITEM = Observation("disk", Text("Its disk"), ("full",), None, ("lsblk",), "", EXPECT, (), Text("So it is."))
WHY = "it is optional: {virtlab} up demo --with full"
CHECKED = Checked(
    "mine",
    "2026-03-01T10:12:00+00:00",
    {"full": "tcg"},
    {},
    (
        verdicts.judged(ITEM, "full", ("sata",), b"lsblk: one is odd\n"),
        verdicts.impossible(ITEM, "full", WHY),
        verdicts.unasked(ITEM, "full", "mine/full is stopped", "{virtlab} start mine/full"),
        verdicts.unusable(ITEM, "full", "exit code 2: no such file"),
    ),
    {},
    {},
)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("VIRTLAB_RUN_AS", "./bootstrap virtlab")


def test_a_check_is_read_as_it_was() -> None:
    results.save("check", "mine", SOURCE, kept.check_data(CHECKED))
    taken, found = kept.last_check("mine", SOURCE)
    assert taken == CHECKED.taken
    assert [(f.guest, f.saw, f.verdict, f.why, f.complaint, f.remedy) for f in found] == [
        (f.guest, f.saw, f.verdict, f.why, f.complaint, f.remedy) for f in CHECKED.findings
    ]
    assert kept.checked_accels("mine", SOURCE) == {"full": "tcg"}


def test_what_is_kept_names_no_command_of_the_one_who_checked() -> None:
    file = results.save("check", "mine", SOURCE, kept.check_data(CHECKED))
    assert "bootstrap" not in file.read_text(encoding="utf-8")


def test_a_check_of_an_older_version_has_its_command_spelled_out() -> None:
    data = kept.check_data(CHECKED)
    data["findings"][1]["why"] = "it is optional: virtlab up demo --with full"
    for finding in data["findings"]:
        del finding["complaint"]
    results.save("check", "mine", SOURCE, data)
    _, (_, impossible, *_) = kept.last_check("mine", SOURCE)
    assert text.spelled(impossible.why) == "it is optional: virtlab up demo --with full"


def test_older_versions_took_for_failed_what_could_not_be_asked() -> None:
    data = kept.check_data(CHECKED)
    data["findings"][2]["verdict"] = "fail"
    for finding in data["findings"]:
        del finding["remedy"]
    results.save("check", "mine", SOURCE, data)
    _, found = kept.last_check("mine", SOURCE)
    assert [str(each.verdict) for each in found] == ["fail", "impossible", "unasked", "unasked"]


@pytest.mark.parametrize("data", [None, [], {}, {"findings": [{}], "taken": "now"}, {"findings": 1}])
def test_what_makes_no_sense_counts_as_nothing(data: object) -> None:
    results.save("check", "mine", SOURCE, data)
    assert kept.last_check("mine", SOURCE) == ("", ())


@pytest.mark.parametrize("data", [None, [], {}, {"guests": 1, "lab": 2, "taken": 3}, {"guests": [1, {}]}])
def test_a_comparison_that_makes_no_sense_counts_as_nothing(data: object) -> None:
    results.save("compare", "mine", SOURCE, data)
    assert kept.last_comparison("mine", SOURCE) == kept.KeptComparison(None, "", ())


def test_what_can_be_done_without_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(file))
    problem = kept.problem_of(lambda: results.save("check", "mine", SOURCE, {}))
    assert problem is not None
    assert problem.hint
    assert kept.problem_of(lambda: None) is None
