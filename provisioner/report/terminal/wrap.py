"""Breaks text into lines for a terminal, Japanese text too, which has no blanks to break at."""

from __future__ import annotations

import re
import unicodedata

# Characters that may not begin a line, and characters that may not end one.
_NOT_FIRST = frozenset(
    "、。,.,．・:;：；!?！？)]}）］｝」』】〉》〕ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ%…"
)
_NOT_LAST = frozenset("([{（［｛「『【〈《〔")
_STYLE = r"\x1b[0-9a-f]{16}\[[0-9;]*m"  # as text.styled makes it: takes no column
_STYLES = re.compile(_STYLE)
_WORD = re.compile(rf"{_STYLE}|\s+|\S")
_GOOD_ENDS = frozenset("_-/.,:;=@")  # of the first part of a word that is longer than its line
_JOINTS = re.compile(rf"(?<=[{re.escape(''.join(sorted(_GOOD_ENDS)))}])(?=\w)")
_LONG = 24  # columns: names of guests and modules are shorter
KEPT = "\ue000"  # a blank at which no line is broken


def width(text: str) -> int:
    """The columns that a text takes on a terminal: Japanese characters take two, styles none."""
    text = _STYLES.sub("", text) if "\x1b" in text else text
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def wrapped(text: str, columns: int, *, whole_words: bool = False) -> list[str]:
    """The lines of a text, none of them wider than ``columns`` (at least 2). An empty text is one empty line.

    Several blanks in a row count as one. With ``whole_words``, a word that is longer than a line stays whole.
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if width(line + piece.rstrip()) <= columns:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while width(line.rstrip()) > columns and not whole_words:
            head = _head(line, columns)
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def longest_word(text: str) -> int:
    """The columns of the longest part of a text that ``wrapped`` breaks only where it must.

    Of a word as long as a path, it is that of the longest part between two of its joints.
    """
    words = [piece.rstrip() for piece in _pieces(text)]
    parts = (_JOINTS.split(word) if width(word) > _LONG else [word] for word in words)
    return max((width(part) for several in parts for part in several), default=0)


def _pieces(text: str) -> list[str]:
    """The pieces in which a line can't be broken: words with the blanks after them, and single wide
    characters with the characters that must stay beside them."""
    pieces: list[str] = []
    open_end = False  # whether the last piece still takes what follows
    for part in _WORD.findall(text.replace("\n", " ")):
        if part.isspace():
            pieces[-1:] = [pieces[-1] + " "] if pieces else []
            open_end = False
        elif pieces and ((part in _NOT_FIRST and pieces[-1][-1] != " ") or pieces[-1][-1] in _NOT_LAST):
            pieces[-1] += part
            open_end = not _is_wide(part)
        elif _is_wide(part) or not open_end:
            pieces.append(part)
            open_end = not _is_wide(part)
        else:
            pieces[-1] += part
    return pieces


def _is_wide(part: str) -> bool:
    return len(part) == 1 and unicodedata.east_asian_width(part) in "WF"


def _head(word: str, columns: int) -> str:
    """As much of the beginning of a word as fits, but at least one character. It ends after a mark that
    joins words where there is one, and what follows does not begin with a comma or the like."""
    most = 1
    while most < len(word) and width(word[: most + 1]) <= columns:
        most += 1
    at = most
    while at > 1 and (word[at] in _NOT_FIRST or word[at - 1] in _NOT_LAST):
        at -= 1
    good = (end for end in range(at, most // 2, -1) if word[end - 1] in _GOOD_ENDS)
    return word[: next((end for end in good if word[end] not in _NOT_FIRST), at)]
