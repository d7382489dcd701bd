"""A benchmark kept in a file, read back. The file is the user's: nothing in it is trusted."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import StrEnum
from typing import Any

from provisioner.model.measured import FORMAT, Bench
from provisioner.sanitize import printable

LONGEST_FILE = 4 * 1024**2  # bytes
_LONGEST_LIST = 10_000
_LONGEST_TEXT = 2_000
_HIGHEST = 1e18
_T = typing.TypeVar("_T")


def bench_from_data(data: Any) -> Bench:
    """The benchmark that ``lab.model.to_data`` was given.

    Raises ValueError, with where and what is wrong, for anything else.
    """
    if not isinstance(data, dict) or "outcomes" not in data:
        raise ValueError("it holds no benchmark")
    if data.get("format") != FORMAT:
        raise ValueError(f"its format is {printable(repr(data.get('format')), 40)}, not {FORMAT}")
    return typing.cast(Bench, _read(Bench, data, ""))


def restored(kind: type[_T], data: Any) -> _T:
    """The dataclass that ``lab.model.to_data`` was given. Raises ValueError where the data is no such."""
    return typing.cast(_T, _read(kind, data, ""))


def _read(kind: Any, data: Any, at: str) -> Any:
    origin = typing.get_origin(kind)
    if origin is types.UnionType:
        (inner,) = (arg for arg in typing.get_args(kind) if arg is not type(None))
        return None if data is None else _read(inner, data, at)
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), data, at)
    if dataclasses.is_dataclass(kind):
        return _read_object(typing.cast(type, kind), data, at)
    if kind is float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not abs(data) < _HIGHEST:
            raise ValueError(f"{at}: not a number that can be")
        return float(data)
    if not isinstance(data, str if issubclass(kind, StrEnum) else kind) or (kind is int and data is True):
        raise ValueError(f"{at}: not {_WORDS.get(kind, 'a word')}")
    if issubclass(kind, StrEnum):
        if data not in list(kind):
            raise ValueError(f"{at}: not one of {', '.join(kind)}")
        return kind(data)
    if isinstance(data, int) and not abs(data) < _HIGHEST:
        raise ValueError(f"{at}: not a number that can be")
    return printable(data, _LONGEST_TEXT) if kind is str else data


_WORDS = {int: "a whole number", str: "a text", bool: "true or false"}


def _read_tuple(kinds: tuple[Any, ...], data: Any, at: str) -> tuple[Any, ...]:
    if not isinstance(data, list) or len(data) > _LONGEST_LIST:
        raise ValueError(f"{at}: not a list")
    if kinds[-1] is not Ellipsis:
        if len(data) != len(kinds):
            raise ValueError(f"{at}: not {len(kinds)} values")
        return tuple(
            _read(kind, item, f"{at}[{i}]") for i, (kind, item) in enumerate(zip(kinds, data, strict=True))
        )
    return tuple(_read(kinds[0], item, f"{at}[{i}]") for i, item in enumerate(data))


def _read_object(kind: Any, data: Any, at: str) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"{at}: not an object")
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        where = f"{at}.{field.name}" if at else field.name
        if field.name in data:
            values[field.name] = _read(hints[field.name], data[field.name], where)
        elif field.default is dataclasses.MISSING:
            raise ValueError(f"{where}: missing")
    return kind(**values)
