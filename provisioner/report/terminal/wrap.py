"""Breaks text into lines for a terminal, Japanese text too, which has no blanks to break at."""

from __future__ import annotations

import re
import unicodedata

from provisioner.report.terminal.text import width

# Characters that may not begin a line, and characters that may not end one.
_NOT_FIRST = frozenset(
    "、。,.,．・:;：；!?！？)]}）］｝」』】〉》〕ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ%…"
)
_NOT_LAST = frozenset("([{（［｛「『【〈《〔")
_WORD = re.compile(r"\s+|\S")


def wrapped(text: str, columns: int) -> list[str]:
    """The lines of a text, none of them wider than ``columns`` (at least 2). An empty text is one empty line.

    Several blanks in a row count as one.
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if width(line + piece.rstrip()) <= columns:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while width(line) > columns:
            head = _head(line, columns)
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """The pieces in which a line can't be broken: words with the blanks after them, and single wide
    characters with the characters that must stay beside them."""
    pieces: list[str] = []
    open_end = False  # whether the last piece still takes what follows
    for part in _WORD.findall(text.replace("\n", " ")):
        if part.isspace():
            pieces[-1:] = [pieces[-1] + " "] if pieces else []
            open_end = False
        elif pieces and (part in _NOT_FIRST or pieces[-1][-1] in _NOT_LAST):
            pieces[-1] += part
            open_end = not _is_wide(part)
        elif _is_wide(part) or not open_end:
            pieces.append(part)
            open_end = not _is_wide(part)
        else:
            pieces[-1] += part
    return pieces


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _head(line: str, columns: int) -> str:
    """As much of the beginning of a line as fits, but at least one character."""
    taken = 1
    while taken < len(line) and width(line[: taken + 1]) <= columns:
        taken += 1
    return line[:taken]
