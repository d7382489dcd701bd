"""Plain text for a terminal or a pipe: messages, hints, columns. Nothing here is slow to import."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO

from provisioner import errors

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def command() -> str:
    """How this user starts virtlab: ``./bootstrap virtlab`` in a clone, else ``virtlab``."""
    return os.environ.get("VIRTLAB_RUN_AS") or "virtlab"


def spelled(text: str) -> str:
    """A text whose ``{virtlab}`` is the command as it works where the user is."""
    return text.replace("{virtlab}", command())


def styled(text: str, *names: str, stream: TextIO | None = None) -> str:
    """The text in a style, where ``stream`` (standard output) is a terminal that wants colour."""
    if not wants_colour(stream or sys.stdout):
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def wants_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(text: str) -> int:
    """The columns that a text takes on a terminal: Japanese characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in the manner of kubectl: upper-case head, columns two blanks apart, no frame."""
    table = [[cell.upper() for cell in head], *rows]
    widths = [max(width(row[i]) for row in table) for i in range(len(head))]
    lines = [
        "  ".join(cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    lines[0] = styled(lines[0], "dim")
    return "\n".join(lines)


def say(text: str = "") -> None:
    """A line of the answer: standard output."""
    print(text)


def tell(text: str) -> None:
    """A line beside the answer: standard error."""
    print(text, file=sys.stderr)


def guest_output(data: bytes, stream: TextIO) -> None:
    """What a program in a guest wrote: as it is for a pipe or a file, made harmless for a terminal."""
    if stream.isatty():
        from provisioner.guest.sanitize import TerminalFilter

        screen = TerminalFilter()
        data = screen.feed(data) + screen.reset()
    stream.flush()
    stream.buffer.write(data)
    stream.buffer.flush()


def problem(error: errors.VirtlabError) -> None:
    """An error, every cause of it, and what to do next."""
    _problem(error, "")
    sys.stderr.flush()


def _problem(error: errors.VirtlabError, indent: str) -> None:
    if isinstance(error, errors.LabFileError):
        for line in error.problems:
            tell(f"{indent}{line}")
    else:
        head = styled("error:", "red", "bold", stream=sys.stderr)
        lines = spelled(error.message).splitlines() or [""]
        tell(f"{indent}{head} {lines[0]}")
        for line in lines[1:]:
            tell(f"{indent}  {line}")
    if isinstance(error, errors.SeveralErrors):
        for cause in error.causes:
            _problem(cause, indent + "  ")
    if error.hint:
        tell(f"{indent}{styled('next:', 'cyan', stream=sys.stderr)} {spelled(error.hint)}")
