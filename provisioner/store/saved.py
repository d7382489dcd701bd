"""Reads kept results back. The file may come from anybody: nothing in it is trusted."""

from __future__ import annotations

import typing
from functools import partial
from typing import Any

from provisioner.language import mapped, msg
from provisioner.model import plain
from provisioner.model.measured import FORMAT, Bench
from provisioner.sanitize import printable

LONGEST_FILE = 4 * 1024**2  # bytes
_LONGEST_TEXT = 2_000
_T = typing.TypeVar("_T")


def bench_from_data(data: Any) -> Bench:
    """The benchmark whose plain form ``data`` is.

    Raises ValueError, with the place and what is wrong there, for anything else.
    """
    if not isinstance(data, dict) or "outcomes" not in data:
        raise ValueError(msg("it holds no benchmark"))
    if data.get("format") != FORMAT:
        raise ValueError(
            msg(
                "its format is {format}, not {known}",
                format=printable(repr(data.get("format")), 40),
                known=FORMAT,
            )
        )
    return restored(Bench, data)


def restored(kind: type[_T], data: Any) -> _T:
    """The dataclass that ``plain.to_data`` was given, with texts that can do nothing to a terminal.

    Raises ValueError where the data is no such.
    """
    return plain.from_data(kind, data, text=partial(mapped, change=partial(printable, limit=_LONGEST_TEXT)))
