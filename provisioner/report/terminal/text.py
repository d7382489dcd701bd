"""Plain text for a terminal or a pipe: messages, hints, columns. Nothing here is slow to import.

Everything that is printed goes through ``harmless``: names of files, metadata and QEMU's messages come from
others, and must not control the terminal. Only ``styled`` can do that.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TextIO

from provisioner import errors, listener
from provisioner.labfile.problems import escaped

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_OURS = os.urandom(8).hex()  # nobody else can write an escape sequence that this stands in


def command() -> str:
    """How this user starts virtlab: ``./bootstrap virtlab`` in a clone, else ``virtlab``."""
    return os.environ.get("VIRTLAB_RUN_AS") or "virtlab"


def spelled(text: str) -> str:
    """A text whose ``{virtlab}`` is the command as it works where the user is."""
    return text.replace("{virtlab}", command())


def styled(text: str, *names: str, stream: TextIO | None = None) -> str:
    """The text in a style, where ``stream`` (by default standard output) is a terminal that wants colour."""
    if not wants_colour(stream or sys.stdout):
        return text
    return f"\x1b{_OURS}[{';'.join(_STYLES[name] for name in names)}m{text}\x1b{_OURS}[0m"


def harmless(text: str) -> str:
    """The text in a form that is safe to print.

    Control characters other than line ends, and characters that change the direction of text, are shown as
    escapes. Escape sequences that ``styled`` made stay.
    """
    lines = "\n".join(escaped(line) for line in text.split("\n"))
    return lines.replace(f"\\u001b{_OURS}", "\x1b")


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
    """A table like kubectl's: a head in upper case, two blanks between columns, no frame."""
    table = [[cell.upper() for cell in head], *([escaped(cell) for cell in row] for row in rows)]
    widths = [max(width(row[i]) for row in table) for i in range(len(head))]
    lines = [
        "  ".join(cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    lines[0] = styled(lines[0], "dim")
    return "\n".join(lines)


def say(text: str = "") -> None:
    """A line of the answer: standard output."""
    print(harmless(text))


def tell(text: str) -> None:
    """Prints a line to standard error, where it does not mix with the answer."""
    print(harmless(text), file=sys.stderr)


def announcing() -> AbstractContextManager[None]:
    """Inside it, what is announced to whoever runs this process is told."""
    return listener.heard_by(tell)


def asked(question: str) -> str:
    """Asks a question on standard error. Returns the line that the person types; empty where the input
    ends."""
    print(harmless(question), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def bug() -> None:
    """Prints the exception that is being handled, as a bug."""
    import traceback

    tell(traceback.format_exc().rstrip())
    tell("This is a bug in virtlab: please report it with the lines above.")


class GuestOutput:
    """Prints what a program in a guest writes: unchanged to a pipe or a file, harmless to a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from provisioner.sanitize import TerminalFilter

        self._stream = stream
        self._screen = TerminalFilter() if stream.isatty() else None

    def write(self, data: bytes) -> None:
        """Prints the next part at once."""
        if data:
            self._print(data if self._screen is None else self._screen.feed(data))

    def end(self) -> None:
        """Gives the terminal back as it was."""
        if self._screen is not None:
            self._print(self._screen.reset())

    def _print(self, data: bytes) -> None:
        self._stream.flush()
        self._stream.buffer.write(data)
        self._stream.buffer.flush()


def problem(error: errors.VirtlabError) -> None:
    """Prints an error, all of its causes, and what to do next."""
    _problem(error, "")
    if not _has_hint(error):
        first = error.causes[0] if isinstance(error, errors.SeveralErrors) else error
        _next(first.usual_hint, "")
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
        _next(error.hint, indent)


def _next(hint: str, indent: str) -> None:
    tell(f"{indent}{styled('next:', 'cyan', stream=sys.stderr)} {spelled(hint)}")


def _has_hint(error: errors.VirtlabError) -> bool:
    causes = error.causes if isinstance(error, errors.SeveralErrors) else ()
    return bool(error.hint) or any(map(_has_hint, causes))
