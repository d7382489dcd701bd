"""Characters that look like a space and are none to YAML, where only a space would be understood.

They come from web pages, word processors and keyboards, and nobody sees them. Within a text they may stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Unicode's category of spaces but the plain one, and three that take no room
_ODD = "\xa0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_ANY = re.compile(f"[{_ODD}]")
_AFTER_SIGN = re.compile(f"(?<=:)[{_ODD}]|(?<=^-)[{_ODD}]")
_AT_START = re.compile(f"^[{_ODD}]")
_AT_END = re.compile(f"[{_ODD}][ {_ODD}]*$")


class Blank(NamedTuple):
    """Such a character: at which index of the text, and what it is, for people."""

    at: int
    name: str


def misplaced(text: str, start: int, end: int, *, is_key: bool) -> Blank | None:
    """The first such character in ``text[start:end]``, a scalar without quotes, that stands where a space has
    a meaning: before the first word of a line, after a colon or a hyphen, or at either end of a key or of a
    value that is ASCII otherwise."""
    index = min(_misplaced(text, start, end, is_key), default=None)
    if index is None:
        return None
    return Blank(index, f"U+{ord(text[index]):04X} ({unicodedata.name(text[index]).lower()})")


def misplaced_in_lines(text: str, around: Sequence[int]) -> Blank | None:
    """The same, in the whole lines from the first to the last of these places."""
    end = text.find("\n", max(around, default=0))
    start = text.rfind("\n", 0, min(around, default=0)) + 1
    return misplaced(text, start, len(text) if end < 0 else end, is_key=False)


def _misplaced(text: str, start: int, end: int, is_key: bool) -> Iterator[int]:
    scalar = text[start:end]
    first = _ANY.search(scalar)
    if first is None:
        return
    patterns = [_AFTER_SIGN]
    if is_key or _ANY.sub("", scalar).isascii():
        patterns += [_AT_START, _AT_END]
    for pattern in patterns:
        if match := pattern.search(scalar):
            yield start + match.start()
    begins_line = not text[text.rfind("\n", 0, start) + 1 : start].strip(" \t")
    if begins_line and first.start() == 0:
        yield start
