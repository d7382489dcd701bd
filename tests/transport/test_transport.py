"""Running commands and moving files, against agents that answer nonsense."""

from __future__ import annotations

import gzip
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from agent_peers import Answer, Peer, PeerChannel, b64, executing, reply, synced

from provisioner import errors
from provisioner.transport.channel import FAST, SLOW
from provisioner.transport.executor import AgentTransport
from provisioner.transport.result import Result


def transport(answer: Answer, *, slow: bool = False) -> AgentTransport:
    return AgentTransport(PeerChannel(Peer(answer), SLOW if slow else FAST))


def test_output_and_exit_code() -> None:
    ended = {"exited": True, "exitcode": 3, "out-data": b64(b"out"), "err-data": b64(b"err")}
    assert transport(executing(ended)).run(["x"]) == Result(3, None, b"out", b"err", False)


def test_compressed_output() -> None:
    ended = {"exited": True, "exitcode": 0, "out-data": b64(gzip.compress(b"out" * 500))}
    result = transport(executing(ended), slow=True).run(["x"])
    assert result == Result(0, None, b"out" * 500, b"", False)


def test_more_output_than_asked_for_is_cut_and_said() -> None:
    ended = {"exited": True, "exitcode": 0, "out-data": b64(b"x" * 101), "err-data": b64(b"y" * 100)}
    assert transport(executing(ended)).run(["x"], max_output=100) == Result(
        0, None, b"x" * 100, b"y" * 100, True
    )


def test_a_compressed_bomb_is_cut() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    ended = {"exited": True, "exitcode": 0, "out-data": b64(bomb)}
    result = transport(executing(ended), slow=True).run(["x"], max_output=100_000)
    assert result.truncated
    assert len(result.stdout) == 100_000


@pytest.mark.parametrize(
    "ended",
    [
        [],
        "exited",
        {"exited": True, "exitcode": "0"},
        {"exited": True, "exitcode": -1},
        {"exited": True, "exitcode": 0, "out-data": 5},
        {"exited": True, "exitcode": 0, "out-data": "%%%"},
        {"exited": True, "exitcode": 0, "out-data": "日本"},
        {"exited": True, "exitcode": 0, "out-data": b64(b"not gzip")},
        {"exited": True, "exitcode": 0, "out-data": b64(gzip.compress(b"hello" * 100)[:-12])},
    ],
)
def test_nonsense_for_a_status_is_a_guest_error(ended: Any) -> None:
    with pytest.raises(errors.GuestError, match="makes no sense"):
        transport(executing(ended), slow=True).run(["x"])


@pytest.mark.parametrize("pid", [None, "7", -1, True, 1.5])
def test_nonsense_for_a_process_is_a_guest_error(pid: Any) -> None:
    with pytest.raises(errors.GuestError, match="makes no sense"):
        transport(synced(lambda r, say: say(reply(r, {"pid": pid})))).run(["x"])


def test_a_command_without_end_is_killed_and_said() -> None:
    peer = Peer(executing({"exited": False}))
    begin = time.monotonic()
    with pytest.raises(errors.GuestError, match=r"still running after .* and was stopped"):
        AgentTransport(PeerChannel(peer, FAST)).run(["sleep", "100"], timeout=0.5)
    assert time.monotonic() - begin < 2
    time.sleep(0.1)
    last = peer.requests[-1]["arguments"]
    assert "kill" in last["arg"][1]
    assert last["arg"][-2] == "7"


def test_questions_become_rarer() -> None:
    peer = Peer(executing({"exited": False}))
    with pytest.raises(errors.GuestError):
        AgentTransport(PeerChannel(peer, SLOW)).run(["sleep", "100"], timeout=3)
    assert sum(r["execute"] == "guest-exec-status" for r in peer.requests) < 12


def test_an_answer_past_its_bound_is_too_much() -> None:
    ended = {"exited": True, "exitcode": 0, "out-data": "A" * 200_000}
    with pytest.raises(errors.TooMuch):
        transport(executing(ended)).run(["x"], max_output=1000)


def test_a_helper_that_fails_is_quoted_safely() -> None:
    ended = {"exited": True, "exitcode": 1, "err-data": b64(b"head: \x1b[31mno such file\n")}
    with pytest.raises(errors.GuestError, match=r"can't read /tmp/x: head: \\e\[31mno such file$"):
        transport(executing(ended)).pull("/tmp/x", max_bytes=10)


def test_a_file_that_is_too_long() -> None:
    ended = {"exited": True, "exitcode": 0, "out-data": b64(b"x" * 50)}
    with pytest.raises(errors.TooMuch):
        transport(executing(ended)).pull("/tmp/x", max_bytes=49)


@pytest.mark.parametrize("remote", ["notes.txt", "/tmp/", "", "/a\0b"])
def test_a_remote_path_is_absolute(remote: str) -> None:
    with pytest.raises(errors.InputError):
        transport(executing({})).pull(remote, max_bytes=1)
    with pytest.raises(errors.InputError):
        transport(executing({})).push(b"", remote)


def test_a_missing_local_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="No such file"):
        transport(executing({})).push(tmp_path / "nothing", "/tmp/x")


def test_no_command_is_an_input_error() -> None:
    with pytest.raises(errors.InputError):
        transport(executing({})).run([])


def test_nothing_is_asked_before_it_is_time() -> None:
    ended = {"exited": True, "exitcode": 0, "out-data": b64(b"out")}
    peer = Peer(executing(ended))
    until = threading.Event()
    results: list[Result] = []
    run = threading.Thread(
        target=lambda: results.append(AgentTransport(PeerChannel(peer, FAST)).run(["x"], until=until))
    )
    run.start()
    time.sleep(0.5)
    assert not [r for r in peer.requests if r["execute"] == "guest-exec-status"]
    until.set()
    run.join(5)
    assert results == [Result(0, None, b"out", b"", False)]


def test_one_whose_time_never_comes_is_asked_at_the_deadline() -> None:
    ended = {"exited": True, "exitcode": 0, "out-data": b64(b"out")}
    begin = time.monotonic()
    result = transport(executing(ended)).run(["x"], timeout=0.5, until=threading.Event())
    assert 0.5 <= time.monotonic() - begin < 3
    assert result.stdout == b"out"
