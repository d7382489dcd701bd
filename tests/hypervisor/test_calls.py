"""Calls to libvirt that get no answer: what is said, when they end, and that a signal ends them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from provisioner import errors, listener
from provisioner.hypervisor import calls, connection, uris
from provisioner.hypervisor.calls import Calls
from provisioner.hypervisor.connection import Connection
from tests.fakes import libvirtd
from tests.fakes.daemon import Daemon

VERBS = (
    ["status"],
    ["status", "--usage", "1"],
    ["doctor"],
    ["plan", "demo-paravirt"],
    ["up", "demo-paravirt", "--timeout", "5"],
    ["start", "x"],
    ["stop", "x", "--timeout", "60"],
    ["down", "x"],
    ["exec", "--timeout", "5", "x/y", "--", "true"],
    ["console", "x/y"],
    ["check", "x"],
    ["compare", "x"],
    ["bench", "x"],
    ["report", "x"],
    ["down"],
)
IN_TIME = ("exec --timeout 5 x/y -- true", "up demo-paravirt --timeout 5")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SOON", 0.1), ("_LOOK", 0.02), ("_ASK", 0.2), ("_GRACE", 0.2)):
        monkeypatch.setattr(calls, name, seconds)
    monkeypatch.setattr(calls, "_CANCELLED_PATIENCE", 0.1)


@pytest.fixture
def stuck() -> Iterator[Callable[[], None]]:
    """A call without an answer, until the test is over."""
    over = threading.Event()
    yield lambda: over.wait(20) and None
    over.set()


@pytest.fixture
def announced() -> Iterator[list[str]]:
    heard: list[str] = []
    with listener.heard_by(heard.append):
        yield heard


def test_a_call_that_is_answered(announced: list[str]) -> None:
    assert Calls().make(lambda: 7) == 7
    with pytest.raises(KeyError):
        Calls().make(lambda: {}["x"])
    assert announced == []


def test_a_silent_daemon(stuck: Callable[[], None], announced: list[str]) -> None:
    silent = Calls("libvirt (x)", lambda: "do this", ask=stuck, patience=0.5)
    began = time.monotonic()
    with pytest.raises(errors.ConnectionFailed, match=r"libvirt \(x\) has not answered for 1 s: ") as caught:
        silent.make(stuck)
    assert time.monotonic() - began < 5
    assert caught.value.hint == "do this"
    assert not silent.is_whole
    assert len(announced) == 1
    assert announced[0].startswith("waiting for libvirt (x), whose daemon has not answered for ")
    began = time.monotonic()
    with pytest.raises(errors.ConnectionFailed):  # and no call waits any more
        silent.make(lambda: 7)
    assert time.monotonic() - began < 0.1


def test_a_daemon_that_is_only_slow(announced: list[str]) -> None:
    slow = Calls(ask=lambda: None, patience=0.3)
    assert slow.make(lambda: time.sleep(0.8)) is None
    assert announced == []


def test_a_daemon_that_answers_while_something_behind_it_is_stuck(
    stuck: Callable[[], None], announced: list[str]
) -> None:
    alive = Calls(ask=lambda: None, patience=0.2)
    with pytest.raises(errors.Busy, match=r"did not finish within 0\.5 s, though its daemon answers"):
        alive.make(stuck, within=0.5)
    assert alive.make(lambda: 7) == 7
    assert not alive.is_whole
    assert announced == []


def test_a_long_wait_for_a_daemon_that_answers_is_told_once(
    stuck: Callable[[], None], announced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``status`` was silent for two minutes, and then said: see what runs: virtlab status."""
    monkeypatch.setattr(calls, "_SLOW", 0.2)
    alive = Calls("libvirt (x)", ask=lambda: None)
    for _ in range(2):
        with pytest.raises(errors.Busy) as told:
            alive.make(stuck, within=0.5)
    assert [str(each) for each in announced] == [
        "waiting for libvirt (x), whose daemon answers, but has not finished for 0 s; virtlab gives up after "
        "0.5 s"
    ]
    assert "status" not in str(told.value.hint)


def test_what_can_be_waited_for_no_longer_where_work_is_told_to_stop(stuck: Callable[[], None]) -> None:
    cancelled = threading.Event()
    silent = Calls(ask=stuck, patience=60, cancelled=cancelled)
    threading.Timer(0.3, cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(errors.ConnectionFailed):
        silent.make(stuck)
    assert time.monotonic() - began < 5


def test_a_signal_ends_the_wait(stuck: Callable[[], None]) -> None:
    waiting = Calls(patience=60)
    threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        waiting.make(stuck)
    assert time.monotonic() - began < 5
    assert not waiting.is_whole


def test_a_connection_is_guarded_and_so_is_what_it_gives(stuck: Callable[[], None]) -> None:
    daemon = Daemon()
    conn = Connection(libvirtd.connect(daemon), Calls(ask=stuck, patience=0.3))
    network = "<network><name>a</name><uuid>5f2f3b0e-0000-4000-8000-000000000000</uuid></network>"
    (given,) = [conn.handle.networkDefineXML(network)]
    assert given.name() == "a"
    daemon.on("network.create", stuck)
    with pytest.raises(errors.ConnectionFailed):
        given.create()
    conn.close()  # which does not wait, either
    assert "connect.close" not in daemon.calls


@pytest.fixture
def silent_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of a daemon to which one can connect, and which never answers."""
    monkeypatch.chdir(tmp_path)  # the path of a socket can't be long
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("sock")
        listening.listen()
        yield f"qemu:///system?socket={tmp_path}/sock"


def test_opening_one(silent_socket: str, announced: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LEAST_PATIENCE", 0.5)
    with pytest.raises(errors.ConnectionFailed, match="has not answered for 1 s") as caught:
        connection.connect(uris.Choice(silent_socket, "a test"), patience=0.1)
    assert "which ends no guest" in (caught.value.hint or "") or "kill -9" in (caught.value.hint or "")
    assert len(announced) == 1


def test_every_verb_says_that_it_waits_and_ends_on_a_signal_or_in_time(silent_socket: str) -> None:
    """All at the same time, because each waits for some seconds."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}
    with ExitStack() as stack:
        running = {}
        for verb in VERBS:
            line = [sys.executable, "-m", "provisioner", verb[0], "-c", silent_socket, *verb[1:]]
            process = subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True)
            running[" ".join(verb)] = stack.enter_context(process)
            stack.callback(process.kill)
        for number, (verb, process) in enumerate(running.items()):
            assert process.stderr is not None
            assert "waiting for libvirt" in process.stderr.readline(), verb
            if verb not in IN_TIME:
                process.send_signal((signal.SIGINT, signal.SIGTERM)[number % 2])
        began = time.monotonic()
        said = {verb: process.stderr.read() for verb, process in running.items() if process.stderr}
        assert time.monotonic() - began < 10
        for number, (verb, process) in enumerate(running.items()):
            process.wait()
            if verb in IN_TIME:
                assert process.returncode in (1, 125)
                assert "its daemon is stopped, or stuck\nnext: " in said[verb]
            else:
                assert process.returncode in (130, (-signal.SIGINT, -signal.SIGTERM)[number % 2])
