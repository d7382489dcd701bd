"""The types of values in a lab file. Each checks nodes, and describes itself as JSON Schema.

A checked value is a ``Given``: the plain value with its place and path. A value that was wrong is
``INVALID`` (its problem has been added), so that later checks skip it.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, Protocol

from provisioner import units
from provisioner.labfile.nodes import Node, Scalar, kind_of
from provisioner.labfile.problems import UNSAFE_CHARACTER, Place, Problems, listed, shown, suggestion
from provisioner.language import Text, joined, msg

INVALID: Final = object()
Schema = dict[str, Any]


class Given(NamedTuple):
    """A value that a file (or ``--set``) gives.

    ``value``: text, int, bool, ``dict[str, Given]``, ``list[Given]``, ``dict[int, Given]`` for a change
    to entries of a list, or INVALID. ``place`` is the value's, or its key's where it has one.
    """

    value: Any
    place: Place
    path: str

    @property
    def ok(self) -> bool:
        return self.value is not INVALID


def text_of(given: Given | None) -> Text | None:
    """The text of a checked title or description, which has one language or several."""
    if given is None:
        return None
    if isinstance(given.value, str):
        return Text(given.value)
    return Text(**{language: each.value for language, each in given.value.items()})


class Spot(NamedTuple):
    """Where the checking is."""

    problems: Problems
    place: Place
    path: str

    def at(self, step: str | int, place: Place) -> Spot:
        return Spot(self.problems, place, f"{self.path}.{step}" if self.path else str(step))

    def wrong(self, message: str) -> Given:
        self.problems.add(self.place, self.path, message)
        return Given(INVALID, self.place, self.path)

    def given(self, value: Any) -> Given:
        return Given(value, self.place, self.path)


class Kind(Protocol):
    """A kind of value."""

    def check(self, node: Node, spot: Spot) -> Given:
        """The value, or INVALID and a problem."""

    def schema(self) -> Schema:
        """The same as JSON Schema, as far as that language goes."""


def _scalar(node: Node) -> Any:
    return node.value if isinstance(node, Scalar) else node


class Word(NamedTuple):
    """One of a few words."""

    values: tuple[str, ...]

    def check(self, node: Node, spot: Spot) -> Given:
        value = _scalar(node)
        if isinstance(value, str) and value in self.values:
            return spot.given(value)
        near = ""
        if isinstance(node, Scalar):
            absent = node.text.lower() in ("off", "no", "false", "null", "~") and "none" in self.values
            near = msg('did you mean "none"?') if absent else suggestion(node.text, self.values)
        what = (
            msg("{value} is not known", value=shown(value))
            if isinstance(value, str)
            else msg("{kind} is no word", kind=kind_of(node))
        )
        right = joined("; ", filter(None, (msg("use {values}", values=listed(self.values)), near)))
        return spot.wrong(msg("{what} ({right})", what=what, right=right))

    def schema(self) -> Schema:
        return {"enum": list(self.values)}


class Flag(NamedTuple):
    """true or false."""

    def check(self, node: Node, spot: Spot) -> Given:
        value = _scalar(node)
        if isinstance(value, bool):
            return spot.given(value)
        truth = {"on": "true", "yes": "true", "y": "true", "off": "false", "no": "false", "n": "false"}
        word = truth.get(node.text.lower()) if isinstance(node, Scalar) else None
        right = (
            msg(" (write {word}; only true and false are truth values in YAML 1.2)", word=word)
            if word
            else ""
        )
        if value in ("true", "false"):
            right = msg(" (write {value} without quotes)", value=value)
        return spot.wrong(msg("wants true or false, not {kind}{right}", kind=kind_of(node), right=right))

    def schema(self) -> Schema:
        return {"type": "boolean"}


class Whole(NamedTuple):
    """A whole number within bounds."""

    least: int
    most: int

    def check(self, node: Node, spot: Spot) -> Given:
        value = _scalar(node)
        if not isinstance(node, Scalar) or isinstance(value, bool) or not isinstance(value, int):
            digits = node.text.replace("_", "") if isinstance(node, Scalar) else ""
            right = (
                msg(" (write {digits}, in digits only)", digits=int(digits))
                if re.fullmatch("[0-9]{1,9}", digits)
                else ""
            )
            return spot.wrong(msg("wants a whole number, not {kind}{right}", kind=kind_of(node), right=right))
        if re.match("[-+]?0[0-9]", node.text):
            octal = node.text.lstrip("+-0")
            right = f"{value} or 0o{octal}" if re.fullmatch("[0-7]+", octal) else str(value)
            return spot.wrong(
                msg(
                    "{text} is octal to some readers of YAML, decimal to others (write {right})",
                    text=node.text,
                    right=right,
                )
            )
        if not self.least <= value <= self.most:
            bounds = (
                msg("{least} to {most}", least=self.least, most=self.most)
                if self.least < self.most
                else msg("only {least}", least=self.least)
            )
            return spot.wrong(msg("{value} is out of bounds ({bounds})", value=value, bounds=bounds))
        return spot.given(value)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Size(NamedTuple):
    """A size in bytes, written with a unit. It has to be a multiple of ``step``."""

    least: int
    most: int
    step: int

    def check(self, node: Node, spot: Spot) -> Given:
        value = _scalar(node)
        if isinstance(value, int | float) and not isinstance(value, bool) and isinstance(node, Scalar):
            return spot.wrong(
                msg("a size needs a unit (such as {value} MiB)", value=value if value > 0 else 256)
            )
        if not isinstance(value, str):
            return spot.wrong(msg("wants a size such as 256 MiB, not {kind}", kind=kind_of(node)))
        try:
            size = units.parse_size(value) if len(value) <= 32 else 0
        except ValueError as error:
            return spot.wrong(msg("{value} is no size ({error})", value=shown(value), error=error))
        if not self.least <= size <= self.most:
            bounds = msg(
                "{least} to {most}", least=units.format_size(self.least), most=units.format_size(self.most)
            )
            return spot.wrong(msg("{value} is out of bounds ({bounds})", value=shown(value), bounds=bounds))
        if size % self.step:
            near = units.format_size(-(-size // self.step) * self.step)
            return spot.wrong(
                msg(
                    "{value} is not a multiple of {step} (the next is {near})",
                    value=shown(value),
                    step=units.format_size(self.step),
                    near=near,
                )
            )
        return spot.given(size)

    def schema(self) -> Schema:
        letters = "|".join("".join(f"[{c.lower()}{c.upper()}]" for c in unit) for unit in units.SIZE_UNITS)
        return {
            "type": "string",
            "pattern": rf"^\s*[0-9]+(\.[0-9]+)?\s*({letters})\s*$",
            "examples": ["256 MiB"],
        }


class Line(NamedTuple):
    """Text of a certain form, on one line unless ``long``."""

    most: int  # characters
    pattern: str = ""
    form: str = ""  # the pattern in words
    long: bool = False

    def check(self, node: Node, spot: Spot) -> Given:
        value = _scalar(node)
        if isinstance(node, Scalar) and isinstance(value, bool | int | float):
            return spot.wrong(
                msg('wants text, not {kind} (put it in quotes: "{text}")', kind=kind_of(node), text=node.text)
            )
        if not isinstance(value, str):
            return spot.wrong(msg("wants text, not {kind}", kind=kind_of(node)))
        if not value.strip():
            return spot.wrong(msg("the text is empty"))
        if len(value) > self.most:
            return spot.wrong(
                msg(
                    "{value} has {count} characters (at most {most})",
                    value=shown(value),
                    count=len(value),
                    most=self.most,
                )
            )
        unsafe = UNSAFE_CHARACTER.search(value.replace("\n", "") if self.long else value)
        if unsafe:
            return spot.wrong(
                msg("the character U+{number} can't stand in this text", number=f"{ord(unsafe.group()):04X}")
            )
        if self.pattern and not re.fullmatch(self.pattern, value):
            return spot.wrong(msg("{value} is not {form}", value=shown(value), form=self.form))
        return spot.given(value)

    def schema(self) -> Schema:
        schema: Schema = {"type": "string", "minLength": 1, "maxLength": self.most}
        return schema | ({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {})
