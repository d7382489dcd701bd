"""Turns model objects into plain dicts, lists, strings and numbers, to be written as JSON; and back."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from provisioner.language import msg

_LONGEST_LIST = 10_000
_HIGHEST = 1e18
_WORDS = {int: msg("a whole number"), str: msg("a text"), bool: msg("true or false")}
_T = typing.TypeVar("_T")


def to_data(value: Any) -> Any:
    """The plain form of a model object. Fields keep their order, and the keys of dicts are sorted."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_data(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [to_data(item) for item in value]
    if isinstance(value, StrEnum):
        return str(value)
    return value


def from_data(kind: type[_T], data: Any, *, text: Callable[[str], str] = str) -> _T:
    """The dataclass whose plain form ``data`` is. ``text`` is applied to each string that is not of a
    StrEnum.

    A key that is missing takes the default of its field, and a key that no field has is ignored: another
    version may have written the data. Raises ValueError, with the place and what is wrong there, for
    anything else that does not fit the types of the fields.
    """
    return typing.cast(_T, _Reader(text).read(kind, data, ""))


class _Reader:
    def __init__(self, text: Callable[[str], str]) -> None:
        self._text = text

    def read(self, kind: Any, data: Any, at: str) -> Any:
        """``data`` as the type ``kind``; ``at`` is its place, as messages show it."""
        origin = typing.get_origin(kind)
        if origin is types.UnionType:
            return self._read_union(typing.get_args(kind), data, at)
        if origin is tuple:
            return self._read_tuple(typing.get_args(kind), data, at)
        if origin is dict:
            return self._read_dict(typing.get_args(kind)[1], data, at)
        if dataclasses.is_dataclass(kind):
            return self._read_object(typing.cast(type, kind), data, at)
        if kind is float:
            return _number(data, at)
        return self._read_leaf(kind, data, at)

    def _read_leaf(self, kind: type, data: Any, at: str) -> Any:
        closed = issubclass(kind, StrEnum)
        if not isinstance(data, str if closed else kind) or (kind is int and isinstance(data, bool)):
            raise ValueError(msg("{at}: not {words}", at=at, words=_WORDS.get(kind, msg("a word"))))
        if closed:
            if data not in list(kind):  # type: ignore[call-overload]
                raise ValueError(msg("{at}: not one of {kind}", at=at, kind=", ".join(kind)))  # type: ignore[arg-type]
            return kind(data)
        if isinstance(data, int) and not abs(data) < _HIGHEST:
            raise ValueError(msg("{at}: not a number that can be", at=at))
        return self._text(data) if isinstance(data, str) else data

    def _read_union(self, kinds: tuple[Any, ...], data: Any, at: str) -> Any:
        if data is None and type(None) in kinds:
            return None
        *first, last = (kind for kind in kinds if kind is not type(None))
        for kind in first:
            try:
                return self.read(kind, data, at)
            except ValueError:
                continue
        return self.read(last, data, at)

    def _read_tuple(self, kinds: tuple[Any, ...], data: Any, at: str) -> tuple[Any, ...]:
        if not isinstance(data, list) or len(data) > _LONGEST_LIST:
            raise ValueError(msg("{at}: not a list", at=at))
        if kinds[-1] is not Ellipsis:
            if len(data) != len(kinds):
                raise ValueError(msg("{at}: not {count} values", at=at, count=len(kinds)))
            pairs = zip(kinds, data, strict=True)
            return tuple(self.read(kind, item, f"{at}[{i}]") for i, (kind, item) in enumerate(pairs))
        return tuple(self.read(kinds[0], item, f"{at}[{i}]") for i, item in enumerate(data))

    def _read_dict(self, kind: Any, data: Any, at: str) -> dict[str, Any]:
        if not isinstance(data, dict) or len(data) > _LONGEST_LIST:
            raise ValueError(msg("{at}: not an object", at=at))
        return {str(key): self.read(kind, item, f"{at}.{key}") for key, item in data.items()}

    def _read_object(self, kind: type, data: Any, at: str) -> Any:
        if not isinstance(data, dict):
            raise ValueError(msg("{at}: not an object", at=at))
        hints = _hints(kind)
        values = {}
        for field in dataclasses.fields(kind):
            where = f"{at}.{field.name}" if at else field.name
            if field.name in data:
                values[field.name] = self.read(hints[field.name], data[field.name], where)
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise ValueError(f"{where}: missing")
        return kind(**values)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields. Working them out takes longer than reading one of its objects."""
    return typing.get_type_hints(kind)


def _number(data: Any, at: str) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float) or not abs(data) < _HIGHEST:
        raise ValueError(msg("{at}: not a number that can be", at=at))
    return float(data)
