"""A command in a guest ends with its caller, and what it left in the background does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from every_shell import in_every_shell
from listening import Ear, is_running, sleep, wait_until

from provisioner.transport import following
from provisioner.transport.executor import AgentTransport

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LEASE = 2  # seconds, a quarter of the real one: a test need not wait longer

CALLER = """
import sys
sys.path[:0] = {paths!r}
from host_agent import HostAgent
from provisioner.transport.channel import FAST
from provisioner.transport.executor import AgentTransport
from provisioner.transport import following
following.LEASE_SECONDS = {lease}
AgentTransport(HostAgent(FAST, {path!r}, {room!r})).run(["sh", "-c", {script!r}], {wish})
"""
HEARD = "heard=lambda out, err: (sys.stdout.buffer.write(out), sys.stdout.flush())"


@pytest.mark.parametrize(
    ("wish", "at_once"),
    [
        pytest.param(HEARD, False, id="after a while"),
        pytest.param(HEARD, True, id="at once"),
        pytest.param(f"timeout={LEASE}", True, id="when its time is up"),
    ],
)
@in_every_shell("fast")
def test_a_command_ends_with_a_caller_that_is_killed(path: str, wish: str, at_once: bool, room: Path) -> None:
    script = f"trap : TERM; echo here; {sleep(47, 4)} & {sleep(47, 5)}; {sleep(47, 6)}"
    paths = [str(HERE), str(ROOT)]
    code = CALLER.format(lease=LEASE, paths=paths, path=path, room=str(room), script=script, wish=wish)
    caller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        if at_once:
            assert wait_until(lambda: is_running(sleep(47, 5)), 5)
        else:
            assert caller.stdout is not None
            assert caller.stdout.readline() == b"here\n"
            time.sleep(2)
        assert is_running(sleep(47, 5))
    finally:
        os.kill(caller.pid, signal.SIGKILL)
        caller.communicate()
    begin = time.monotonic()
    left = (sleep(47, 4), sleep(47, 5), sleep(47, 6))
    assert wait_until(lambda: not any(map(is_running, left)), 20)
    assert time.monotonic() - begin < LEASE + 8
    assert wait_until(lambda: not list(room.iterdir()), 3)


@in_every_shell("fast")
def test_what_a_command_left_behind_lives_on(guest: AgentTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease is that of the command, and not that of what it started and did not wait for."""
    monkeypatch.setattr(following, "LEASE_SECONDS", LEASE)
    left = sleep(47, 7)
    guest.run(["sh", "-c", f"({left}; echo x; echo y) & echo here"], heard=Ear())
    time.sleep(LEASE + 3)
    assert is_running(left)
    subprocess.run(["pkill", "-f", "-x", left], check=True)
