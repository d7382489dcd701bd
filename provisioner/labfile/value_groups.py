"""The kinds of values that hold others: records, names with values, lists."""

from __future__ import annotations

from typing import NamedTuple

from provisioner.labfile.nodes import Mapping, Node, Patch, Scalar, Sequence, kind_of
from provisioner.labfile.problems import Place, listed, shown, suggestion
from provisioner.labfile.value_types import Given, Kind, Line, Schema, Spot
from provisioner.language import msg


def _place(key: Scalar, value: Node) -> Place:
    """The place to point at for a value: its own where it is short, else that of its key."""
    return value.place if isinstance(value, Scalar) or value.place.order != key.place.order else key.place


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
            return spot.wrong(msg("wants a mapping (key: value), not {kind}", kind=kind_of(node)))
        known = {key.name: key for key in self.keys}
        values: dict[str, Given] = {}
        for name, (key_node, value) in node.entries.items():
            if name in known:
                values[name] = known[name].kind.check(value, spot.at(name, _place(key_node, value)))
            elif self.texts and node.in_braces and _is_rest_of_text(key_node, value):
                spot._replace(place=key_node.place).wrong(
                    msg(
                        "{name} is no key: a comma ends a value that stands in braces; put a text that has a "
                        'comma in quotes ("one, two")',
                        name=shown(name),
                    )
                )
            else:
                spot._replace(place=key_node.place).wrong(self.unknown(name))
        for key in self.keys:
            if key.required and key.name not in node.entries:
                spot.wrong(msg('the key "{name}" is missing ({doc})', name=key.name, doc=key.doc))
        present = [name for name in self.one_of if name in node.entries]
        if self.one_of and len(present) != 1:
            mistake = (
                msg("{present} stand here together", present=" and ".join(present))
                if present
                else msg("a key is missing")
            )
            spot.wrong(
                msg("{mistake} (give exactly one: {one_of})", mistake=mistake, one_of=listed(self.one_of))
            )
        return spot.given(values)

    def key(self, name: str) -> Key | None:
        """The key that is called so, by its own name or by one that others know it by."""
        folded = name.lower().replace("_", "-")
        return next((key for key in self.keys if folded == key.name or folded in key.also), None)

    def unknown(self, name: str) -> str:
        """The message about a key that this record does not have."""
        near = self.key(name)
        right = (
            msg('did you mean "{name}"?', name=near.name)
            if near
            else suggestion(name, (key.name for key in self.keys))
        )
        if not right and len(self.keys) <= 10:
            right = msg("known: {keys}", keys=", ".join(key.name for key in self.keys))
        if not right:
            return msg("unknown key {name}", name=shown(name))
        return msg("unknown key {name} ({right})", name=shown(name), right=right)

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
    what: str = msg("entries")

    def check(self, node: Node, spot: Spot) -> Given:
        if not isinstance(node, Mapping):
            return spot.wrong(msg("wants a mapping (name: value), not {kind}", kind=kind_of(node)))
        if not self.least <= len(node.entries) <= self.most:
            return spot.wrong(
                msg(
                    "{count} {what} ({least} to {most} are possible)",
                    count=len(node.entries),
                    what=self.what,
                    least=self.least,
                    most=self.most,
                )
            )
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
            return spot.wrong(
                msg('wants a list ("- " before each entry, or [] for none), not {kind}', kind=kind_of(node))
            )
        if len(node.items) > self.most:
            return spot.wrong(
                msg(
                    "{count} {what} are too many (at most {most})",
                    count=len(node.items),
                    what=self.what,
                    most=self.most,
                )
            )
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
