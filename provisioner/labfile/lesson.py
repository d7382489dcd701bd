"""The lesson of a lab: lesson.yaml beside lab.yaml. ``up`` and ``down`` never read it."""

from __future__ import annotations

import filecmp
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from provisioner import paths
from provisioner.errors import InputError
from provisioner.labfile import catalog, lesson_spec, nodes, rules
from provisioner.labfile.loader import observations
from provisioner.labfile.problems import Place, Problems, shown
from provisioner.labfile.value_types import Given, Spot, text_of
from provisioner.language import Language, Text, msg
from provisioner.model.lab import Lab, Observation

LESSON_FILE = "lesson.yaml"


@dataclass(frozen=True, slots=True)
class Note:
    """What a difference in the domain XML means. ``at``: "devices/disk/target@bus"."""

    at: str
    text: Text


@dataclass(frozen=True, slots=True)
class Finding:
    """A result from the literature. It is never a number that was measured on this host."""

    text: Text
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the right answer is: in the values of a guest's fact that begin so, or in their number."""

    guest: str
    fact: str  # a name of model.named_facts.NAMES
    starts: str  # empty where all values count
    count: bool


@dataclass(frozen=True, slots=True)
class Solution:
    """``commands`` make the check pass, and ``undo`` takes that back. ``{virtlab}`` and those of
    ``model.typed`` stand in them for the command and the lab."""

    text: Text
    commands: tuple[str, ...]
    undo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exercise:
    """``answer``, ``check`` or both are there."""

    name: str
    title: Text
    task: Text
    hints: tuple[Text, ...]
    answer: Answer | None
    check: tuple[Observation, ...]
    solution: Solution


@dataclass(frozen=True, slots=True)
class Lesson:
    name: str  # a copy of the lab keeps it
    concept: Text
    notes: tuple[Note, ...]
    literature: tuple[Finding, ...]
    exercises: tuple[Exercise, ...]
    file: Path


def load(lab: Lab) -> Lesson | None:
    """The lesson beside a lab's file; None where there is none.

    Raises LabFileError with all problems of the file, and InputError where it can't be read.
    """
    return of_file(lab.file, [guest.name for guest in lab.guests])


def is_virtlabs(lab: Lab) -> bool:
    """Whether the lesson beside a lab's file is, byte for byte, one that comes with virtlab, as in a copy.

    Raises InputError where it can't be read.
    """
    file = catalog.beside(lab.file, LESSON_FILE)
    if file is None:
        return False
    try:
        return any(filecmp.cmp(file, own, shallow=False) for own in paths.labs_dir().glob(f"*/{LESSON_FILE}"))
    except OSError as error:
        raise InputError(msg("{file} can't be read: {reason}", file=file, reason=error.strerror)) from error


def guide_file(language: Language) -> str:
    """The name of the lesson's guide in a language; it lies beside the lab file."""
    return f"guide.{language}.md"


def of_file(lab_file: Path, guests: Collection[str] | None) -> Lesson | None:
    """The lesson beside a lab file, which may have mistakes. ``guests``: the names of the lab's guests;
    without them, those that the file seems to have count. Errors as of ``load``."""
    if guests is None:
        guests = _names_of_guests(lab_file)
    file = catalog.beside(lab_file, LESSON_FILE)
    if file is None:
        return None
    problems = Problems()
    root = nodes.read(file, problems)
    if root is not None:
        checked = lesson_spec.LESSON.check(root, Spot(problems, Place(str(file), 1, 1), ""))
        if checked.ok:
            _exercises(checked.value.get("exercises"), guests, problems)
            if not problems:
                return _lesson(checked.value, file)
    raise problems.error(hint=msg("labs/reference-lesson.yaml explains every key of a lesson."))


def _names_of_guests(lab_file: Path) -> list[str] | None:
    """The names of guests in a lab file that is wrong. None where it does not tell even those."""
    root = nodes.read(lab_file, Problems())
    entry = root.entries.get("guests") if isinstance(root, nodes.Mapping) else None
    return list(entry[1].entries) if entry and isinstance(entry[1], nodes.Mapping) else None


def notes_of(given: Given | None) -> tuple[Note, ...]:
    """The notes of a checked list of them (lesson_spec.NOTES)."""
    return tuple(Note(n.value["at"].value, _text(n.value["text"])) for n in given.value) if given else ()


def _exercises(given: Given | None, guests: Collection[str] | None, problems: Problems) -> None:
    names: set[str] = set()
    for exercise in given.value if given and given.ok else ():
        if not exercise.ok:
            continue
        values: dict[str, Given] = exercise.value
        name, answer, check = (values.get(key) for key in ("name", "answer", "check"))
        if name and name.ok:
            if name.value in names:
                problems.add(
                    name.place, name.path, msg("there are two exercises {name}", name=shown(name.value))
                )
            names.add(name.value)
        if not answer and not (check and (not check.ok or check.value)):
            message = msg("nothing says when it is done (give it an answer, a check, or both)")
            problems.add(exercise.place, exercise.path, message)
        if answer and answer.ok and (guest := answer.value.get("guest")):
            rules.known_guest(guest, guests, problems)
        if check:
            rules.observations(check, guests, problems)


def _lesson(values: dict[str, Given], file: Path) -> Lesson:
    literature, exercises = (values.get(key) for key in ("literature", "exercises"))
    return Lesson(
        name=values["name"].value,
        concept=_text(values["concept"]),
        notes=notes_of(values.get("notes")),
        literature=tuple(
            Finding(_text(each.value["text"]), each.value["source"].value)
            for each in (literature.value if literature else ())
        ),
        exercises=tuple(_exercise(each.value) for each in (exercises.value if exercises else ())),
        file=file,
    )


def _exercise(values: dict[str, Given]) -> Exercise:
    hints, answer, solution = values.get("hints"), values.get("answer"), values["solution"].value
    return Exercise(
        name=values["name"].value,
        title=_text(values["title"]),
        task=_text(values["task"]),
        hints=tuple(_text(hint) for hint in hints.value) if hints else (),
        answer=_answer(answer.value) if answer else None,
        check=observations(values.get("check")),
        solution=Solution(
            _text(solution["text"]), _commands(solution.get("commands")), _commands(solution.get("undo"))
        ),
    )


def _answer(values: dict[str, Given]) -> Answer:
    starts, count = values.get("starts"), values.get("count")
    return Answer(
        guest=values["guest"].value,
        fact=values["fact"].value,
        starts=starts.value if starts else "",
        count=bool(count and count.value),
    )


def _commands(given: Given | None) -> tuple[str, ...]:
    return tuple(each.value for each in given.value) if given else ()


def _text(given: Given) -> Text:
    """The text of a key that is required."""
    return text_of(given) or Text("")
