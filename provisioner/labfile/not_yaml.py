"""What the YAML library complains about, in plain words."""

from __future__ import annotations

from provisioner.language import msg


def begins_with(char: str) -> str:
    """Our message where a value begins with a character that can't begin one."""
    return msg("a value can't start with {char}; put it in quotes", char=char)


# a part of the library's message; our message; whether to point at the beginning of what is broken
_BROKEN: tuple[tuple[str, str, bool], ...] = (
    (
        "mapping values are not allowed",
        msg('no ": " can stand here; put the text in quotes, or look at the indentation'),
        False,
    ),
    ("cannot start any token", begins_with("{char}"), False),
    (
        "expected key",
        msg('here should be "key: value"; look at the indentation and for a missing colon'),
        False,
    ),
    (
        "expected <block end>",
        msg('here should be "key: value"; look at the indentation and for a missing colon'),
        False,
    ),
    ("expected ':'", msg('this is not "key: value"; a colon and a space are missing'), True),
    ("unexpected end of stream", msg("this quote is never closed"), True),
    ("expected ',' or", msg("this bracket is never closed, or a comma is missing in it"), True),
    ("node content", msg("here should be a value; look for a bracket that is never closed"), True),
    ("escape character", msg("this backslash has no meaning; for a plain one use single quotes"), False),
)


def words(problem: str) -> tuple[str, bool]:
    """The library's message in plain words, and whether to point at the beginning of what is broken."""
    known = ((ours, begin) for part, ours, begin in _BROKEN if part in problem)
    return next(known, (problem, False))
