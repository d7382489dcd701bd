"""The interactive console: what the user's terminal sees, and that it is always given back."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import errors
from provisioner.transport.console import End, interact

ROOT = Path(__file__).parents[2]
LOCAL = 3  # where in tcgetattr's list the line modes are


class Line:
    """The far side of a console: what was written to it, and what it says."""

    def __init__(self, greeting: bytes = b"", *, echo: bool = False) -> None:
        self.greeting = greeting
        self.echo = echo
        self.written = bytearray()
        self.closed = False
        self.told: list[str] = []  # what a person at the console is told
        self.say: Callable[[bytes], None] = lambda data: None
        self.end: Callable[[], None] = lambda: None

    def open(self, on_data: Callable[[bytes], None], on_end: Callable[[], None]) -> Line:
        self.say, self.end = on_data, on_end
        if self.greeting:
            on_data(self.greeting)
        return self

    def write(self, data: bytes, deadline: float) -> None:
        self.written += data
        if self.echo:
            self.say(data)

    def close(self) -> None:
        self.closed = True


class Session:
    """``interact`` in a thread, at one end of a pseudo-terminal; the test is the user."""

    def __init__(self, line: Line) -> None:
        self.user, self.terminal = os.openpty()
        self.before = termios.tcgetattr(self.terminal)
        self.said: list[str] = []
        self.result: list[End | BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(line,), daemon=True)
        self._thread.start()

    def _run(self, line: Line) -> None:
        try:
            end = interact(
                line.open, label="lab/full", say=self.said.append, stdin=self.terminal, stdout=self.terminal
            )
            self.result.append(end)
        except BaseException as error:
            self.result.append(error)

    def see(self, wanted: bytes, seconds: float = 5.0) -> bytes:
        return see(self.user, wanted, seconds)

    def type(self, data: bytes) -> None:
        os.write(self.user, data)

    def finish(self) -> End | BaseException:
        self._thread.join(5)
        assert termios.tcgetattr(self.terminal) == self.before, "the terminal was not given back"
        return self.result[0]


def see(user: int, wanted: bytes, seconds: float = 5.0) -> bytes:
    seen = b""
    deadline = time.monotonic() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([user], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{wanted!r} did not come; there was {seen!r}"
        seen += os.read(user, 65536)
    return seen


def test_a_conversation_and_the_way_out() -> None:
    line = Line(b"login: \x1b]0;owned\x07\x1b[31mred", echo=True)
    session = Session(line)
    seen = session.see(b"\x1b[31mred")
    assert b"owned" not in seen
    assert termios.tcgetattr(session.terminal)[LOCAL] & termios.ICANON == 0
    session.type(b"ls\r\x03")
    session.see(b"ls\r\x03"[:3])
    session.type(b"more\x1dnot sent")
    assert session.finish() is End.LEFT
    assert bytes(line.written).startswith(b"ls\r\x03")
    assert b"not sent" not in line.written
    assert line.closed
    assert "Ctrl-]" in session.said[0]
    assert "goes on running" in session.said[-1]


def test_what_is_typed_right_before_leaving_arrives() -> None:
    class Slow(Line):
        def write(self, data: bytes, deadline: float) -> None:
            time.sleep(0.1)
            super().write(data, deadline)

    line = Slow(b"ready")
    session = Session(line)
    session.see(b"ready")
    session.type(b"reboot\r\x1d")
    assert session.finish() is End.LEFT
    assert bytes(line.written) == b"reboot\r"


def test_the_guest_stops() -> None:
    line = Line(b"going down")
    session = Session(line)
    session.see(b"going down")
    line.say(b"\r\nlast words")
    line.end()
    session.see(b"last words")
    assert session.finish() is End.GUEST
    assert "the guest stopped" in session.said[-1]


def test_a_busy_console_leaves_the_terminal_alone() -> None:
    def busy(on_data: Callable[[bytes], None], on_end: Callable[[], None]) -> Line:
        raise errors.Busy("somebody else is using it")

    with pytest.raises(errors.Busy):
        interact(busy, label="lab/full", say=print)


def test_a_line_that_takes_nothing_can_be_left() -> None:
    class Stuck(Line):
        def write(self, data: bytes, deadline: float) -> None:
            time.sleep(60)

        def close(self) -> None:
            time.sleep(60)

    session = Session(Stuck(b"hello"))
    session.see(b"hello")
    session.type(b"x" * 1000)
    time.sleep(0.1)
    session.type(b"\x1d")
    assert session.finish() is End.LEFT


def test_a_terminal_that_takes_nothing_loses_the_oldest_output_only() -> None:
    line = Line(b"start")
    session = Session(line)
    session.see(b"start")
    for _ in range(40):
        line.say(b"z" * 100_000)
    line.say(b"the end")
    seen = session.see(b"the end", 20)
    assert b"bytes skipped]" in seen
    assert len(seen) < 1_300_000
    session.type(b"\x1d")
    assert session.finish() is End.LEFT


def piped(line: Line, text: bytes, longest: float = 30.0) -> tuple[End, bytes, float]:
    read, write = os.pipe()
    os.write(write, text)
    os.close(write)
    out_read, out_write = os.pipe()
    begin = time.monotonic()
    end = interact(
        line.open,
        label="lab/full",
        say=line.told.append,
        stdin=read,
        stdout=out_write,
        quiet=0.4,
        longest=longest,
    )
    os.close(out_write)
    os.close(read)
    output = b"".join(iter(lambda: os.read(out_read, 65536), b""))
    os.close(out_read)
    return end, output, time.monotonic() - begin


def test_piped_input_is_sent_and_answered() -> None:
    line = Line(echo=True)
    end, output, seconds = piped(line, b"uname -r\n\x1d\n")
    assert end is End.INPUT
    assert output == b"uname -r\n\n"  # the filter keeps controls from the terminal
    assert bytes(line.written) == b"uname -r\n\x1d\n"
    assert 0.4 < seconds < 2


def test_piped_input_waits_longer_for_a_guest_that_has_said_nothing() -> None:
    end, output, seconds = piped(Line(), b"x")
    assert (end, output) == (End.INPUT, b"")
    assert 2 < seconds < 4


class Flooding(Line):
    """Prints for ever, from the start."""

    def open(self, on_data: Callable[[bytes], None], on_end: Callable[[], None]) -> Line:
        def flood() -> None:
            while not self.closed:
                on_data(b"y\n" * 500)
                time.sleep(0.001)

        threading.Thread(target=flood, daemon=True).start()
        return super().open(on_data, on_end)


class FloodingAndDeaf(Flooding):
    """The same, and takes no input."""

    def write(self, data: bytes, deadline: float) -> None:
        while not self.closed:
            time.sleep(0.05)


@pytest.mark.parametrize("kind", [Flooding, FloodingAndDeaf])
def test_piped_input_ends_though_the_guest_is_never_quiet(kind: type[Line]) -> None:
    line = kind()
    ended: list[tuple[End, bytes, float]] = []
    # its standard output is a pipe that this reads only afterwards: a reader that is stuck changes nothing
    session = threading.Thread(target=lambda: ended.append(piped(line, b"x\n", longest=1.0)), daemon=True)
    session.start()
    session.join(10)
    line.closed = True
    assert ended, "it did not end"
    end, output, seconds = ended[0]
    assert end is End.ENDLESS
    assert output.startswith(b"y\n")
    assert 1.0 <= seconds < 4
    assert line.told == ["Left the console of lab/full: it was not quiet within 1 s of the end of the input."]


CHILD = """
import os, sys, time
sys.path.insert(0, {root!r})
from provisioner.transport.console import interact
class Line:
    def write(self, data, deadline): raise RuntimeError("broken")
    def close(self): pass
def open_line(on_data, on_end):
    on_data(b"\\x1b[?1049hready")
    return Line()
sizes = []
def resize(rows, columns): os.write(1, b"size %d %d" % (rows, columns))
print(interact(open_line, label="lab/full", say=print, resize=resize))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_give_the_terminal_back(number: signal.Signals) -> None:
    user, terminal = os.openpty()
    before = termios.tcgetattr(terminal)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(root=str(ROOT))], stdin=terminal, stdout=terminal, stderr=terminal
    )
    try:
        see(user, b"ready")
        assert termios.tcgetattr(terminal) != before
        child.send_signal(number)
        see(user, b"\x1b[?1049l")
        code = child.wait(5)
        assert code == -number or number == signal.SIGINT
        assert termios.tcgetattr(terminal) == before
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()


def test_the_window_size_is_told_at_the_start_and_when_it_changes() -> None:
    user, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (30, 90))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(root=str(ROOT))],
        stdin=terminal,
        stdout=terminal,
        start_new_session=True,
    )
    try:
        see(user, b"size 30 90")
        termios.tcsetwinsize(terminal, (40, 100))
        child.send_signal(signal.SIGWINCH)
        see(user, b"size 40 100")
        os.write(user, b"\x1d")
        see(user, b"left")
        assert child.wait(5) == 0
    finally:
        child.kill()
        child.wait()
