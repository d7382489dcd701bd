"""Standard input, output and error, in whatever state this process got them: closed, full, not blocking."""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

from provisioner import errors
from provisioner.language import msg

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# For a terminal without UTF-8, as wide as what they stand for, where a table is drawn with it.
_PLAIN = {
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    "─": "-",
    "│": "|",
    "✓": "+",
    "✗": "x",
    "·": ".",
    "→": ">",
    "↓": "v",
    "–": "-",
    "―": "-",
    "×": "x",
    "µ": "u",
    "≠": "!=",
    "…": "...",
    "“": '"',
    "”": '"',
}
_ERRORS = "virtlab-plain"
_MODES = {0: os.O_RDONLY, 1: os.O_WRONLY, 2: os.O_WRONLY}


class _Output(io.FileIO):
    """An output. Once it could not be written to, the rest is dropped, so that Python's own end is quiet."""

    _is_lost = False

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)

    def write(self, data: ReadableBuffer, /) -> int:
        """Raises BrokenPipeError where the reader has gone, and OutputError where it fails otherwise."""
        if self._is_lost:
            return memoryview(data).nbytes
        try:
            while (written := super().write(data)) is None:  # others made it not blocking
                select.select([], [self], [])
        except BrokenPipeError:
            self._is_lost = True
            raise
        except OSError as error:
            self._is_lost = True
            raise errors.OutputError(
                msg("standard output can't be written to: {reason}", reason=error.strerror),
                hint=msg("make room there, or send the output elsewhere"),
            ) from error
        return written


class _Messages(_Output):
    """Standard error: what can't be said there is lost, and nothing fails for that."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except (BrokenPipeError, errors.OutputError):
            return memoryview(data).nbytes


def prepare() -> None:
    """Makes all three usable. Called once, before anything is opened.

    One that is closed becomes the null device: nobody wants what comes there. Characters that an encoding
    lacks are replaced by plain ones that look like them, or else escaped.
    """
    codecs.register_error(_ERRORS, _plainly)
    for number, mode in _MODES.items():
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest that is free: this one
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stdout = _text(sys.stdout, _Output(1))
    sys.stderr = _text(sys.stderr, _Messages(2))


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """For ``codecs.register_error``: what is printed in place of characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    plain = (_PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking)
    return "".join(plain), error.end


def _text(stream: TextIO | None, raw: _Output) -> TextIO:
    """A text stream like Python's own, which writes at once where that does: PYTHONUNBUFFERED is set."""
    old = stream if isinstance(stream, io.TextIOWrapper) else None
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old else "utf-8",
        errors=_ERRORS,
        line_buffering=old is None or old.line_buffering or old.write_through,
        write_through=old is not None and old.write_through,
    )
