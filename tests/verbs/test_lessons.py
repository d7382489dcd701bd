"""Hints, solutions and guides as functions: no lab is up, and progress is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner import errors
from provisioner.lifecycle import running
from provisioner.store import progress_file
from provisioner.teach import learning
from provisioner.verbs import Language, exercises, guide

LAB = "demo-paravirt"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_each_call_tells_one_more_hint() -> None:
    first, second = (exercises.hint(LAB, 1, None) for _ in range(2))
    assert (first.typed.instance, first.step.number, first.not_kept) == (LAB, 1, None)
    assert (len(first.hints), len(second.hints)) == (1, min(2, len(second.step.exercise.hints)))
    assert second.hints[:1] == first.hints


def test_a_hint_is_told_where_progress_can_not_be_kept(own_state: Path) -> None:
    (own_state / "state").write_text("a file in the way")
    told = exercises.hint(LAB, None, None)
    assert told.hints
    assert told.not_kept is not None
    assert "your progress can't be kept" in told.not_kept.message


def test_the_first_exercise_that_is_not_passed_is_meant() -> None:
    lab, _ = learning.lab_of(LAB, None)
    lesson = learning.lesson_of(lab)
    done = progress_file.Progress().with_passed(lesson.exercises[0].name)
    progress_file.save(lesson.name, done)
    assert exercises.solve(LAB, None, None).step.number == 2
    assert exercises.solve(LAB, 1, None).step.number == 1
    for exercise in lesson.exercises:
        done = done.with_passed(exercise.name)
    progress_file.save(lesson.name, done)
    with pytest.raises(errors.VirtlabError, match="all exercises are passed"):
        exercises.hint(LAB, None, None)
    with pytest.raises(errors.InputError, match="there is no exercise 99"):
        exercises.solve(LAB, 99, None)


@pytest.mark.parametrize("language", list(Language))
def test_a_guide(language: Language) -> None:
    found = guide.guide(LAB, language, None)
    assert (found.typed.instance, found.language) == (LAB, language)
    assert found.lesson is not None
    assert found.progress == progress_file.Progress()


def test_a_lab_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> object:
        raise errors.NotFound("no lab 'no-such' of yours is up")

    monkeypatch.setattr(running, "lab_up", nowhere)
    with pytest.raises(errors.InputError, match='there is no lab "no-such"'):
        guide.guide("no-such", Language.EN, None)
