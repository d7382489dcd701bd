"""What is kept of a person's work: ``progress`` shows it, and ``forget`` takes it away.

It belongs to an account. Progress belongs to a lab's lesson, which copies of the lab share, whatever an
instance was called. Results belong to an instance; those of a copy are listed with the lab that it is of.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from provisioner import errors, paths
from provisioner.labfile import catalog
from provisioner.labfile import lesson as lessons
from provisioner.labfile.lesson import Exercise, Lesson
from provisioner.language import joined, msg
from provisioner.lifecycle import lab_files
from provisioner.model.lab import Lab, is_own
from provisioner.model.typed import Typed
from provisioner.store import progress_file, results
from provisioner.store.progress_file import Progress
from provisioner.teach import learning
from provisioner.verbs.questions import Ask, require_consent


@dataclass(frozen=True, slots=True)
class Run:
    """Results that were kept of an instance."""

    instance: str
    source: str  # of the lab that it was of, see ``model.Lab``
    kinds: tuple[str, ...]  # compare, check, bench
    written: str  # when the newest was: UTC, ISO 8601
    is_copy: bool  # of the lab that it is listed with
    sets: tuple[str, ...]  # what --set changed, so that it was another lab than its file says

    @property
    def as_it_comes(self) -> bool:
        """Whether it was the lab itself, as its file has it."""
        return not self.is_copy and not self.sets


@dataclass(frozen=True, slots=True)
class Work:
    """What is kept of a lab. ``runs``: the newest first."""

    target: str  # the lab as it is typed
    lab: Lab | None  # None where its file can't be read any more
    lesson: Lesson | None
    progress: Progress
    runs: tuple[Run, ...]
    part: str | None = None  # the one instance, or the copy, that was asked for; its progress is the lab's

    @property
    def lesson_name(self) -> str | None:
        """The name by which progress is kept. Of a lesson that nobody finds any more that is all there is."""
        return self.lesson.name if self.lesson else self.target if self.lab is None else None

    @property
    def typed(self) -> Typed | None:
        """How the lab, or the part of it that was asked for, is typed. None where its file can't be read."""
        if self.lab is None:
            return None
        folder = self.lab.folder
        if self.part is None:
            return Typed(self.target, self.lab.name, folder=folder)
        instance = next((run.instance for run in self.runs), self.lab.name)
        copy = next((run.source for run in self.runs if run.is_copy), None)
        if copy is None:
            return Typed(self.target, instance, named=instance != self.lab.name, folder=folder)
        gone = not Path(self.part).exists()  # the name of an instance, not of a folder that is here
        return Typed(copy if gone else self.part, instance, named=gone, folder=str(Path(copy).parent))

    @property
    def next_step(self) -> learning.Step | None:
        """The first exercise that is not passed."""
        return learning.next_step(self.lesson, self.progress) if self.lesson else None

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        return self.lesson.exercises if self.lesson else ()

    @property
    def passed(self) -> int:
        """How many exercises are passed."""
        return sum(exercise.name in self.progress.passed for exercise in self.exercises)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was taken away."""

    lessons: tuple[str, ...] = ()  # whose progress
    exercise: str | None = None  # the one of that lesson, where the progress in the others stays
    runs: tuple[Run, ...] = ()


@dataclass(slots=True)
class _Shelf:
    """A lab, and the runs that belong to it."""

    target: str
    lab: Lab | None = None
    lesson: Lesson | None = None
    runs: list[Run] = field(default_factory=list)

    def work(self) -> Work:
        found = Work(self.target, self.lab, self.lesson, Progress(), tuple(self.runs))
        return replace(found, progress=progress_file.load(found.lesson_name)) if found.lesson_name else found


def all_work() -> list[Work]:
    """The labs of the catalogue, and all others of which results were kept. No guest is asked."""
    return [shelf.work() for shelf in _shelves().values()]


def work(target: str) -> Work:
    """What is kept of one lab. ``target`` is its name, folder or file, or the name of an instance that
    results were kept of; of that, and of a copy, only its own results are in it.

    Raises InputError where there is no such lab, and no such results.
    """
    shelves = _shelves()
    try:
        _, source = lab_files.locate(target)
    except errors.InputError as unknown:
        for shelf in shelves.values():
            if any(run.instance == target for run in shelf.runs):
                return _part(shelf, target, lambda run: run.instance == target)
            if target == shelf.target or (shelf.lesson is not None and target == shelf.lesson.name):
                return shelf.work()
        raise errors.InputError(
            unknown.message, hint=msg("see what is kept: {virtlab} progress")
        ) from unknown
    own = shelves.get(source) or _read(target)
    original = _originals(shelves).get(own.lesson.name if own.lesson else "")
    if is_own(source) or original in (None, source):
        return own.work()
    return _part(shelves[str(original)], target, lambda run: run.source == source)


def forget(
    targets: Sequence[str],
    ask: Ask,
    *,
    every: bool = False,
    progress: bool = True,
    kept_results: bool = True,
    step: int | None = None,
) -> Forgotten:
    """Takes away the progress in the lessons of these labs, and their results, or both of all labs.

    ``targets`` as of ``work``; of a single instance and of a copy only results go. ``step``: the number of
    the only exercise whose progress goes; no result goes then. Asks before. Raises InputError where a target
    is none or has no progress of its own to take away, and Declined where the person does not agree.
    """
    chosen = all_work() if every else [work(target) for target in dict.fromkeys(targets)]
    if step is not None:
        (only,) = chosen
        lost = _of_one_exercise(only, step)
    else:
        names = progress_file.lessons() if every else list(_with_progress(chosen, asked=not kept_results))
        runs = [run for each in chosen for run in each.runs] if kept_results else []
        lost = Forgotten(tuple(names) if progress else (), None, tuple(dict.fromkeys(runs)))
    if lost != Forgotten():
        require_consent(
            ask, msg("Forget it?"), why=msg("this can't be brought back: {lost}", lost=_listed(lost, chosen))
        )
        _take_away(lost)
    if every and kept_results:
        results.forget_all()  # those that can't be read, too
    return lost


def _shelves() -> dict[str, _Shelf]:
    """By the source of the lab. A run of a copy is on the shelf of the lab that it is a copy of."""
    shelves = {f"catalog:{name}": _read(name) for name in catalog.names(paths.labs_dir())}
    originals = _originals(shelves)
    copies: dict[str, str] = {}  # source -> that of the lab it is a copy of
    for kept in results.instances():
        target = kept.source.removeprefix("catalog:")
        if not is_own(kept.source) and not Path(target).is_absolute():
            continue  # virtlab writes no such source
        if kept.source not in shelves and kept.source not in copies:
            other = _read(target)
            if other.lesson and other.lesson.name in originals:
                copies[kept.source] = originals[other.lesson.name]
            else:
                shelves[kept.source] = other
        shelf = shelves[copies.get(kept.source, kept.source)]
        shelf.runs.append(_run(kept, shelf, is_copy=kept.source in copies))
    known = {shelf.lesson.name for shelf in shelves.values() if shelf.lesson}
    return shelves | {name: _Shelf(name) for name in progress_file.lessons() if name not in known}


def _originals(shelves: dict[str, _Shelf]) -> dict[str, str]:
    """The source of the lab of the catalogue that each lesson belongs to."""
    return {shelf.lesson.name: source for source, shelf in shelves.items() if is_own(source) and shelf.lesson}


def _read(target: str) -> _Shelf:
    try:
        lab = lab_files.load(*lab_files.locate(target))
    except errors.InputError:
        return _Shelf(target)
    try:
        return _Shelf(target, lab, lessons.load(lab))
    except errors.InputError:
        return _Shelf(target, lab)


def _run(kept: results.Kept, shelf: _Shelf, *, is_copy: bool) -> Run:
    written = datetime.fromtimestamp(kept.written, UTC).isoformat(timespec="seconds")
    sets = kept.sets if _changes(shelf.lab, kept.sets) or is_copy else ()
    return Run(kept.instance, kept.source, kept.kinds, written, is_copy, sets)


def _changes(lab: Lab | None, sets: Sequence[str]) -> bool:
    """Whether these values of ``--set`` make another lab of it: not where the file says the same."""
    if lab is None or not sets:
        return bool(sets)
    try:
        changed = lab_files.load(lab.file, lab.source, sets)
    except errors.InputError:
        return True
    return (changed.guests, changed.networks) != (lab.guests, lab.networks)


def _part(shelf: _Shelf, target: str, wanted: Callable[[Run], bool]) -> Work:
    return replace(shelf.work(), runs=tuple(filter(wanted, shelf.runs)), part=target)


def _refuse_a_part(one: Work) -> None:
    """Raises InputError for a copy or an instance: its progress is the lab's."""
    if one.part is not None:
        raise errors.InputError(
            msg(
                "{part} has no progress of its own: it is that of {target}", part=one.part, target=one.target
            ),
            hint=f"{{virtlab}} forget {shlex.quote(one.target)} --progress",
        )


def _of_one_exercise(one: Work, step: int) -> Forgotten:
    _refuse_a_part(one)
    if one.lab is None:
        raise errors.InputError(
            msg("the lab file {target} can't be read", target=one.target), hint="{virtlab} progress"
        )
    lesson = learning.lesson_of(one.lab)
    return Forgotten((lesson.name,), learning.step(lesson, step).exercise.name)


def _with_progress(chosen: Sequence[Work], *, asked: bool) -> Iterator[str]:
    """The lessons of which progress is kept. ``asked``: nothing but the progress was asked for."""
    there = progress_file.lessons()
    for one in chosen:
        if asked:
            _refuse_a_part(one)
        if one.part is None and one.lesson_name in there:
            yield one.lesson_name


def _listed(lost: Forgotten, chosen: Sequence[Work]) -> str:
    """What is lost, in words."""
    told = (
        [
            msg(
                "the progress in exercise {exercise} of {lessons}",
                exercise=lost.exercise,
                lessons=lost.lessons[0],
            )
        ]
        if lost.exercise
        else []
    )
    if lost.lessons and not lost.exercise:
        told = [
            msg(
                "the progress in {lessons}",
                lessons=joined(", ", (_counted(name, chosen) for name in lost.lessons)),
            )
        ]
    if lost.runs:
        told.append(msg("the results of {runs}", runs=", ".join(run.instance for run in lost.runs)))
    return joined("; ", told)


def _counted(lesson: str, chosen: Sequence[Work]) -> str:
    for one in chosen:
        if one.lesson and one.lesson.name == lesson:
            return msg(
                "{lesson} ({passed} of {count} exercises passed)",
                lesson=lesson,
                passed=one.passed,
                count=len(one.exercises),
            )
    return lesson


def _take_away(lost: Forgotten) -> None:
    if lost.exercise is not None:
        (lesson,) = lost.lessons
        progress_file.save(lesson, progress_file.load(lesson).without(lost.exercise))
        return
    for lesson in lost.lessons:
        progress_file.forget(lesson)
    for run in lost.runs:
        results.forget(run.instance, run.source)
