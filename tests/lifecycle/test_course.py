"""What the course is made of: the labs of the catalogue, and whatever was saved of them and of others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from provisioner import paths
from provisioner.labfile import catalog
from provisioner.model.article import PARTS
from provisioner.model.typed import Typed
from provisioner.store import progress_file, results
from provisioner.store.progress_file import Progress
from provisioner.verbs import course

CHECKED: dict[str, Any] = {
    "taken": "2026-03-01T10:12:00+00:00",
    "accels": {"host": "tcg"},
    "findings": [
        {
            "item": "kernel",
            "guest": "host",
            "title": {"en": "Kernel", "ja": "カーネル"},
            "saw": ["6.1"],
            "expect": {"how": "is", "values": ["6.1"]},
            "verdict": "pass",
            "why": "",
            "lesson": None,
        }
    ],
}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "virtlab" / "results"


def by_target() -> dict[str, course.Entry]:
    return {entry.target: entry for entry in course.report_all().entries}


def test_all_labs_are_in_it_in_the_articles_order_though_none_was_run() -> None:
    found = course.report_all()
    assert {entry.target for entry in found.entries} == set(catalog.names(paths.labs_dir()))
    order = [*PARTS, None]
    assert [order.index(entry.part) for entry in found.entries] == sorted(
        order.index(entry.part) for entry in found.entries
    )
    assert all(entry.page is None and entry.description for entry in found.entries)
    assert len(found.products) == 6


def test_what_was_saved_of_a_lab_is_shown_whatever_it_was_called() -> None:
    results.save("check", "mine", "catalog:demo-openvz", CHECKED)
    entry = by_target()["demo-openvz"]
    assert entry.page is not None
    assert entry.page.checked == CHECKED["taken"]
    assert [finding.guest for finding in entry.page.findings] == ["host"]
    assert entry.page.typed == Typed("demo-openvz", "mine", named=True)
    assert [(guest.name, guest.accel) for guest in entry.page.guests] == [
        ("host", "tcg"),
        ("vm1", ""),
        ("vm2", ""),
    ]


def test_the_newest_of_several_runs_counts(state: Path) -> None:
    for name, age in (("old", 100), ("new", 50), ("older", 200)):
        taken = {**CHECKED, "taken": f"of {name}"}
        path = results.save("check", name, "catalog:demo-openvz", taken)
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    entry = by_target()["demo-openvz"]
    assert entry.page is not None
    assert entry.page.checked == "of new"


def test_a_lab_of_ones_own_is_in_it_as_long_as_its_file_can_be_read(tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(paths.labs_dir() / "demo-openvz", own)
    file = own / "lab.yaml"
    results.save("check", "own", str(file), CHECKED)
    entry = by_target()[str(file)]
    assert (entry.part, entry.page is not None) == ("6(6)", True)
    file.write_text("virtlab: 1\n", encoding="utf-8")
    assert str(file) not in by_target()


def test_exercises_that_were_passed_are_marked() -> None:
    lesson = next(entry for entry in course.report_all().entries if entry.target == "demo-kvm")
    assert lesson.exercises
    assert not any(passed for _, passed in lesson.exercises)
    progress_file.save("demo-kvm", Progress(frozenset(("take-memory-back",))))
    assert [passed for _, passed in by_target()["demo-kvm"].exercises] == [False, True, False]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"source": 1}', b'{"source": "relative/lab.yaml"}'])
def test_what_can_not_be_read_is_passed_over(state: Path, content: bytes) -> None:
    state.mkdir(parents=True)
    (state / "demo-kvm.check.json").write_bytes(content)
    (state / "no name.check.json").write_bytes(b'{"source": "catalog:demo-kvm"}')
    (state / "demo-xen.other.json").write_bytes(b'{"source": "catalog:demo-xen"}')
    assert all(entry.page is None for entry in course.report_all().entries)
