"""``hint`` and ``solve``: help with an exercise, whether the lab is up or not.

A lab is given by its name, folder or file, or by the name that it is up under. Both verbs raise InputError
where there is no such lab or exercise, and VirtlabError where the lab has no exercises or, with no number
given, all of them are passed.
"""

from __future__ import annotations

from dataclasses import dataclass

from provisioner import errors
from provisioner.language import Text
from provisioner.model.typed import Typed
from provisioner.store import progress_file
from provisioner.teach import commands, learning
from provisioner.teach.commands import Author
from provisioner.teach.learning import Step
from provisioner.verbs import kept


@dataclass(frozen=True, slots=True)
class Hints:
    """The hints for an exercise that were shown so far, with one more than before."""

    typed: Typed
    step: Step
    hints: tuple[Text, ...]
    not_kept: errors.VirtlabError | None  # why the number of hints could not be kept


@dataclass(frozen=True, slots=True)
class Solved:
    """The exercise whose solution is told."""

    typed: Typed
    step: Step
    author: Author


def hint(target: str, number: int | None, connect: str | None) -> Hints:
    """One more hint for the exercise of that number, from 1, or for the first that is not passed."""
    lab, typed = learning.lab_of(target, connect)
    lesson = learning.lesson_of(lab)
    step = learning.wanted(lesson, number)
    hints, progress = learning.hints(lesson, step.exercise)
    return Hints(typed, step, hints, kept.problem_of(lambda: progress_file.save(lesson.name, progress)))


def solve(target: str, number: int | None, connect: str | None) -> Solved:
    """The exercise of that number, from 1, or the first that is not passed."""
    lab, typed = learning.lab_of(target, connect)
    step = learning.wanted(learning.lesson_of(lab), number)
    return Solved(typed, step, commands.author_of(lab))
