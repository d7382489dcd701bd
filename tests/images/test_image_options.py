"""The options with which scripts inside guests start QEMU: none that newer QEMUs drop."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

IMAGES = Path(__file__).parents[2] / "templates" / "images"
STARTERS = [
    file
    for file in sorted(IMAGES.rglob("*"))
    if file.is_file() and re.search(r"^[^#\n]*\bqemu-system-x86_64 -", file.read_text("utf-8"), re.MULTILINE)
]
# docs/deprecations.md says where this is from
GONE = {
    "-mon": "deprecated in 11.1",
    "-no-acpi": "gone in 9.0",
    "-no-hpet": "gone in 9.0",
    "-singlestep": "gone in 9.0",
    "-runas": "gone in 10.0",
    "-chroot": "gone in 9.0",
}


def test_the_scripts_are_found() -> None:
    assert {f"{file.parent.name}/{file.name}" for file in STARTERS} == {"kvm/bare-machine", "kvm/inner"}


@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.name)
def test_they_use_no_option_that_goes(file: Path) -> None:
    words = set(file.read_text("utf-8").split())
    assert not {option: why for option, why in GONE.items() if option in words}
