"""What a command writes is heard while it runs, and it ends with its caller: in the shells of guests."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from every_shell import in_every_shell
from listening import Ear, is_running, sleep, wait_until

from provisioner import errors
from provisioner.transport.executor import AgentTransport
from provisioner.transport.following import Follower
from provisioner.transport.result import Result
from provisioner.transport.script import look


@pytest.mark.parametrize("follows", [False, True])
@in_every_shell("fast", "slow")
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


@in_every_shell("fast", "slow")
def test_more_than_is_kept_is_thrown_away_and_the_command_runs_to_its_end(guest: AgentTransport) -> None:
    for ear in (None, Ear()):
        command = ["sh", "-c", "yes | head -c 2000000; exit 7"]
        result = guest.run(command, max_output=5000, heard=ear)
        assert (result.exit_code, len(result.stdout), result.truncated) == (7, 5000, True)
        assert ear is None or len(ear.stdout) == 5000


@in_every_shell("fast", "slow")
def test_a_process_in_the_background_is_not_waited_for(guest: AgentTransport) -> None:
    for ear in (None, Ear()):
        begin = time.monotonic()
        result = guest.run(["sh", "-c", "sleep 17 & echo done; echo what >&2"], heard=ear, timeout=15)
        assert time.monotonic() - begin < 6
        assert (result.exit_code, result.stdout, result.stderr) == (0, b"done\n", b"what\n")


@in_every_shell("fast", "slow")
def test_output_is_heard_while_it_comes(guest: AgentTransport, room: Path, tmp_path: Path) -> None:
    """The command goes on only when somebody has heard what it wrote before."""

    class Answering(Ear):
        def __call__(self, stdout: bytes, stderr: bytes) -> None:
            super().__call__(stdout, stderr)
            (tmp_path / f"heard{len(self.pieces)}").touch()

    ear, until = Answering(), "until [ -e {} ]; do sleep 0.1; done"
    waits = [until.format(tmp_path / f"heard{number}") for number in (1, 2)]
    script = f"echo one; echo odd >&2; {waits[0]}; printf 'two\\n\\377'; {waits[1]}; echo three; exit 3"
    result = guest.run(["sh", "-c", script], heard=ear, timeout=60)
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"one\ntwo\n\xffthree\n", b"odd\n")
    assert (ear.stdout, ear.stderr) == (result.stdout, result.stderr)
    assert [piece for _, piece in ear.pieces] == [b"one\n", b"two\n\xff", b"three\n"]
    assert wait_until(lambda: not list(room.iterdir()), 3)


@in_every_shell("fast", "slow")
def test_what_came_is_heard_when_the_time_is_up(guest: AgentTransport, room: Path) -> None:
    ear = Ear()
    with pytest.raises(errors.GuestError, match=r"was still running after .* and was stopped"):
        guest.run(["sh", "-c", f"echo one; sleep 0.5; echo two; {sleep(47, 2)}"], heard=ear, timeout=1.5)
    assert ear.stdout == b"one\ntwo\n"
    assert wait_until(lambda: not is_running(sleep(47, 2)), 4)
    assert wait_until(lambda: not list(room.iterdir()), 4)


@in_every_shell("fast")
def test_what_came_is_heard_when_the_time_is_up_before_the_first_look(guest: AgentTransport) -> None:
    ear = Ear()
    with pytest.raises(errors.GuestError, match="was stopped"):
        guest.run(["sh", "-c", f"echo one; {sleep(7, 8)}"], heard=ear, timeout=0.6)
    assert ear.stdout == b"one\n"
    assert wait_until(lambda: not is_running(sleep(7, 8)), 4)


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


@in_every_shell("fast")
def test_a_look_before_anything_is_written_hears_nothing(path: str, room: Path) -> None:
    """On a busy host the first look may come before what keeps the output has begun."""
    known = ("0", "0", "99", "a word")
    for name in ("nothing", "2", "1"):
        (room / name).touch()
        words = ["sh", "-c", look(compress=False), "sh", str(room), *known]
        looked = subprocess.run(words, capture_output=True, env=os.environ | {"PATH": path}, check=False)
        assert (looked.returncode, looked.stdout, looked.stderr) == (0, b"", b"")


@in_every_shell("fast", "slow")
def test_a_long_answer_comes_whole(guest: AgentTransport) -> None:
    ear = Ear()
    script = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo line $i; done; sleep 1.5; echo end"
    result = guest.run(["sh", "-c", script], heard=ear)
    lines = result.stdout.split(b"\n")
    assert (len(lines), lines[39999], lines[40000]) == (40002, b"line 40000", b"end")
    assert ear.stdout == result.stdout


@in_every_shell("fast", "slow")
def test_a_reader_that_has_gone_ends_the_command(guest: AgentTransport) -> None:
    def gone(_stdout: bytes, _stderr: bytes) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        guest.run(["sh", "-c", f"echo one; {sleep(47, 3)}"], heard=gone)
    assert wait_until(lambda: not is_running(sleep(47, 3)), 4)
