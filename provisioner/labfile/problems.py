"""The mistakes in a lab file, gathered until all of them are known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from provisioner.errors import LabFileError
from provisioner.language import joined, msg

MAX_PROBLEMS = 100
PROFILE_ORDER = 1000  # Place.order of hardware profiles: after the lab file and every --set
_SHOWN_LENGTH = 48
# Control characters, line separators, bidirectional controls, surrogates and what XML 1.0 excludes.
_UNSAFE = (
    "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"
    "\\ud800-\\udfff\\ufeff\\ufffe\\uffff"
)
UNSAFE_CHARACTER = re.compile(f"[{_UNSAFE}]")


class Place(NamedTuple):
    """A place in a file, with line and column (from 1), or a whole ``--set`` text (line 0).

    ``order`` ranks the texts of one load: the lab file is 0, then come ``--set`` texts and profiles.
    """

    file: str
    line: int = 0
    column: int = 0
    order: int = 0

    @property
    def in_profile(self) -> bool:
        return self.order >= PROFILE_ORDER

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Problems:
    """All problems of one load."""

    def __init__(self) -> None:
        self._found: dict[tuple[Place, str, str], str] = {}

    def add(self, place: Place, path: str, message: str) -> None:
        """Keep a problem; the same message about the same value is kept once."""
        parts = (escaped(str(place)), shown_path(path), message) if path else (escaped(str(place)), message)
        self._found.setdefault((place, path, message), joined(": ", parts))

    def __bool__(self) -> bool:
        return bool(self._found)

    def lines(self) -> list[str]:
        """One line for each problem, in the order of their places; at most MAX_PROBLEMS and a last word."""
        order = sorted(self._found, key=lambda key: (key[0].order, key[0].file, key[0].line, key[0].column))
        lines = [self._found[key] for key in order[:MAX_PROBLEMS]]
        if len(order) > MAX_PROBLEMS:
            lines.append(msg("... and {count} more problems", count=len(order) - MAX_PROBLEMS))
        return lines

    def error(self, hint: str) -> LabFileError:
        """The error that carries all problems."""
        return LabFileError(self.lines(), hint=hint)


def escaped(text: str) -> str:
    """The text with every character that could confuse a terminal written as an escape."""
    return UNSAFE_CHARACTER.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def shown(text: str) -> str:
    """The text in quotes, shortened and made harmless for a message."""
    if len(text) > _SHOWN_LENGTH:
        text = text[: _SHOWN_LENGTH - 3] + "..."
    return f'"{escaped(text)}"'


def shown_path(path: str) -> str:
    """A path, shortened and made harmless for a message."""
    path = escaped(path)
    return path if len(path) <= 120 else f"{path[:117]}..."


def listed(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *head, last = words
    return msg("{words} or {last}", words=", ".join(head), last=last) if head else last


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """``did you mean "x"?`` for the nearest candidate, or nothing.

    A nearness of 0.6, difflib's own choice, gives ``profile`` for ``files`` and ``count`` for ``mounts``.
    People seldom mistype the first letter.
    """
    import difflib

    known = {name.lower(): name for name in candidates}
    folded = word[:64].lower().replace("_", "-")
    near = difflib.get_close_matches(folded, known, n=1, cutoff=0.75)
    alike = [name for name in known if name[:1] == folded[:1]]
    near = near or difflib.get_close_matches(folded, alike, n=1, cutoff=0.62)
    return msg('did you mean "{name}"?', name=known[near[0]]) if near else ""


def alternatives(word: str, known: Iterable[str]) -> str:
    """A hint: the nearest known word as a question, or else all known words."""
    known = list(known)
    return suggestion(word, known) or (
        msg("known: {names}", names=", ".join(known)) if known else msg("there is none")
    )
