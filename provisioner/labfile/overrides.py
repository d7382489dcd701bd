"""``--set guests.full.memory=512MiB``: changes to the nodes of a lab file before they are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from provisioner.labfile import nodes, spec
from provisioner.labfile.layers import no_such_entry
from provisioner.labfile.nodes import Mapping, Node, Patch, Scalar
from provisioner.labfile.problems import Place, Problems, alternatives, shown
from provisioner.labfile.value_groups import Key, Many, Names, Record, TextOrRecord
from provisioner.labfile.value_types import Kind, Word
from provisioner.language import msg

_FIXED = ("virtlab", "name")


class _Refused(Exception):
    """The path leads nowhere."""


class _Change(NamedTuple):
    place: Place
    value: Node

    def apply(self, kind: Kind, node: Node | None, steps: Sequence[str]) -> Node:
        """A copy of the node in which the steps lead to the value. The given node does not change."""
        if not steps:
            return self.value
        if isinstance(kind, TextOrRecord):
            kind = kind.record
        if isinstance(kind, Record):
            return self._entry(_key(kind, steps[0]).kind, node, steps[0], steps[1:])
        if isinstance(kind, Names):
            if isinstance(kind.kind, Word):  # the names of processor features have dots
                return self._entry(kind.kind, node, ".".join(steps), ())
            return self._entry(kind.kind, node, steps[0], steps[1:])
        if isinstance(kind, Many):
            return self._item(kind, node, steps[0], steps[1:])
        raise _Refused(msg("{step} leads nowhere; there is a single value before it", step=shown(steps[0])))

    def _entry(self, kind: Kind, node: Node | None, name: str, rest: Sequence[str]) -> Node:
        entries = dict(node.entries) if isinstance(node, Mapping) else {}
        key, old = entries.get(name, (Scalar(self.place, name, plain=False), None))
        entries[name] = (key, self.apply(kind, old, rest))
        return Mapping(node.place if isinstance(node, Mapping) else self.place, entries)

    def _item(self, kind: Many, node: Node | None, step: str, rest: Sequence[str]) -> Node:
        if not (step.isascii() and step.isdigit() and len(step) < 4):
            raise _Refused(msg("{step} is no number of an entry; the first is 0", step=shown(step)))
        index = int(step)
        if isinstance(node, nodes.Sequence):
            if index > len(node.items):
                raise _Refused(no_such_entry(index, len(node.items)))
            items = list(node.items)
            items[index : index + 1] = [
                self.apply(kind.kind, items[index] if index < len(items) else None, rest)
            ]
            return node._replace(items=tuple(items))
        old = node.items if isinstance(node, Patch) else {}
        return Patch(self.place, old | {index: self.apply(kind.kind, old.get(index), rest)})


def apply(root: Node, sets: Sequence[str], problems: Problems) -> Node:
    """The root node with all changes applied in their order. A problem is added for each that is wrong.

    A change is ``PATH=VALUE``. The path consists of keys, names and numbers of list entries, joined by dots;
    it may begin with the name of a guest. The value is YAML.
    """
    for order, text in enumerate(sets, start=1):
        place = Place(f"--set {text}", order=order)
        path, equals, value = text.partition("=")
        if not equals or not path:
            problems.add(
                place, "", msg("wants PATH=VALUE, for example memory of a guest: NAME.memory=512MiB")
            )
            continue
        try:
            steps = _steps(root, path.split("."))
            node = nodes.parse(value, place.file, problems, order=order, inline=True)
            if node is not None:
                root = _Change(place, node).apply(spec.LAB, root, steps)
        except _Refused as refused:
            problems.add(place, "", str(refused))
    return root


def _steps(root: Node, steps: list[str]) -> list[str]:
    """The whole path: ``guests`` comes before a guest's name. Raises _Refused where it leads to nothing."""
    guests = _names(root, "guests")
    top = [key.name for key in spec.LAB.keys]
    if steps[0] not in top:
        if steps[0] not in guests:
            if key := spec.GUEST.key(steps[0]):
                raise _Refused(_whose(".".join([key.name, *steps[1:]]), guests))
            right = alternatives(steps[0], [*guests, *top])
            raise _Refused(
                msg("{step} is neither a guest nor a key ({right})", step=shown(steps[0]), right=right)
            )
        steps = ["guests", *steps]
    if steps[0] in _FIXED:
        raise _Refused(
            msg('"{key}" can\'t be set (virtlab copy makes a lab with a name of its own)', key=steps[0])
        )
    if steps[0] == "observe":
        raise _Refused(msg("what a lab expects can't be set (virtlab copy makes a lab of your own, to edit)"))
    known = {"guests": guests, "networks": _names(root, "networks") or [spec.DEFAULT_NETWORK]}.get(steps[0])
    if known is not None and len(steps) > 1 and steps[1] not in known:
        raise _Refused(
            msg(
                "{name} is not among the {what} ({known})",
                name=shown(steps[1]),
                what=steps[0],
                known=alternatives(steps[1], known),
            )
        )
    return steps


def _whose(path: str, guests: Sequence[str]) -> str:
    """The message about a path that says what to change, and not of which guest."""
    one = f"{guests[0] if guests else 'GUEST'}.{path}=..."
    key = path.partition(".")[0]
    every = (
        msg(", or of each guest that has none of its own: defaults.{path}=...", path=path)
        if spec.DEFAULTS.key(key)
        else ""
    )
    return msg("say whose {key}: of one guest: {one}{every}", key=key, one=one, every=every)


def _names(root: Node, key: str) -> list[str]:
    entry = root.entries.get(key) if isinstance(root, Mapping) else None
    return list(entry[1].entries) if entry and isinstance(entry[1], Mapping) else []


def _key(record: Record, name: str) -> Key:
    key = next((key for key in record.keys if key.name == name), None)
    if key is None:
        raise _Refused(record.unknown(name))
    return key
