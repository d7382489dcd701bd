"""The types of values in a lab file. Each checks nodes, and describes itself as JSON Schema.

A checked value is a ``Given``: the plain value with its place and path. A value that was wrong is
``INVALID`` (its problem has been added), so that later checks skip it.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, Protocol

from provisioner import units
from provisioner.labfile.nodes import Mapping, Node, Patch, Scalar, Sequence, kind_of
from provisioner.labfile.problems import UNSAFE_CHARACTER, Place, Problems, listed, shown, suggestion
from provisioner.language import Text

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


def _place(key: Scalar, value: Node) -> Place:
    """The place to point at for a value: its own where it is short, else that of its key."""
    return value.place if isinstance(value, Scalar) or value.place.order != key.place.order else key.place


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
            near = 'did you mean "none"?' if absent else suggestion(node.text, self.values)
        what = f"{shown(value)} is not known" if isinstance(value, str) else f"{kind_of(node)} is no word"
        return spot.wrong(f"{what} (use {listed(self.values)}{near and '; ' + near})")

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
        right = f" (write {word}; only true and false are truth values in YAML 1.2)" if word else ""
        if value in ("true", "false"):
            right = f" (write {value} without quotes)"
        return spot.wrong(f"wants true or false, not {kind_of(node)}{right}")

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
            right = f" (write {int(digits)}, in digits only)" if re.fullmatch("[0-9]{1,9}", digits) else ""
            return spot.wrong(f"wants a whole number, not {kind_of(node)}{right}")
        if re.match("[-+]?0[0-9]", node.text):
            octal = node.text.lstrip("+-0")
            right = f"{value} or 0o{octal}" if re.fullmatch("[0-7]+", octal) else str(value)
            return spot.wrong(
                f"{node.text} is octal to some readers of YAML, decimal to others (write {right})"
            )
        if not self.least <= value <= self.most:
            bounds = f"{self.least} to {self.most}" if self.least < self.most else f"only {self.least}"
            return spot.wrong(f"{value} is out of bounds ({bounds})")
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
            return spot.wrong(f"a size needs a unit (such as {value if value > 0 else 256} MiB)")
        if not isinstance(value, str):
            return spot.wrong(f"wants a size such as 256 MiB, not {kind_of(node)}")
        try:
            size = units.parse_size(value) if len(value) <= 32 else 0
        except ValueError as error:
            return spot.wrong(f"{shown(value)} is no size ({error})")
        if not self.least <= size <= self.most:
            bounds = f"{units.format_size(self.least)} to {units.format_size(self.most)}"
            return spot.wrong(f"{shown(value)} is out of bounds ({bounds})")
        if size % self.step:
            near = units.format_size(-(-size // self.step) * self.step)
            return spot.wrong(
                f"{shown(value)} is not a multiple of {units.format_size(self.step)} (the next is {near})"
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
            return spot.wrong(f'wants text, not {kind_of(node)} (put it in quotes: "{node.text}")')
        if not isinstance(value, str):
            return spot.wrong(f"wants text, not {kind_of(node)}")
        if not value.strip():
            return spot.wrong("the text is empty")
        if len(value) > self.most:
            return spot.wrong(f"{shown(value)} has {len(value)} characters (at most {self.most})")
        unsafe = UNSAFE_CHARACTER.search(value.replace("\n", "") if self.long else value)
        if unsafe:
            return spot.wrong(f"the character U+{ord(unsafe.group()):04X} can't stand in this text")
        if self.pattern and not re.fullmatch(self.pattern, value):
            return spot.wrong(f"{shown(value)} is not {self.form}")
        return spot.given(value)

    def schema(self) -> Schema:
        schema: Schema = {"type": "string", "minLength": 1, "maxLength": self.most}
        return schema | ({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {})


class Key(NamedTuple):
    """One key of a record."""

    name: str
    kind: Kind
    doc: str
    default: str = ""  # where the value comes from when it is left out
    required: bool = False
    also: tuple[str, ...] = ()  # names by which others know it: "did you mean"


def _is_rest_of_text(key: Scalar, value: Node) -> bool:
    """Whether this entry looks like what follows a comma in a text, rather than like a key with a value."""
    return key.plain and isinstance(value, Scalar) and value.plain and (not value.text or " " in key.text)


class Record(NamedTuple):
    """A mapping with known keys."""

    keys: tuple[Key, ...]
    nullable: bool = False  # a key with nothing behind it stands for an empty mapping
    one_of: tuple[str, ...] = ()  # keys of which exactly one has to be there
    texts: bool = False  # the values are texts, in which a comma may stand

    def check(self, node: Node, spot: Spot) -> Given:
        if self.nullable and isinstance(node, Scalar) and node.value is None:
            return spot.given({})
        if not isinstance(node, Mapping):
            return spot.wrong(f"wants a mapping (key: value), not {kind_of(node)}")
        known = {key.name: key for key in self.keys}
        values: dict[str, Given] = {}
        for name, (key_node, value) in node.entries.items():
            if name in known:
                values[name] = known[name].kind.check(value, spot.at(name, _place(key_node, value)))
            elif self.texts and node.in_braces and _is_rest_of_text(key_node, value):
                spot._replace(place=key_node.place).wrong(
                    f"{shown(name)} is no key: a comma ends a value that stands in braces; "
                    'put a text that has a comma in quotes ("one, two")'
                )
            else:
                spot._replace(place=key_node.place).wrong(self.unknown(name))
        for key in self.keys:
            if key.required and key.name not in node.entries:
                spot.wrong(f'the key "{key.name}" is missing ({key.doc})')
        present = [name for name in self.one_of if name in node.entries]
        if self.one_of and len(present) != 1:
            mistake = f"{' and '.join(present)} stand here together" if present else "a key is missing"
            spot.wrong(f"{mistake} (give exactly one: {listed(self.one_of)})")
        return spot.given(values)

    def key(self, name: str) -> Key | None:
        """The key that is called so, by its own name or by one that others know it by."""
        folded = name.lower().replace("_", "-")
        return next((key for key in self.keys if folded == key.name or folded in key.also), None)

    def unknown(self, name: str) -> str:
        """The message about a key that this record does not have."""
        near = self.key(name)
        right = f'did you mean "{near.name}"?' if near else suggestion(name, (key.name for key in self.keys))
        if not right and len(self.keys) <= 10:
            right = f"known: {', '.join(key.name for key in self.keys)}"
        return f"unknown key {shown(name)}" + (f" ({right})" if right else "")

    def schema(self) -> Schema:
        schema: Schema = {
            "type": ["object", "null"] if self.nullable else "object",
            "properties": {key.name: key_schema(key) for key in self.keys},
            "additionalProperties": False,
        }
        required = [key.name for key in self.keys if key.required]
        schema |= {"required": required} if required else {}
        return schema | ({"oneOf": [{"required": [name]} for name in self.one_of]} if self.one_of else {})


def key_schema(key: Key) -> Schema:
    default = f" Default: {key.default}." if key.default else ""
    return {"description": f"{key.doc}.{default}"} | key.kind.schema()


class Names(NamedTuple):
    """A mapping from names of one form to values of one type."""

    name: Line
    kind: Kind
    most: int
    least: int = 0
    what: str = "entries"

    def check(self, node: Node, spot: Spot) -> Given:
        if not isinstance(node, Mapping):
            return spot.wrong(f"wants a mapping (name: value), not {kind_of(node)}")
        if not self.least <= len(node.entries) <= self.most:
            return spot.wrong(f"{len(node.entries)} {self.what} ({self.least} to {self.most} are possible)")
        values: dict[str, Given] = {}
        for name, (key, value) in node.entries.items():
            text = key._replace(plain=False)  # a name may look like a number
            if self.name.check(text, spot._replace(place=key.place)).ok:
                values[name] = self.kind.check(value, spot.at(name, _place(key, value)))
        return spot.given(values)

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": self.name.schema(),
            "additionalProperties": self.kind.schema(),
            "minProperties": self.least,
            "maxProperties": self.most,
        }


class Many(NamedTuple):
    """A list."""

    kind: Kind
    most: int
    what: str

    def check(self, node: Node, spot: Spot) -> Given:
        if isinstance(node, Patch):
            return spot.given({i: self._entry(i, item, spot) for i, item in node.items.items()})
        if not isinstance(node, Sequence):
            return spot.wrong(f'wants a list ("- " before each entry, or [] for none), not {kind_of(node)}')
        if len(node.items) > self.most:
            return spot.wrong(f"{len(node.items)} {self.what} are too many (at most {self.most})")
        return spot.given([self._entry(i, item, spot) for i, item in enumerate(node.items)])

    def _entry(self, index: int, item: Node, spot: Spot) -> Given:
        return self.kind.check(item, spot.at(index, item.place))

    def schema(self) -> Schema:
        return {"type": "array", "maxItems": self.most, "items": self.kind.schema()}


class TextOrRecord(NamedTuple):
    """A text, or the same text in several languages."""

    text: Line
    record: Record

    def check(self, node: Node, spot: Spot) -> Given:
        return (self.record if isinstance(node, Mapping) else self.text).check(node, spot)

    def schema(self) -> Schema:
        return {"oneOf": [self.text.schema(), self.record.schema()]}
