"""What the course is made of: the labs of the catalogue, and whatever was saved of them and of others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from provisioner import paths
from provisioner.labfile import catalog
from provisioner.lifecycle import lab_files
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


def copied(folder: Path, name: str = "demo-openvz") -> Path:
    """The lab file of a copy."""
    shutil.copytree(paths.labs_dir() / name, folder)
    return folder / "lab.yaml"


def test_a_copy_of_a_lab_is_no_lab_of_its_own(tmp_path: Path) -> None:
    """It was a second entry of that title, and what an exercise breaks there counted as failed."""
    file = copied(tmp_path / "my-lab")
    results.save("check", "my-lab", str(file), CHECKED)
    entry = by_target()["demo-openvz"]
    assert len(by_target()) == len(catalog.names(paths.labs_dir()))
    assert entry.page is None, "the lab itself was not run"
    (other,) = entry.others
    assert (other.run.instance, other.run.is_copy, other.run.source) == ("my-lab", True, str(file))
    assert [finding.guest for finding in other.findings] == ["host"]
    results.save("check", "demo-openvz", "catalog:demo-openvz", {**CHECKED, "taken": "of the lab"})
    entry = by_target()["demo-openvz"]
    assert entry.page is not None
    assert (entry.page.checked, len(entry.others)) == ("of the lab", 1)


def test_a_lab_that_set_changed_counts_for_nothing_until_it_is_as_its_file_says() -> None:
    source = "catalog:demo-openvz"
    results.save("check", "changed", source, CHECKED, ["guests.vm1.memory=192MiB"])
    entry = by_target()["demo-openvz"]
    assert entry.page is None
    assert [other.run.sets for other in entry.others] == [("guests.vm1.memory=192MiB",)]
    memory = lab_files.load(*lab_files.locate("demo-openvz")).guest("vm1").memory
    results.save("check", "back", source, CHECKED, [f"guests.vm1.memory={memory >> 20}MiB"])
    entry = by_target()["demo-openvz"]
    assert entry.page is not None
    assert len(entry.others) == 1


def test_a_lab_of_ones_own_is_in_it_as_long_as_its_file_can_be_read(tmp_path: Path) -> None:
    file = copied(tmp_path / "own")
    (tmp_path / "own/lesson.yaml").unlink()
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
