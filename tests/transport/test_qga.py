"""The agent's protocol on a raw line, against peers that misbehave."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from agent_peers import FdLine, Peer, reply, synced
from hypothesis import given
from hypothesis import strategies as st

from provisioner import errors
from provisioner.transport import qga
from provisioner.transport.qga import SerialSession, parse, request


def session_with(peer: Peer, seconds: float = 5.0) -> SerialSession:
    session = SerialSession(FdLine(peer.host), "lab/full")
    session.sync(time.monotonic() + seconds)
    return session


def ping(session: SerialSession, seconds: float = 0.25, most: int = 4096) -> Any:
    return session.command("guest-ping", None, deadline=time.monotonic() + seconds, most=most)


def test_a_well_behaved_agent() -> None:
    peer = Peer(synced(lambda r, say: say(reply(r, {}))))
    assert ping(session_with(peer)) == {}


def test_one_that_falls_silent_is_not_waited_for_and_one_that_is_slow_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(qga, "SILENCE", 0.5)
    silent = session_with(Peer(synced(lambda request, say: None)))
    began = time.monotonic()
    with pytest.raises(errors.NotReady, match="no answer to guest-ping"):
        ping(silent, seconds=60)
    assert time.monotonic() - began < 10

    def slowly(request: dict[str, Any], say: Callable[[bytes], None]) -> None:
        for byte in reply(request, {}):
            time.sleep(0.05)
            say(bytes([byte]))

    assert ping(session_with(Peer(synced(slowly))), seconds=60) == {}


def test_garbage_half_lines_and_echoes_before_the_sync() -> None:
    noise = b'\r\nlogin: \xff\xfe{"return": 12\xff{"execute":"guest-sync-delimited"}\r\n'
    noise += b'\xff{"return": 99}\n\x00\x01'
    peer = Peer(synced(lambda r, say: say(reply(r, {}))), before=noise)
    assert ping(session_with(peer)) == {}


def test_an_agent_that_starts_late_finds_the_request_waiting() -> None:
    peer = Peer(synced(lambda r, say: say(reply(r, {}))), late=0.7)
    begin = time.monotonic()
    session_with(peer)
    assert time.monotonic() - begin < 1.2
    assert len(peer.requests) == 1


def test_the_port_may_lose_the_first_bytes() -> None:
    peer = Peer(synced(lambda r, say: say(reply(r, {}))), lose=30)
    begin = time.monotonic()
    session_with(peer)
    assert time.monotonic() - begin < 1.0


def test_a_lost_request_is_sent_again_soon_after_the_hint() -> None:
    peer = Peer(synced(lambda r, say: say(reply(r, {}))), lose=150)
    hint = threading.Event()
    threading.Timer(0.3, hint.set).start()
    session = SerialSession(FdLine(peer.host), "lab/full")
    begin = time.monotonic()
    session.sync(begin + 5, hint)
    assert 0.3 < time.monotonic() - begin < 1.0


def test_late_answers_to_earlier_syncs_are_not_taken_for_answers_to_commands() -> None:
    held: list[bytes] = []

    def answer(r: dict[str, Any], say: Any) -> None:
        if r["execute"] != "guest-sync-delimited":
            say(reply(r, "pong"))
            return
        held.append(b'{"error": {"desc": "stray"}}\n\xff' + reply(r, r["arguments"]["id"]))
        if len(held) == 2:
            say(b"".join(held))

    assert ping(session_with(Peer(answer))) == "pong"


def test_silence_is_not_ready() -> None:
    peer = Peer(lambda r, say: None)
    begin = time.monotonic()
    with pytest.raises(errors.NotReady):
        session_with(peer, 0.3)
    assert time.monotonic() - begin < 0.6


def test_waiting_costs_next_to_no_processor_time() -> None:
    peer = Peer(lambda r, say: None)
    before = time.thread_time()
    with pytest.raises(errors.NotReady):
        session_with(peer, 2)
    assert time.thread_time() - before < 0.05


@pytest.mark.parametrize("piece", [b"x", b"\xff{}\n"])
@pytest.mark.parametrize("syncs", [False, True])
def test_an_agent_that_never_stops_sending_holds_nobody_up(piece: bytes, syncs: bool) -> None:
    over = threading.Event()

    def trickle(_request: dict[str, Any], say: Any) -> None:
        while not over.is_set():
            say(piece)
            time.sleep(0.005)

    peer = Peer(synced(trickle) if syncs else trickle)
    begin = time.monotonic()
    try:
        with pytest.raises(errors.NotReady):
            ping(session_with(peer, 0.5))
        assert time.monotonic() - begin < 4
    finally:
        over.set()


HOSTILE = [
    b"not json\n",
    b"[" * 3000 + b"\n",
    b'{"return":' * 300 + b"\n",
    b'{"return": {}, "id": "somebody else\'s"}\n',
    b'{"return": {}}\n',  # no id, from an agent that repeats ids
    b"\x00\xff\xfe\x1b]0;x\x07\n",
    b"123" + b"9" * 3000 + b"\n",
    b'"text"\n[]\nnull\ntrue\n',
    b"half a line",
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_nonsense_is_skipped_until_the_deadline(answer: bytes) -> None:
    session = session_with(Peer(synced(lambda r, say: say(answer))))
    with pytest.raises(errors.NotReady):
        ping(session)


@pytest.mark.parametrize("answer", HOSTILE)
def test_the_answer_is_found_behind_nonsense(answer: bytes) -> None:
    session = session_with(Peer(synced(lambda r, say: say(answer + b"\n" + reply(r, {})))))
    assert ping(session) == {}


@pytest.mark.parametrize("answer", [b"x" * 8000, b"x" * 8000 + b"\n", b'{"return":"' + b"y" * 8000 + b'"}\n'])
def test_an_answer_past_its_bound_is_too_much(answer: bytes) -> None:
    session = session_with(Peer(synced(lambda r, say: say(answer))))
    with pytest.raises(errors.TooMuch):
        ping(session)


def test_endless_noise_is_too_much_and_ends() -> None:
    def flood(r: dict[str, Any], say: Any) -> None:
        for _ in range(3000):
            say(b"noise noise noise noise noise\n")

    session = session_with(Peer(synced(flood)))
    with pytest.raises(errors.TooMuch):
        ping(session, 20)


def test_a_flood_instead_of_a_sync_ends() -> None:
    peer = Peer(lambda r, say: [say(b"\xff{}\n" * 500) for _ in range(200)] and None)
    begin = time.monotonic()
    with pytest.raises(errors.GuestError):
        session_with(peer, 10)
    assert time.monotonic() - begin < 9


def test_a_refusal_is_shown_safely() -> None:
    def refuse(r: dict[str, Any], say: Any) -> None:
        say(b'{"error": {"desc": "no \\u001b[31m\\u202esuch"}, "id": "%s"}\n' % r["id"].encode())

    session = session_with(Peer(synced(refuse)))
    with pytest.raises(errors.GuestError, match=r"refused guest-ping: no \\e\[31m\\u202esuch$"):
        ping(session)


def test_an_error_that_is_none_is_a_guest_error() -> None:
    session = session_with(
        Peer(synced(lambda r, say: say(b'{"error": [1], "id": "%s"}\n' % r["id"].encode())))
    )
    with pytest.raises(errors.GuestError, match="its answer has no meaning"):
        ping(session)


def test_an_old_agent_repeats_no_ids() -> None:
    def old(r: dict[str, Any], say: Any) -> None:
        value = r["arguments"]["id"] if r["execute"] == "guest-sync-delimited" else "pong"
        say(b"\xff" + reply({}, value).replace(b', "id": null', b""))

    peer = Peer(lambda r, say: old(r, say) if "sync" in r["execute"] else say(b'{"return": "pong"}\n'))
    assert ping(session_with(peer)) == "pong"


def test_a_closed_line_is_said_at_once() -> None:
    host, guest = os.openpty()
    os.close(guest)
    with pytest.raises(errors.GuestError, match="closed"):
        SerialSession(FdLine(host), "lab/full").sync(time.monotonic() + 5)


@pytest.mark.parametrize("argument", ["a\0b", "a\udcffb", "\ud800"])
def test_what_can_not_be_sent(argument: str) -> None:
    with pytest.raises(errors.InputError):
        request("guest-exec", {"path": "sh", "arg": [argument]})


def test_a_backslash_u_in_an_argument_is_only_text() -> None:
    assert rb"\\u0000" in request("guest-exec", {"arg": ["\\u0000"]})


def test_requests_are_bounded() -> None:
    with pytest.raises(errors.InputError):
        request("guest-exec", {"input-data": "x" * 300_000})


@given(st.binary(max_size=400))
def test_parse_never_fails(line: bytes) -> None:
    assert parse(line) is None or isinstance(parse(line), dict)


def test_parse_survives_depth_and_length() -> None:
    assert parse(b"[" * 200_000) is None
    assert parse(b'{"a":' * 100_000) is None
    assert parse(b'{"a": ' + b"9" * 100_000 + b"}") is None
