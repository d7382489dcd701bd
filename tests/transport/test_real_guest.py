"""The same verbs on a real guest, over the virtio channel and over a plain serial line."""

from __future__ import annotations

import os
import threading
import time
from contextlib import AbstractContextManager
from typing import Any

import pytest

from provisioner import errors
from provisioner.transport.console import End, interact
from provisioner.transport.console_log import ConsoleLog
from provisioner.transport.executor import AgentTransport
from provisioner.transport.readiness import wait_ready

pytestmark = pytest.mark.real
CONSOLE = "serial0"


def opener(domain: Any) -> Any:
    from provisioner.hypervisor.streams import open_console

    return lambda on_data, on_end: open_console(
        domain, CONSOLE, label="test/guest", on_data=on_data, on_end=on_end
    )


def watching(domain: Any) -> AbstractContextManager[Any]:
    from provisioner.hypervisor.events import DomainWatch

    return DomainWatch(domain)


def test_the_boot_was_seen_from_its_start(guest: Any) -> None:
    phases = [name for name, _ in guest.log.marks]
    assert phases[0] == "init"
    assert phases[-1] == "agent"
    assert guest.ready.marks == guest.log.marks
    assert guest.ready.seconds < 60


def test_ping(guest: Any) -> None:
    begin = time.monotonic()
    AgentTransport(guest.channel).ping(10)
    assert time.monotonic() - begin < 5


def test_exit_codes_and_both_outputs(guest: Any) -> None:
    transport = AgentTransport(guest.channel)
    result = transport.run(["sh", "-c", "echo out; echo err >&2; exit 42"])
    assert (result.exit_code, result.stdout, result.stderr) == (42, b"out\n", b"err\n")
    assert transport.run(["no-such-program"]).exit_code == 127
    assert transport.run(["/etc/hosts"]).exit_code == 126
    assert transport.run(["exit", "3"]).exit_code == 127  # a program, not a shell's builtin
    assert transport.run(["sh", "-c", "kill -9 $$"]).exit_code == 137


def test_arguments_and_input_arrive_as_they_are(guest: Any) -> None:
    transport = AgentTransport(guest.channel)
    words = ["日本", "a b", '"', "'", "$HOME", "\\", "", "-n", "*", "\n"]
    assert transport.run(["printf", "%s|", *words]).stdout.decode() == "".join(f"{w}|" for w in words)
    for data in (b"short", bytes(range(256)) * 20):
        assert transport.run(["cat"], input=data).stdout == data


def test_lspci(guest: Any) -> None:
    result = AgentTransport(guest.channel).run(["lspci", "-k"])
    assert result.exit_code == 0
    assert b"440FX" in result.stdout
    assert (b"virtio" in result.stdout.lower()) == (guest.agent == "virtio")


def test_output_past_the_bound_is_cut_and_the_command_runs_to_its_end(guest: Any) -> None:
    command = ["sh", "-c", "yes | head -c 2000000; echo done >/tmp/done; exit 7"]
    transport = AgentTransport(guest.channel)
    result = transport.run(command, max_output=5000)
    assert (result.exit_code, len(result.stdout), result.truncated) == (7, 5000, True)
    assert transport.pull("/tmp/done", max_bytes=10) == b"done\n"


def test_a_command_without_end_is_stopped_with_all_it_started(guest: Any) -> None:
    transport = AgentTransport(guest.channel)
    with pytest.raises(errors.GuestError, match="was stopped"):
        transport.run(["sh", "-c", "sleep 4711 & sleep 4712; true"], timeout=2.5)
    time.sleep(1.5)
    assert transport.run(["sh", "-c", "ps | grep -c '[s]leep 471'"]).stdout == b"0\n"


def test_output_is_heard_while_it_comes_and_nothing_in_the_background_is_waited_for(guest: Any) -> None:
    pieces: list[tuple[float, bytes]] = []
    begin = time.monotonic()
    result = AgentTransport(guest.channel).run(
        ["sh", "-c", "echo one; sleep 3; echo two; sleep 4713 & exit 5"],
        heard=lambda stdout, _stderr: pieces.append((time.monotonic() - begin, stdout)),
    )
    assert (result.exit_code, result.stdout) == (5, b"one\ntwo\n")
    heard = [(seconds, piece) for seconds, piece in pieces if piece]
    assert [piece for _, piece in heard] == [b"one\n", b"two\n"]
    assert heard[0][0] < 3
    assert time.monotonic() - begin < 10
    AgentTransport(guest.channel).run(["killall", "sleep"])


def test_files_there_and_back(guest: Any) -> None:
    transport = AgentTransport(guest.channel)
    content = os.urandom(8000) + b"compressible " * 8000
    transport.push(content, "/tmp/a file", mode=0o640)
    assert transport.pull("/tmp/a file", max_bytes=200_000) == content
    assert transport.run(["stat", "-c", "%a", "/tmp/a file"]).stdout == b"640\n"
    transport.push(b"", "/tmp/empty")
    assert transport.pull("/tmp/empty", max_bytes=1) == b""
    assert transport.pull("/proc/version", max_bytes=1000).startswith(b"Linux version")
    with pytest.raises(errors.TooMuch):
        transport.pull("/tmp/a file", max_bytes=100)
    with pytest.raises(errors.GuestError, match="No such file"):
        transport.pull("/tmp/nothing", max_bytes=100)
    with pytest.raises(errors.GuestError, match="can't write"):
        transport.push(b"x", "/no/such/folder")


def test_several_at_once_take_turns(guest: Any) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(
                AgentTransport(guest.channel).run(["sh", "-c", "sleep 0.3; echo ok"]).stdout
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"ok\n"] * 3


def test_a_serial_line_in_use_is_waited_for_until_the_deadline(guest: Any) -> None:
    transport = AgentTransport(guest.channel)
    with guest.channel.session(time.monotonic() + 10):
        if guest.agent == "virtio":
            transport.ping(5)  # libvirt itself shares that channel out
            return
        begin = time.monotonic()
        with pytest.raises(errors.Busy, match="test/serial: another command is using"):
            transport.ping(1)
        assert 0.9 < time.monotonic() - begin < 2


def test_a_console_session_by_pipe_and_a_second_user(guest: Any) -> None:
    read, write = os.pipe()
    out_read, out_write = os.pipe()
    os.write(write, b"\necho $((6*7))-answer\n")
    os.close(write)
    refused: list[str] = []

    def second() -> None:
        time.sleep(0.3)
        try:
            opener(guest.domain)(lambda data: None, lambda: None)
        except errors.Busy as error:
            refused.append(error.message)

    other = threading.Thread(target=second)
    other.start()
    end = interact(opener(guest.domain), label="x", say=lambda text: None, stdin=read, stdout=out_write)
    other.join()
    os.close(out_write)
    output = b"".join(iter(lambda: os.read(out_read, 65536), b""))
    assert end is End.INPUT
    assert b"42-answer" in output
    assert refused == ["can't open the console of test/guest: somebody else is using it"]


@pytest.mark.parametrize("agent", ["serial", "virtio"])
def test_a_silent_guest_is_not_ready_and_says_where_it_stood(real_lab: Any, agent: str) -> None:
    with real_lab.paused(agent) as domain, watching(domain) as watch:
        before = time.process_time()
        with pytest.raises(errors.NotReady, match="nothing came on its console"):
            wait_ready(real_lab.channel(domain, agent), watch, 5, ConsoleLog())
        with pytest.raises(errors.NotReady):
            wait_ready(real_lab.channel(domain, agent), watch, 1)
        assert time.process_time() - before < 0.3


@pytest.mark.parametrize("agent", ["serial", "virtio"])
def test_a_guest_that_stops_ends_the_wait(real_lab: Any, agent: str) -> None:
    with real_lab.paused(agent) as domain, watching(domain) as watch:
        domain.resume()
        threading.Timer(0.5, domain.destroy).start()
        begin = time.monotonic()
        with pytest.raises(errors.GuestError, match="stopped before it was ready: it was switched off"):
            wait_ready(real_lab.channel(domain, agent), watch, 30)
        assert time.monotonic() - begin < 10


@pytest.mark.parametrize("agent", ["serial", "virtio"])
def test_shutdown_and_what_comes_after(real_lab: Any, agent: str) -> None:
    with real_lab.booted(agent) as guest:
        transport = AgentTransport(guest.channel)
        log = ConsoleLog()
        with opener(guest.domain)(log.feed, log.close), watching(guest.domain) as watch:
            transport.shutdown()
            assert watch.wait_stopped(time.monotonic() + 20)
            assert watch.stopped == "it shut itself down"
            assert log.ended.wait(5)
        with pytest.raises((errors.GuestError, errors.HypervisorError)):
            transport.ping(2)
