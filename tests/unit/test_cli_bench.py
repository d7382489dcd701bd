"""``bench`` on the command line: what is wrong with its files is said before anything is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NOWHERE = "qemu+unix:///system?socket=/nowhere"


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, with a connection that can't be made: exit 2 shows that it was not tried."""
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "provisioner",
            "bench",
            "x",
            "-c",
            "qemu+unix:///system?socket=/nowhere",
            *args,
        ],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={k: v for k, v in os.environ.items() if not k.startswith("VIRTLAB_")},
        stdin=subprocess.DEVNULL,
    )


def test_a_file_to_compare_with_that_is_no_result(tmp_path: Path) -> None:
    (file := tmp_path / "one.json").write_text("{}")
    result = run("--against", str(file))
    assert result.returncode == 2
    assert "is no saved benchmark: it holds no benchmark" in result.stderr
    assert "next:" in result.stderr


def test_a_file_that_would_be_lost(tmp_path: Path) -> None:
    (file := tmp_path / "thesis.txt").write_text("years of work")
    result = run("--save", str(file))
    assert result.returncode == 2
    assert "it would be lost" in result.stderr
    assert file.read_text() == "years of work"


def test_without_such_files_the_connection_is_the_next_thing(tmp_path: Path) -> None:
    assert run("--save", str(tmp_path / "new.json")).returncode == 1


def test_a_language_that_is_none() -> None:
    result = run("--lang", "fr")
    assert result.returncode == 2
    assert "--lang" in result.stderr
