"""Who may import whom: what decides touches nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "provisioner"
FILES = ("naming.py", "units.py", "stamp.py", "seen.py", "plan.py", "accel.py", "errors.py", "language.py")
PURE = (*FILES, "lab", "render", "lessons")
BOTH = "provisioner.guest.sanitize"  # a guest's text made printable, wherever it is read
TOUCHING = {"engine", "cli", "report", "hypervisor", "guest", "images"}


def imported(file: Path) -> Iterator[str]:
    """The modules and the names that a file imports, dotted."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_import_none_that_touches_the_host(room: str) -> None:
    files = sorted((PACKAGE / room).rglob("*.py")) or [PACKAGE / room]
    names = {name for f in files for name in imported(f) if not name.startswith(BOTH)}
    rooms = {parts[1] for name in names if (parts := name.split("."))[0] == "provisioner"}
    assert not rooms & TOUCHING
