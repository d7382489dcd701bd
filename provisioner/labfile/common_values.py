"""The values that several kinds of files have: names, titles, descriptions, parts of the article."""

from __future__ import annotations

from provisioner.labfile.value_groups import Key, Record, TextOrRecord
from provisioner.labfile.value_types import Line, Word
from provisioner.language import msg
from provisioner.model.article import PARTS

NAME = Line(
    32,
    "(?=.*[a-z])[a-z0-9]([a-z0-9-]*[a-z0-9])?",
    msg("a name (lower case letters, digits and inner hyphens, at least one letter)"),
)


def text(most: int, *, long: bool = False) -> TextOrRecord:
    """A text of at most so many characters, or one in English and Japanese. ``long``: it may have lines."""
    line = Line(most, long=long)
    return TextOrRecord(
        line,
        Record(
            (
                Key("en", line, msg("The text in English"), required=True),
                Key("ja", line, msg("The text in Japanese")),
            ),
            texts=True,
        ),
    )


TITLE = text(120)
DESCRIPTION = text(4000, long=True)
PART = Word(tuple(PARTS))
