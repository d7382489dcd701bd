"""What is forked does what a process of its own does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import Forked

LAB = "virtlab: 1\nname: x\nguests:\n  a: {profile: virtio}\n"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def forked() -> Iterator[Forked]:
    made = Forked([sys.executable], ENVIRONMENT, Path.cwd())
    yield made
    made.close()


@pytest.mark.parametrize(
    "command",
    [
        ["list", "-o", "name"],
        ["show", "demo-paravirt", "--lang", "ja"],
        ["show", "nobodys-lab"],
        ["copy", "demo-kvm"],
        ["validate", "lab.yaml", "-o", "json"],
        ["report", "nobodys-lab", "--all"],
        ["exec", "nobodys/guest", "-c", "qemu:///system?socket=/no/such", "--", "true"],
    ],
)
def test_both_say_the_same_and_end_alike(forked: Forked, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "lab.yaml").write_text(LAB)
    environment = {**ENVIRONMENT, "COLUMNS": "60"}
    argv = [sys.executable, "-m", "provisioner", *command]
    alone = subprocess.run(argv, capture_output=True, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL)
    done = forked.run(command, given=b"", timeout=60, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (alone.returncode, alone.stdout)
    assert done.stderr.decode() == alone.stderr.decode()


def test_one_that_takes_too_long_is_ended_and_others_go_on_meanwhile(forked: Forked, tmp_path: Path) -> None:
    ended: list[bool] = []

    def wait_for_silent_daemon() -> None:
        command = ["status", "-c", f"qemu:///system?socket={tmp_path}/sock"]
        with pytest.raises(subprocess.TimeoutExpired):
            forked.run(command, given=b"", timeout=1, env=ENVIRONMENT, cwd=tmp_path)
        ended.append(True)

    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{tmp_path}/sock")
        silent.listen()
        waiting = threading.Thread(target=wait_for_silent_daemon)
        waiting.start()
        listed = forked.run(["list"], given=b"x" * 200_000, timeout=60, env=ENVIRONMENT, cwd=tmp_path)
        assert (listed.returncode, ended) == (0, [])
        waiting.join()
    assert ended == [True]
    assert forked.run(["list"], given=b"", timeout=60, env=ENVIRONMENT, cwd=tmp_path).stdout == listed.stdout
