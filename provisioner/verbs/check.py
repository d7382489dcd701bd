"""``check``: compares what the guests of an instance show with what its lab says, or an exercise wants."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner import errors
from provisioner.language import msg, of_text
from provisioner.lifecycle import running
from provisioner.model.typed import Typed
from provisioner.store import progress_file, results
from provisioner.teach import checks, commands, learning
from provisioner.teach.checks import Checked
from provisioner.teach.commands import Author
from provisioner.teach.learning import Step
from provisioner.verbs import kept


@dataclass(frozen=True, slots=True)
class LabCheck:
    """The result of checking everything that a lab says."""

    checked: Checked
    not_kept: errors.VirtlabError | None  # why the result could not be kept for ``report``


@dataclass(frozen=True, slots=True)
class StepCheck:
    """The result of checking one exercise."""

    typed: Typed
    step: Step
    author: Author
    answer_is_right: bool | None  # None where no answer was given
    checked: Checked | None  # None where the exercise looks at no guest
    passed: bool
    next_step: Step | None  # the first exercise that is not passed; None where all are
    not_kept: errors.VirtlabError | None  # why the progress could not be kept


def check(target: str, connect: str | None, *, timeout: float | None = None) -> LabCheck:
    """Makes the observations of the lab and keeps the result for ``report``, where any guest could be asked.

    ``target`` is the name of an instance, or the folder or file of its lab. ``timeout``: as of
    ``checks.run``. Raises NotFound where no such
    instance is up, and VirtlabError where its lab says nothing that could be checked.
    """
    with running.lab_up(connect, target) as (session, instance, members):
        lab = running.lab_of(members)
        if not lab.observe:
            raise errors.VirtlabError(
                msg("the lab {name} says nothing that could be checked", name=lab.name),
                hint=msg(
                    "see what is different between its guests: {virtlab} compare {name}", name=instance.name
                ),
            )
        checked = checks.run(session, members, lab.observe, timeout=timeout)
    if not checked.tells_something:
        return LabCheck(checked, None)
    data, sets = kept.check_data(checked), members[0].metadata.origin.choices.sets
    problem = kept.problem_of(lambda: results.save("check", instance.name, lab.source, data, sets))
    return LabCheck(checked, problem)


def check_step(
    target: str, number: int, answer: str | None, connect: str | None, *, timeout: float | None = None
) -> StepCheck:
    """Checks the exercise of that number, counted from 1. Where it is passed, the progress is kept.

    ``timeout``: as of ``checks.run``. Raises what ``check`` raises, and InputError where there is no such
    exercise, where it wants an answer and none is given, and where it wants none and one is given.
    """
    with running.lab_up(connect, target) as (session, instance, members):
        lab = running.lab_of(members)
        lesson = learning.lesson_of(lab)
        step = learning.step(lesson, number)
        exercise = step.exercise
        if (answer is None) != (exercise.answer is None):
            task = of_text(members[0].metadata.origin.typed.text(exercise.task))
            wants = msg("exercise {number} wants an answer:\n{task}", number=number, task=task)
            wants_none = msg("exercise {number} wants no answer:\n{task}", number=number, task=task)
            more = f" --answer {'NUMBER' if exercise.answer.count else 'TEXT'}" if exercise.answer else ""
            raise errors.InputError(
                wants if exercise.answer else wants_none,
                hint=f"{{virtlab}} check {instance.name} --step {number}{more}",
            )
        right, checked = None, None
        if answer is not None:
            right = checks.answered(session, members, exercise, answer, timeout=timeout)
        if exercise.check:
            checked = checks.run(session, members, exercise.check, everybody=False, timeout=timeout)
    passed = right is not False and (checked is None or checked.passed)
    progress = progress_file.load(lesson.name)
    not_kept = None
    if passed:
        progress = progress.with_passed(exercise.name)
        not_kept = kept.problem_of(lambda: progress_file.save(lesson.name, progress))
    next_step = learning.next_step(lesson, progress)
    author, typed = commands.author_of(lab), members[0].metadata.origin.typed
    return StepCheck(typed, step, author, right, checked, passed, next_step, not_kept)
