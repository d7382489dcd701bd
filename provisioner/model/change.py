"""What is not the same in two models of a guest or a network: before, and as a lab file has it now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import zip_longest
from typing import Any

from provisioner.model.plain import to_data
from provisioner.units import format_size

_SIZES = {"memory", "size"}
_INSIDE_ONE = 2  # steps of a path that lead to an inner guest: inner[3]


@dataclass(frozen=True, slots=True)
class Change:
    """A leaf that is not the same in two guests or networks."""

    path: tuple[str | int, ...]  # fields, keys and places in a list: ("disks", 0, "bus")
    old: Any
    new: Any

    @property
    def key(self) -> str:
        """The field of a guest or network that it is about; of the inner guest for a change inside one."""
        inside = self.path[0] == "inner" and len(self.path) > _INSIDE_ONE
        return str(self.path[_INSIDE_ONE if inside else 0])

    @property
    def place(self) -> str:
        """Where it is, as a lab file's reader writes it: ``disks[0].bus``."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".")

    def data(self) -> dict[str, Any]:
        """Place, old and new value as plain data: sizes in bytes, None for what is not there."""
        return {"place": self.place, "old": to_data(self.old), "new": to_data(self.new)}

    def __str__(self) -> str:
        """``place: old → new``"""
        old, new = (_shown(self.path[-1], to_data(value)) for value in (self.old, self.new))
        return f"{self.place}: {old} → {new}"


def differences(old: Any, new: Any, path: tuple[str | int, ...] = ()) -> Iterator[Change]:
    """Each leaf that differs between two models."""
    if old == new:
        return
    if is_dataclass(old) and type(old) is type(new):
        for field in fields(old):
            yield from differences(getattr(old, field.name), getattr(new, field.name), (*path, field.name))
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*sorted(old), *sorted(new))):
            yield from differences(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, tuple) and isinstance(new, tuple):
        for index, (a, b) in enumerate(zip_longest(old, new)):
            yield from differences(a, b, (*path, index))
    else:
        yield Change(path, old, new)


def _shown(name: str | int, plain: Any) -> str:
    if plain is None:
        return "none"
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    if isinstance(plain, int) and name in _SIZES:
        return format_size(plain)
    if isinstance(plain, dict):
        return ", ".join(f"{key} {_shown(key, item)}" for key, item in plain.items() if item is not None)
    return str(plain)
