"""What a command writes is heard while it runs, and it ends with its caller: in the shells of guests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_agent import HostAgent, shell_folder

from provisioner import errors
from provisioner.transport.channel import FAST, SLOW
from provisioner.transport.executor import AgentTransport
from provisioner.transport.following import Follower
from provisioner.transport.result import Result

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(params=["dash", "bash", "busybox"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return shell_folder(tmp_path / "shell", request.param)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """What stands in for the guest's /tmp."""
    (room := tmp_path / "tmp").mkdir()
    return room


@pytest.fixture(params=["fast", "slow"])
def guest(request: pytest.FixtureRequest, path: str, room: Path) -> Iterator[AgentTransport]:
    agent = HostAgent(FAST if request.param == "fast" else SLOW, path, str(room))
    yield AgentTransport(agent)
    agent.close()


def sleep(seconds: int, number: int) -> str:
    """A command that nobody else runs."""
    return f"sleep {seconds}.{os.getpid()}{number}"


def is_running(words: str) -> bool:
    """Whether a process with these words runs."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if command.read_bytes().replace(b"\0", b" ").strip() == words.encode():
                return True
        except OSError:
            continue
    return False


def wait_until(condition: object, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


class Ear:
    """Keeps what is heard, and when."""

    def __init__(self) -> None:
        self.stdout = b""
        self.stderr = b""
        self.pieces: list[tuple[float, bytes]] = []
        self._began = time.monotonic()

    def __call__(self, stdout: bytes, stderr: bytes) -> None:
        self.stdout += stdout
        self.stderr += stderr
        if stdout:
            self.pieces.append((time.monotonic() - self._began, stdout))


@pytest.mark.parametrize("follows", [False, True])
def test_output_input_and_exit_codes(guest: AgentTransport, follows: bool, room: Path) -> None:
    ear = Ear() if follows else None
    result = guest.run(["sh", "-c", "echo out; echo err >&2; exit 42"], heard=ear)
    assert (result.exit_code, result.stdout, result.stderr, result.truncated) == (
        42,
        b"out\n",
        b"err\n",
        False,
    )
    assert ear is None or (ear.stdout, ear.stderr) == (b"out\n", b"err\n")
    assert guest.run(["no-such-program"], heard=ear).exit_code == 127
    assert guest.run(["-x"], heard=ear).exit_code == 127
    assert guest.run(["/etc/passwd"], heard=ear).exit_code == 126
    assert guest.run(["sh", "-c", "kill -9 $$"], heard=ear).exit_code == 137
    for data in (b"short", bytes(range(256)) * 20):
        assert guest.run(["cat"], input=data, heard=ear).stdout == data
    assert not list(room.iterdir())


def test_more_than_is_kept_is_thrown_away_and_the_command_runs_to_its_end(guest: AgentTransport) -> None:
    for ear in (None, Ear()):
        command = ["sh", "-c", "yes | head -c 2000000; exit 7"]
        result = guest.run(command, max_output=5000, heard=ear)
        assert (result.exit_code, len(result.stdout), result.truncated) == (7, 5000, True)
        assert ear is None or len(ear.stdout) == 5000


def test_a_process_in_the_background_is_not_waited_for(guest: AgentTransport) -> None:
    for ear in (None, Ear()):
        begin = time.monotonic()
        result = guest.run(["sh", "-c", "sleep 17 & echo done; echo what >&2"], heard=ear, timeout=15)
        assert time.monotonic() - begin < 6
        assert (result.exit_code, result.stdout, result.stderr) == (0, b"done\n", b"what\n")


def test_output_is_heard_while_it_comes(guest: AgentTransport, room: Path) -> None:
    ear = Ear()
    script = "echo one; echo odd >&2; sleep 2.5; printf 'two\\n\\377'; sleep 1.5; echo three; exit 3"
    result = guest.run(["sh", "-c", script], heard=ear)
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"one\ntwo\n\xffthree\n", b"odd\n")
    assert (ear.stdout, ear.stderr) == (result.stdout, result.stderr)
    first, second = ear.pieces[0], ear.pieces[1]
    assert first[1] == b"one\n"
    assert first[0] < 2.4
    assert second[1] == b"two\n\xff"
    assert wait_until(lambda: not list(room.iterdir()), 3)


def test_what_came_is_heard_when_the_time_is_up(guest: AgentTransport, room: Path) -> None:
    ear = Ear()
    with pytest.raises(errors.GuestError, match=r"was still running after .* and was stopped"):
        guest.run(["sh", "-c", f"echo one; sleep 0.5; echo two; {sleep(47, 2)}"], heard=ear, timeout=1.5)
    assert ear.stdout == b"one\ntwo\n"
    assert wait_until(lambda: not is_running(sleep(47, 2)), 4)
    assert wait_until(lambda: not list(room.iterdir()), 4)


def test_what_came_is_heard_when_the_time_is_up_before_the_first_look(path: str, room: Path) -> None:
    ear, agent = Ear(), HostAgent(FAST, path, str(room))
    with pytest.raises(errors.GuestError, match="was stopped"):
        AgentTransport(agent).run(["sh", "-c", f"echo one; {sleep(7, 8)}"], heard=ear, timeout=0.6)
    assert ear.stdout == b"one\n"
    assert wait_until(lambda: not is_running(sleep(7, 8)), 4)
    agent.close()


def test_a_guest_that_never_runs_out_of_words_fills_no_memory() -> None:
    ear = Ear()
    endless = Result(0, None, b"x" * 100, b"y" * 30, truncated=False)
    follower = Follower("lab/host", ear, lambda *_: endless, "/x", most=250, piece=100, compress=False)
    for _ in range(20):
        follower._next = 0.0
        follower.look(time.monotonic() + 1)
    ended = follower.result(Result(3, None, b"", b"", truncated=False))
    assert ended == Result(3, None, b"x" * 250, b"y" * 250, truncated=True)
    assert (ear.stdout, ear.stderr) == (ended.stdout, ended.stderr)


def test_a_long_answer_comes_whole(guest: AgentTransport) -> None:
    ear = Ear()
    script = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo line $i; done; sleep 1.5; echo end"
    result = guest.run(["sh", "-c", script], heard=ear)
    lines = result.stdout.split(b"\n")
    assert (len(lines), lines[39999], lines[40000]) == (40002, b"line 40000", b"end")
    assert ear.stdout == result.stdout


def test_a_reader_that_has_gone_ends_the_command(guest: AgentTransport) -> None:
    def gone(_stdout: bytes, _stderr: bytes) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        guest.run(["sh", "-c", f"echo one; {sleep(47, 3)}"], heard=gone)
    assert wait_until(lambda: not is_running(sleep(47, 3)), 4)


CALLER = """
import sys
sys.path[:0] = {paths!r}
from host_agent import HostAgent
from provisioner.transport.channel import FAST
from provisioner.transport.executor import AgentTransport
from provisioner.transport.following import Follower
from provisioner.transport.result import Result
AgentTransport(HostAgent(FAST, {path!r}, {room!r})).run(
    ["sh", "-c", {script!r}], heard=lambda out, err: (sys.stdout.buffer.write(out), sys.stdout.flush()),
)
"""


@pytest.mark.parametrize("at_once", [False, True])
def test_a_command_ends_with_a_caller_that_is_killed(path: str, at_once: bool, room: Path) -> None:
    script = f"trap : TERM; echo here; {sleep(47, 4)} & {sleep(47, 5)}; {sleep(47, 6)}"
    code = CALLER.format(paths=[str(HERE), str(ROOT)], path=path, room=str(room), script=script)
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
    assert time.monotonic() - begin < 16
    assert wait_until(lambda: not list(room.iterdir()), 3)


def test_what_a_command_left_behind_lives_on(path: str, room: Path) -> None:
    """The lease is that of the command, and not that of what it started and did not wait for."""
    AgentTransport(HostAgent(FAST, path, str(room))).run(
        ["sh", "-c", f"({sleep(13, 7)}; echo x; echo y) & echo here"], heard=Ear()
    )
    time.sleep(11)
    assert is_running(sleep(13, 7))
