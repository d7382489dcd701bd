"""The parts that images are made of, and where each release's packages have them: ``parts.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from provisioner.language import msg

PARTS_FILE = "parts.yaml"
KERNEL = "linux"
_KEYS = {"places", "packages", "along", "optional"}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that packages hold: a program, a firmware, the kernel.

    ``places`` are paths in the packages, of which the first that is there is taken. ``packages`` may hold it,
    by system or package manager. ``along`` are patterns of names of packages that those depend on and
    that hold a piece of it. ``optional`` says why a release may do without it, and is empty otherwise.
    """

    name: str
    places: tuple[str, ...]
    packages: Mapping[str, tuple[str, ...]]
    along: tuple[str, ...] = ()
    optional: str = ""


def made(name: str, place: str) -> Part:
    """A part that comes from the builder, and not from a package."""
    return Part(name, (place,), {})


@cache
def read(file: Path) -> dict[str, Part]:
    """The parts of a file, by name. Raises OSError, yaml.YAMLError, KeyError, TypeError or ValueError."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506 - both are safe
    return {name: _part(name, entry) for name, entry in data.items()}


def _part(name: str, entry: Mapping[str, Any]) -> Part:
    if unknown := set(entry) - _KEYS:
        raise ValueError(
            msg(
                "{file}: {name}: unknown key {unknown}",
                file=PARTS_FILE,
                name=name,
                unknown=", ".join(sorted(unknown)),
            )
        )
    places = tuple(entry["places"])
    if not places or not all(place.startswith("/") and ".." not in place.split("/") for place in places):
        raise ValueError(msg("{file}: {name}: places are absolute paths", file=PARTS_FILE, name=name))
    return Part(
        name,
        places,
        {who: tuple(names) for who, names in entry["packages"].items()},
        tuple(entry.get("along", ())),
        str(entry.get("optional", "")),
    )
