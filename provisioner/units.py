"""Sizes, durations and how they are written."""

from __future__ import annotations

import re

from provisioner.language import msg

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")
_FACTORS = {"B": 1}
for _power, _letter in enumerate("KMGT", start=1):
    _FACTORS[f"{_letter}iB"] = 1024**_power
    _FACTORS[f"{_letter}B"] = 1000**_power
SIZE_UNITS = tuple(_FACTORS)
MIB = 1024**2


def parse_size(text: str) -> int:
    """Bytes of a size with a unit, such as ``256 MiB`` or ``1.5GiB``.

    Raises ValueError, with a sentence for the user, where the unit is missing or not known, or where the
    size is not a whole number of bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(msg("a size is a number and a unit, such as 256 MiB"))
    number, unit = match.groups()
    factor = next((f for name, f in _FACTORS.items() if name.lower() == unit.lower()), None)
    if factor is None:
        raise ValueError(
            msg(
                "{unit} is no unit of size; use one of {size_units}",
                unit=repr(unit),
                size_units=", ".join(SIZE_UNITS),
            )
        )
    whole, _, decimals = number.partition(".")
    size, rest = divmod(int(whole + decimals) * factor, int(10 ** len(decimals)))
    if rest:
        raise ValueError(msg("a size must come out as a whole number of bytes"))
    return size


def format_size(size: int) -> str:
    """The shortest exact way to write a size: ``256 MiB``, ``1536 KiB``, ``513 B``."""
    for power, letter in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power} {letter}iB"
    return f"{size} B"


def rough_size(size: int) -> str:
    """A size in bytes, rounded for people: ``74.9 GiB``, ``512 MiB``."""
    for power, letter in ((4, "T"), (3, "G")):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f} {letter}iB"
    return f"{size // MIB} MiB"


def format_seconds(seconds: float) -> str:
    """A duration in seconds, rounded for people: ``0.42 s``, ``12.3 s``, ``2 min 5 s``."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"
