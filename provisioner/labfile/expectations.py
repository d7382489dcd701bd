"""The types of values that only observations have: names of facts, and expected values."""

from __future__ import annotations

from typing import NamedTuple

from provisioner.labfile.nodes import Node, Scalar, Sequence, kind_of
from provisioner.labfile.problems import alternatives, shown
from provisioner.labfile.value_types import Given, Line, Schema, Spot
from provisioner.language import msg

_NOTHING = "none"


class FactName(NamedTuple):
    """The name of a fact that virtlab gathers in a guest."""

    def check(self, node: Node, spot: Spot) -> Given:
        from provisioner.model.named_facts import NAMES

        name = node.text if isinstance(node, Scalar) else ""
        if name in NAMES:
            return spot.given(name)
        if not name:
            return spot.wrong(msg("wants the name of a fact, not {kind}", kind=kind_of(node)))
        return spot.wrong(
            msg("there is no fact {name} ({known})", name=shown(name), known=alternatives(name, NAMES))
        )

    def schema(self) -> Schema:
        from provisioner.model.named_facts import NAMES

        return {"oneOf": [{"const": name, "description": text.en} for name, text in NAMES.items()]}


class Values(NamedTuple):
    """A value, or a list of values; ``none`` is an empty list. Whole numbers are taken as text."""

    length: int  # characters of one value
    most: int

    def check(self, node: Node, spot: Spot) -> Given:
        if isinstance(node, Scalar):
            if node.text == _NOTHING:
                return spot.given([])
            value = self._one(node, spot)
            return spot.given([value]) if value.ok else value
        if not isinstance(node, Sequence):
            return spot.wrong(msg("wants a value or a list of values, not {kind}", kind=kind_of(node)))
        if len(node.items) > self.most:
            return spot.wrong(
                msg("{count} values are too many (at most {most})", count=len(node.items), most=self.most)
            )
        return spot.given([self._one(item, spot.at(i, item.place)) for i, item in enumerate(node.items)])

    def _one(self, node: Node, spot: Spot) -> Given:
        if isinstance(node, Scalar) and node.plain and node.text.isascii() and node.text.isdecimal():
            node = node._replace(plain=False)
        return Line(self.length).check(node, spot)

    def schema(self) -> Schema:
        one: Schema = {"type": ["string", "integer"], "maxLength": self.length}
        return {"oneOf": [one, {"type": "array", "maxItems": self.most, "items": one}]}
