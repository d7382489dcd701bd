"""Finds a lesson, whether its lab is up or not, and the learner's place in it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from provisioner import errors
from provisioner.labfile import catalog
from provisioner.labfile import lesson as lessons
from provisioner.labfile.lesson import Exercise, Lesson
from provisioner.language import Language, Text, msg
from provisioner.lifecycle import lab_files
from provisioner.model.lab import Lab
from provisioner.model.typed import Typed
from provisioner.store import progress_file
from provisioner.store.progress_file import Progress

_LONGEST_GUIDE = 512 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Step:
    """An exercise and its number, from 1."""

    number: int
    exercise: Exercise


def lab_of(target: str, connect: str | None) -> tuple[Lab, Typed]:
    """A lab by its name, folder or file, or by the name under which it is up; and how it is typed.

    Raises InputError where there is none.
    """
    try:
        file, source = lab_files.locate(target)
    except errors.InputError as unknown:
        from provisioner.lifecycle import running

        try:
            with running.lab_up(connect, target) as (_, _, domains):
                return running.lab_of(domains), domains[0].metadata.origin.typed
        except (errors.NotFound, errors.ConnectionFailed):
            raise unknown from None
    lab = lab_files.load(file, source)
    return lab, Typed(target, lab.name, folder=lab.folder)


def lesson_of(lab: Lab) -> Lesson:
    """The lesson of a lab. Raises VirtlabError where it has none, or one without exercises."""
    lesson = lessons.load(lab)
    if lesson is None or not lesson.exercises:
        raise errors.VirtlabError(
            msg("the lab {name} has no exercises", name=lab.name),
            hint=msg("see which labs there are: {virtlab} list"),
        )
    return lesson


def step(lesson: Lesson, number: int) -> Step:
    """An exercise by its number. Raises InputError where there is none."""
    count = len(lesson.exercises)
    if not 1 <= number <= count:
        raise errors.InputError(
            msg("there is no exercise {number}: the lesson has {count}", number=number, count=count),
            hint=msg("say --step 1 to --step {count}", count=count),
        )
    return Step(number, lesson.exercises[number - 1])


def next_step(lesson: Lesson, progress: Progress) -> Step | None:
    """The first exercise that is not passed."""
    steps = (Step(number, exercise) for number, exercise in enumerate(lesson.exercises, 1))
    return next((each for each in steps if each.exercise.name not in progress.passed), None)


def wanted(lesson: Lesson, number: int | None) -> Step:
    """The exercise of that number, or without one the first that is not passed.

    Raises VirtlabError where there is none.
    """
    if number is not None:
        return step(lesson, number)
    first = next_step(lesson, progress_file.load(lesson.name))
    if first is None:
        raise errors.VirtlabError(
            msg("all exercises are passed"),
            hint=msg(
                "name one of them with --step, or begin anew: {virtlab} forget {name} --progress",
                name=lesson.name,
            ),
        )
    return first


def hints(lesson: Lesson, exercise: Exercise) -> tuple[tuple[Text, ...], Progress]:
    """The hints that were shown so far and the next one, and the progress to keep once it is shown."""
    progress = progress_file.load(lesson.name)
    told = min(progress.hints.get(exercise.name, 0) + 1, len(exercise.hints))
    return exercise.hints[:told], progress.with_hints(exercise.name, told)


def guide(lab: Lab, language: Language) -> tuple[str, Language]:
    """The guide of a lesson as Markdown, and its language: English where it has no other.

    Raises VirtlabError where the lab has none.
    """
    for choice in dict.fromkeys((language, Language.EN, Language.JA)):
        text = guide_in(lab, choice)
        if text is not None:
            return text, choice
    raise errors.VirtlabError(
        msg("the lab {name} has no guide", name=lab.name),
        hint=msg(
            "see what it is: {virtlab} show {name}",
            name=shlex.quote(lab.source.removeprefix("catalog:")),
        ),
    )


def guide_in(lab: Lab, language: Language) -> str | None:
    """The guide in that language, or None. Raises InputError where it can't be read."""
    file = catalog.beside(lab.file, lessons.guide_file(language))
    if file is None:
        return None
    try:
        with file.open("rb") as stream:
            return stream.read(_LONGEST_GUIDE).decode("utf-8", "replace")
    except OSError as error:
        raise errors.InputError(
            msg("{file} can't be read: {reason}", file=file, reason=error.strerror)
        ) from error
