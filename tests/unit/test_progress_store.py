"""How far a learner is: kept, and tolerant of whatever is in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import VirtlabError
from provisioner.store import progress_file
from provisioner.store.progress_file import Progress


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "virtlab/progress"


def test_it_is_kept_by_lesson(folder: Path) -> None:
    assert progress_file.load("demo") == Progress()
    done = Progress().with_passed("one").with_hints("two", 2)
    progress_file.save("demo", done)
    assert progress_file.load("demo") == done
    assert progress_file.load("other") == Progress()
    assert [path.name for path in folder.iterdir()] == ["demo.json"]


def test_it_can_be_forgotten_as_a_whole_and_by_exercise() -> None:
    done = Progress().with_passed("one").with_passed("two").with_hints("one", 2).with_hints("two", 1)
    assert done.without("one") == Progress(frozenset({"two"}), {"two": 1})
    for name in ("demo", "other"):
        progress_file.save(name, done)
    progress_file.forget("demo")
    progress_file.forget("demo")  # again: nothing is there
    assert progress_file.lessons() == ["other"]
    assert progress_file.load("demo") == Progress()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 2, "passed": [], "hints": {}}',
        b'{"format": 1, "passed": 5, "hints": {}}',
        b'{"format": 1, "passed": [], "hints": []}',
        b"\xff\xfe",
        b"[" * 50_000,
    ],
)
def test_a_broken_file_is_as_good_as_none(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "demo.json").write_bytes(content)
    assert progress_file.load("demo") == Progress()
    progress_file.save("demo", Progress().with_passed("one"))
    assert progress_file.load("demo").passed == {"one"}


def test_what_makes_no_sense_in_it_is_left_out(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "demo.json").write_text(
        '{"format": 1, "passed": ["one", 2, null], "hints": {"a": "x", "b": -1, "c": true, "d": 2}}'
    )
    assert progress_file.load("demo") == Progress(frozenset({"one"}), {"d": 2})


def test_a_folder_in_the_place_of_the_file(folder: Path) -> None:
    (folder / "demo.json").mkdir(parents=True)
    assert progress_file.load("demo") == Progress()
    with pytest.raises(VirtlabError, match="can't be kept"):
        progress_file.save("demo", Progress())
    with pytest.raises(VirtlabError, match="can't be removed"):
        progress_file.forget("demo")
    assert [path.name for path in folder.iterdir()] == ["demo.json"]
