"""Exercises of virtlab's own labs: what passes them, what a hint leaves open, what is left up."""

from __future__ import annotations

import re

import pytest
from exercise_states import ANSWERS, DONE, STATES, Seen, State

from provisioner import paths
from provisioner.labfile import catalog, lesson
from provisioner.labfile.lesson import Exercise
from provisioner.language import Language, said
from provisioner.lifecycle import lab_files
from provisioner.model.lab import Observation
from provisioner.teach import verdicts
from provisioner.teach.verdicts import Verdict


def _exercises() -> dict[str, Exercise]:
    found = {}
    for name in catalog.names(paths.labs_dir()):
        taught = lesson.load(lab_files.load(*lab_files.locate(name)))
        assert taught is not None
        found |= {f"{name} {exercise.name}": exercise for exercise in taught.exercises}
    return found


EXERCISES = _exercises()
# What a command of a solution only looks at.
_LOOKS = re.compile(
    r"\{virtlab\} (status|exec \S+ -- (cat|ls|lspci|lsmod|free|readlink|grep|uname|xl list|tenants|contend|"
    r"guest-memory|testspeed|sh -c 'dmesg|sh -c 'grep|sh -c 'dd|sh -c 'for n|sh -c 'lspci)\b)|sleep "
)


def judged(item: Observation, guest: str, seen: Seen) -> Verdict:
    """The verdict on what a guest shows, as ``check`` comes to it."""
    if isinstance(seen, tuple):
        return verdicts.judged(item, guest, seen).verdict
    code, output = (seen, "") if isinstance(seen, int) else (0, seen)
    try:
        return verdicts.judged(item, guest, verdicts.read(item, code, output.encode(), b"")).verdict
    except ValueError:
        return Verdict.FAIL


def passes(exercise: Exercise, state: State) -> bool:
    looks = {f"{item.name} {guest}": (item, guest) for item in exercise.check for guest in item.guests}
    assert looks.keys() == state.keys()
    return {judged(*looks[at], seen) for at, seen in state.items()} == {Verdict.PASS}


def test_of_every_exercise_it_is_known_what_it_shows() -> None:
    assert STATES.keys() == {at for at, exercise in EXERCISES.items() if exercise.check}
    assert ANSWERS.keys() == {at for at, exercise in EXERCISES.items() if exercise.answer}
    for states in STATES.values():
        assert {"untouched", DONE} < states.keys(), "and what it shows when a part of it is done"


@pytest.mark.parametrize("at", STATES)
def test_it_passes_when_all_of_it_is_done_and_neither_untouched_nor_after_a_part(at: str) -> None:
    assert {state for state, seen in STATES[at].items() if passes(EXERCISES[at], seen)} == {DONE}


@pytest.mark.parametrize("at", ANSWERS)
def test_only_the_right_answer_is_right(at: str) -> None:
    asked, answer = ANSWERS[at], EXERCISES[at].answer
    assert answer is not None
    told = {word: verdicts.is_right(answer, asked.values, word) for word in (*asked.right, *asked.wrong)}
    assert told == dict.fromkeys(asked.right, True) | dict.fromkeys(asked.wrong, False)


@pytest.mark.parametrize("at", EXERCISES)
def test_a_lab_that_a_solution_brings_up_beside_its_own_is_taken_down_after_it(at: str) -> None:
    solution = EXERCISES[at].solution
    up = {name for command in solution.commands for name in re.findall(r"\} up (?:--yes )?(\S+)", command)}
    here = {at.split()[0], "{lab}"}  # which its exercises may bring up anew
    down = {name for command in solution.undo for name in re.findall(r"\} down (\S+)", command)}
    assert up - here == down


@pytest.mark.parametrize("at", EXERCISES)
@pytest.mark.parametrize("language", list(Language))
def test_no_hint_is_the_whole_solution(at: str, language: Language) -> None:
    work = [
        command.replace("{virtlab} ", "").replace(" --yes", "")
        for command in EXERCISES[at].solution.commands
        if not _LOOKS.match(command)
    ]
    for hint in EXERCISES[at].hints if work else ():
        told = said(hint, language)
        assert not all(command in told for command in work), told
