"""./bootstrap as a user meets it: the real script, and the environment that it makes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_clone import BACKEND, change_dependencies, environment, run


def test_second_run_is_silent_and_fast(clone: Path) -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        second = run("./bootstrap", "true", cwd=clone)
        seconds.append(time.perf_counter() - start)
        assert (second.returncode, second.stdout) == (0, "")
    if os.geteuid() == 0:
        assert second.stderr == ""
    assert min(seconds) < 0.2


@pytest.mark.parametrize("way", ["here", "below", "absolute", "symlink", "sh"])
def test_hints_can_be_typed_where_the_user_is(clone: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "lab tool").symlink_to(clone / "bootstrap")
    folder, command = {
        "here": (clone, ["./bootstrap"]),
        "below": (clone / "provisioner", ["../bootstrap"]),
        "absolute": (tmp_path, [str(clone / "bootstrap")]),
        "symlink": (tmp_path, ["./lab tool"]),
        "sh": (clone, ["sh", "bootstrap"]),
    }[way]
    shown = run(*command, "virtlab", "a b", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    hint, arguments = shown.stdout.splitlines()
    assert arguments == "['a b']"
    typed = run("sh", "-c", f"{hint} again", cwd=folder)
    assert typed.stdout.splitlines() == [hint, "['again']"]


def test_environment_of_other_commands(clone: Path, tmp_path: Path) -> None:
    script = 'command -v python; pwd; eval "cd / && $VIRTLAB_RUN_AS x"'
    shown = run(clone / "bootstrap", "sh", "-c", script, cwd=tmp_path)
    python, folder, hint, _ = shown.stdout.splitlines()
    assert python == str(clone / ".venv/bin/python")
    assert folder == str(tmp_path)
    assert hint.startswith("'/")


def test_exit_code_is_the_commands_own(clone: Path) -> None:
    assert run("./bootstrap", "--yes", "--", "sh", "-c", "exit 7", cwd=clone).returncode == 7
    missing = run("./bootstrap", "no-such-command", cwd=clone)
    assert missing.returncode == 127
    assert "there is no command no-such-command" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 0), (["--help"], 0), (["--yes"], 2), (["--nonsense", "true"], 2)]
)
def test_usage(clone: Path, arguments: list[str], code: int) -> None:
    shown = run("./bootstrap", *arguments, cwd=clone)
    assert shown.returncode == code
    assert "Usage: ./bootstrap [--yes] COMMAND" in (shown.stderr if code else shown.stdout)


def start(clone: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["./bootstrap", "virtlab"],
        cwd=clone,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_changed_project_is_installed_again(clone: Path) -> None:
    change_dependencies(clone)
    updated = run("./bootstrap", "virtlab", cwd=clone)
    assert updated.returncode == 0, updated.stderr
    assert "bringing .venv up to date" in updated.stderr
    assert "making .venv" not in updated.stderr


def test_failing_pip_shows_its_last_lines_and_keeps_the_environment(clone: Path) -> None:
    backend = clone / "backend.py"
    backend.write_text("raise OSError('no room')\n")
    change_dependencies(clone)
    try:
        failed = run("./bootstrap", "virtlab", cwd=clone)
    finally:
        backend.write_text(BACKEND)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "no room" in failed.stderr
    assert "bootstrap: pip could not install them" in failed.stderr
    assert "making .venv" not in run("./bootstrap", "virtlab", cwd=clone).stderr


def test_interrupted_environment_is_repaired(clone: Path) -> None:
    change_dependencies(clone)
    building = start(clone)
    assert building.stderr is not None
    assert "bringing .venv up to date" in building.stderr.readline()
    time.sleep(0.2)
    os.killpg(building.pid, signal.SIGINT)
    building.communicate(timeout=30)
    assert building.returncode == 130
    assert (clone / ".venv/bootstrap.stamp").read_text() == "unfinished\n"
    both = [start(clone), start(clone)]
    told = "".join(process.communicate(timeout=120)[1] for process in both)
    assert [process.returncode for process in both] == [0, 0], told
    assert told.count("making .venv") == 1
    assert told.count("another bootstrap is at work here; waiting for it") == 1


def test_moved_clone_gets_a_new_environment(clone: Path, tmp_path: Path) -> None:
    shutil.copytree(clone, tmp_path / "moved", symlinks=True)
    moved = run("./bootstrap", "virtlab", cwd=tmp_path / "moved")
    assert moved.returncode == 0, moved.stderr
    assert "making .venv" in moved.stderr


def test_environment_made_by_hand_is_left_alone(tmp_path: Path, clone: Path) -> None:
    shutil.copytree(clone, tmp_path / "clone", ignore=shutil.ignore_patterns(".venv"))
    (tmp_path / "clone/.venv").mkdir()
    mine = tmp_path / "clone/.venv/mine"
    mine.touch()
    refused = run("./bootstrap", "true", cwd=tmp_path / "clone")
    assert refused.returncode == 1
    assert "was not made by bootstrap" in refused.stderr
    assert mine.exists()
