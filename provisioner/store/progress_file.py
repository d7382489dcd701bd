"""A learner's progress in a lesson. Only exercises read it. A file that can't be read counts as no
progress."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from provisioner import atomic, paths
from provisioner.errors import VirtlabError
from provisioner.language import msg

_FORMAT = 1
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Progress:
    """The names of the exercises that are passed, and for each exercise how many hints were shown."""

    passed: frozenset[str] = frozenset()
    hints: dict[str, int] = field(default_factory=dict)

    def with_passed(self, exercise: str) -> Progress:
        return Progress(self.passed | {exercise}, self.hints)

    def with_hints(self, exercise: str, count: int) -> Progress:
        return Progress(self.passed, self.hints | {exercise: count})

    def without(self, exercise: str) -> Progress:
        hints = {name: count for name, count in self.hints.items() if name != exercise}
        return Progress(self.passed - {exercise}, hints)


def load(lesson: str) -> Progress:
    """The progress in a lesson of that name."""
    try:
        with _file(lesson).open("rb") as stream:
            data = json.loads(stream.read(_LONGEST))
        if data["format"] != _FORMAT:
            return Progress()
        passed = frozenset(name for name in data["passed"] if isinstance(name, str))
        hints = {
            str(name): count for name, count in data["hints"].items() if type(count) is int and count > 0
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Progress()
    return Progress(passed, hints)


def save(lesson: str, progress: Progress) -> None:
    """Writes the progress, whole or not at all. Raises VirtlabError where that is not possible."""
    data = {"format": _FORMAT, "passed": sorted(progress.passed), "hints": progress.hints}
    file = _file(lesson)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(file, json.dumps(data))
    except OSError as error:
        raise VirtlabError(
            msg("your progress can't be kept in {file}: {reason}", file=file, reason=error.strerror),
            hint=msg("make the folder writable, or set XDG_STATE_HOME to one that is"),
        ) from error


def lessons() -> list[str]:
    """The lessons of which progress is kept, readable or not, sorted."""
    return sorted(file.stem for file in (paths.state_dir() / "progress").glob("*.json"))


def forget(lesson: str) -> None:
    """Removes all progress in a lesson. Raises VirtlabError where that is not possible."""
    file = _file(lesson)
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise VirtlabError(
            msg("your progress in {file} can't be removed: {reason}", file=file, reason=error.strerror),
            hint=msg("make the folder writable, or remove the file yourself"),
        ) from error


def _file(lesson: str) -> Path:
    return paths.state_dir() / "progress" / f"{lesson}.json"
