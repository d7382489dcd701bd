"""Every key of the file of products: the one place that says what may be written there."""

from __future__ import annotations

from enum import StrEnum

from provisioner.labfile.common_values import NAME, PART
from provisioner.labfile.nodes import Node, Scalar
from provisioner.labfile.value_groups import Key, Many, Names, Record
from provisioner.labfile.value_types import Given, Line, Schema, Spot, Whole, Word
from provisioner.language import msg

FORMAT = 1
NOT_KNOWN = "not-known"
WIDEST_BRIEF = 36  # characters of a cell of the table


class Type(StrEnum):
    """What stands between a guest and the hardware."""

    HOSTED = "hosted"
    HYPERVISOR = "hypervisor"
    OS_LEVEL = "os-level"


class Method(StrEnum):
    """How a guest system gets to run."""

    FULL = "full"
    PARA = "para"
    BOTH = "both"
    NEITHER = "neither"


def _text(most: int) -> Record:
    """A text in both languages."""
    line = Line(most)
    return Record(
        (
            Key("en", line, msg("The text in English"), required=True),
            Key("ja", line, msg("The text in Japanese"), required=True),
        )
    )


_DATE = Line(10, r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", msg('a date such as "2011-08-15", "2011-08" or "2011"'))
_TEXT = _text(600)
_SOURCE_NAME = Line(40, "[a-z0-9][a-z0-9.-]*", msg("a name (lower case letters, digits, inner . and -)"))
CITATION = Line(80, f"{_SOURCE_NAME.pattern}( .+)?", msg("a source's name, with a place in it after a blank"))
_CITATIONS = Key(
    "source",
    Many(CITATION, 6, msg("sources")),
    msg("Who says so: names of sources, each with a place in it"),
    required=True,
)


class Cell(Record):
    """A cell of the table: a record, or the word that stands for what no source says."""

    def check(self, node: Node, spot: Spot) -> Given:
        if isinstance(node, Scalar):
            word = Word((NOT_KNOWN,)).check(node, spot)
            return word if not word.ok else spot.given(None)
        return super().check(node, spot)

    def schema(self) -> Schema:
        return {"oneOf": [{"const": NOT_KNOWN}, super().schema()]}


def _choice(words: type[StrEnum], doc: str) -> Cell:
    return Cell(
        (
            Key("is", Word(tuple(str(word) for word in words)), doc, required=True),
            Key("text", _TEXT, msg("What that means here"), required=True),
            _CITATIONS,
        )
    )


DESCRIBED = Cell(
    (
        Key("brief", _text(WIDEST_BRIEF), msg("The same in a few words, for the table"), required=True),
        Key("text", _TEXT, msg("What is known of it"), required=True),
        _CITATIONS,
    )
)
IN_2011 = Record(
    (
        Key(
            "type",
            _choice(Type, msg("What stands between guest and hardware")),
            msg("The type"),
            required=True,
        ),
        Key(
            "method",
            _choice(Method, msg("How guest systems run")),
            msg("Full or paravirtualization"),
            required=True,
        ),
        Key("management", DESCRIBED, msg("How it is managed"), required=True),
        Key("cost", DESCRIBED, msg("What it costs"), required=True),
        Key("guests", DESCRIBED, msg("Guest systems that are supported"), required=True),
        Key("limits", DESCRIBED, msg("What it can't do, or needs"), required=True),
    )
)
EVENT = Record(
    (
        Key("when", _DATE, msg("The year, with month and day where they are known"), required=True),
        Key("text", _TEXT, msg("What happened"), required=True),
        _CITATIONS,
    )
)
TODAY = Record(
    (Key("text", _text(160), msg("What became of it, in one sentence"), required=True), _CITATIONS)
)
PRODUCT = Record(
    (
        Key("title", Line(20), msg("Its name, short enough for the table"), required=True),
        Key("also", Line(60), msg("Its name in full"), msg("the title")),
        Key("part", PART, msg("The part of the article that is about it"), required=True),
        Key("lab", NAME, msg("The lab that shows it"), required=True),
        Key("in-2011", IN_2011, msg("What was known of it in 2011"), required=True),
        Key("today", TODAY, msg("What became of it"), required=True),
        Key("since", Many(EVENT, 12, msg("events")), msg("What happened to it, in order"), required=True),
    )
)
SOURCE = Record(
    (
        Key("title", Line(160), msg("Title of the publication"), required=True),
        Key("by", Line(80), msg("Who published it"), required=True),
        Key("date", _DATE, msg("When it was published")),
        Key("read", _DATE, msg("When it was read, where it bears no date")),
    ),
    one_of=("date", "read"),
)
PRODUCTS = Record(
    (
        Key("virtlab-products", Whole(FORMAT, FORMAT), msg("Version of this file format"), required=True),
        Key(
            "sources",
            Names(_SOURCE_NAME, SOURCE, 60, 1, msg("sources")),
            msg("The sources, by the names that cells cite them by"),
            required=True,
        ),
        Key(
            "products",
            Names(NAME, PRODUCT, 20, 1, msg("products")),
            msg("The products, in the article's order"),
            required=True,
        ),
    )
)
