"""The benchmarks are run by hand: here only that they still know the package that they measure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("program", "option"), [("boot.py", "--rounds"), ("up.py", "--rounds"), ("soak.py", "--cycles")]
)
def test_it_tells_its_options(program: str, option: str) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / program), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert option in done.stdout
