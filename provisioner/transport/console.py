"""A guest's console in the user's terminal."""

from __future__ import annotations

import os
import queue
import select
import signal
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from types import FrameType
from typing import Any, Protocol

from provisioner import errors
from provisioner.language import msg
from provisioner.sanitize import TerminalFilter
from provisioner.transport.channel import left

ESCAPE = 0x1D  # Ctrl-]
ESCAPE_NAME = "Ctrl-]"
_BACKLOG = 1024 * 1024  # bytes of output kept for a terminal that does not take them
_PENDING_INPUT = 64 * 1024
_AT_ONCE = 64 * 1024
_PIECE = 1024
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL
_LINE_PACE = (256, 0.025)  # piped input: bytes, seconds; about what a serial line carries
_SILENT_GUEST = 2.5  # QEMU takes up to a second to notice that somebody opened the line
_CLOSE_SECONDS = 2.0
_DRAIN_SECONDS = 0.5  # for what was typed before leaving
_LONGEST_ANSWER = 30.0  # to piped input, from a guest that is never quiet


class End(StrEnum):
    """Why a console session ended."""

    LEFT = "left"  # the user left; the guest goes on
    GUEST = "guest"  # the console closed: the guest stopped
    INPUT = "input"  # piped input was sent, and the guest has been quiet since
    ENDLESS = "endless"  # piped input ended, and the guest goes on printing, or takes no more of it


class Stream(Protocol):
    """See ``hypervisor.streams.CharStream``."""

    def write(self, data: bytes, deadline: float) -> None: ...

    def close(self) -> None: ...


Opener = Callable[[Callable[[bytes], None], Callable[[], None]], Stream]


class _SignalError(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def interact(
    open_stream: Opener,
    *,
    label: str,
    say: Callable[[str], None],
    stdin: int = 0,
    stdout: int = 1,
    resize: Callable[[int, int], None] | None = None,
    quiet: float = 1.0,
    longest: float = _LONGEST_ANSWER,
) -> End:
    """Connect the terminal to a console until the user leaves it or the guest stops.

    ``open_stream(on_data, on_end)`` opens the console. Its errors (Busy, GuestError) are raised before the
    terminal is touched. ``say`` shows one line to the user. ``resize(rows, columns)`` is called in a thread
    of its own, at the start and whenever the window changes size; its errors are ignored. Where ``stdin`` is
    not a terminal, its content is sent, and the session ends ``quiet`` seconds after the guest's last output,
    or ``longest`` seconds after the guest took the last of the input where it is never quiet. However the
    session ends, by SIGTERM and SIGHUP too, the terminal is restored.
    """
    session = _Session(stdin, stdout, quiet, longest)
    try:
        stream = open_stream(session.on_data, session.on_end)
        try:
            if session.is_terminal:
                say(
                    msg(
                        "Connected to {label}. Leave with {keys}. If nothing shows, press Enter.",
                        label=label,
                        keys=ESCAPE_NAME,
                    )
                )
            with session.signals(resize), session.raw_mode():
                end = session.run(stream)
        finally:
            _close(stream)
    except _SignalError as caught:
        os.kill(os.getpid(), caught.number)
        return End.LEFT
    finally:
        session.close()
    if end is End.GUEST:
        say(msg("The console of {label} closed: the guest stopped.", label=label))
    elif end is End.ENDLESS:
        say(
            msg(
                "Left the console of {label}: it was not quiet within {longest} s of the end of the input.",
                label=label,
                longest=f"{longest:.0f}",
            )
        )
    elif session.is_terminal:
        say(msg("Left the console of {label}; the guest goes on running.", label=label))
    return end


def _close(stream: Stream) -> None:
    """Close the stream. Does not wait for ever where the daemon is stuck with input that nobody reads."""
    closer = threading.Thread(target=stream.close, daemon=True)
    closer.start()
    closer.join(_CLOSE_SECONDS)


class _Session:
    def __init__(self, stdin: int, stdout: int, quiet: float, longest: float) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._quiet = quiet
        self._longest = longest
        self.is_terminal = os.isatty(stdin)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._lock = threading.Lock()
        self._received = bytearray()
        self._lost = 0
        self._ended = False
        self._signal: int | None = None
        self._filter = TerminalFilter(interactive=self.is_terminal and os.isatty(stdout))
        self._to_send: queue.Queue[bytes] = queue.Queue()
        self._unsent = 0
        self._heard = False
        self._last = time.monotonic()
        self._last_taken = self._last  # when input last came, or the guest took some of it

    def close(self) -> None:
        os.close(self._wake_read)
        with self._lock:
            os.close(self._wake_write)
            self._wake_write = -1

    def on_data(self, data: bytes) -> None:
        with self._lock:
            self._received += data
            surplus = len(self._received) - _BACKLOG
            if surplus > 0:
                del self._received[:surplus]
                self._lost += surplus
        self._wake()

    def on_end(self) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._wake_write >= 0:
                with suppress(BlockingIOError):  # the pipe is full, so the reader will wake anyway
                    os.write(self._wake_write, b".")

    @contextmanager
    def raw_mode(self) -> Iterator[None]:
        if not self.is_terminal:
            yield
            return
        before = termios.tcgetattr(self._stdin)
        tty.setraw(self._stdin, termios.TCSADRAIN)
        try:
            yield
        finally:
            with suppress(OSError, termios.error):  # a terminal that hung up needs nothing
                termios.tcsetattr(self._stdin, termios.TCSANOW, before)
                if os.isatty(self._stdout):
                    os.write(self._stdout, self._filter.reset() + b"\n")

    @contextmanager
    def signals(self, resize: Callable[[int, int], None] | None) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(number: int, _frame: FrameType | None) -> None:
            self._signal = number
            with suppress(BlockingIOError):  # no lock here: the main thread may hold it
                os.write(self._wake_write, b".")

        # where somebody else makes an exception of these, that ends the session as well
        numbers = (signal.SIGTERM, signal.SIGHUP)
        handlers: dict[int, Any] = {n: end for n in numbers if signal.getsignal(n) is signal.SIG_DFL}
        sizer = _Sizer(self._stdin, resize) if resize and self.is_terminal else None
        if sizer is not None:
            handlers[signal.SIGWINCH] = sizer.changed
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            if sizer is not None:
                sizer.start()
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if sizer is not None:
                sizer.stop()

    def run(self, stream: Stream) -> End:
        threading.Thread(target=self._send, args=(stream,), daemon=True).start()
        output = bytearray()
        reading = True
        while True:
            if self._signal is not None:
                raise _SignalError(self._signal)
            self._take(output)
            if self._ended and not output and not self._received:
                return End.GUEST
            accepting = reading and (self.is_terminal or self._unsent < _PENDING_INPUT)
            wait = 1.0
            if not reading:
                if left(self._last_taken + self._longest) <= 0:
                    return End.ENDLESS
                if not self._unsent:
                    wait = min(wait, self._patience())
            if wait <= 0 and not output:
                return End.INPUT
            ready = self._poll(accepting, bool(output), wait)
            if ready.get(self._stdout, 0) & (_GONE | select.POLLOUT) and output and not self._flush(output):
                return End.LEFT
            if accepting and ready.get(self._stdin, 0) & (_GONE | select.POLLIN):
                reading = self._input()
                self._last_taken = time.monotonic()
                if not reading and self.is_terminal:
                    self._drain()
                    return End.LEFT

    def _drain(self) -> None:
        """Wait until what was typed is on its way to the guest, but not long: the line may accept nothing."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self._unsent and not self._ended and left(deadline) > 0:
            self._poll(accepting=False, writing=False, wait=left(deadline))

    def _poll(self, accepting: bool, writing: bool, wait: float) -> dict[int, int]:
        """The poll events of each file descriptor that is ready. Input and output may be the same one."""
        masks = {self._wake_read: select.POLLIN}
        if accepting:
            masks[self._stdin] = select.POLLIN
        if writing:
            masks[self._stdout] = masks.get(self._stdout, 0) | select.POLLOUT
        poll = select.poll()
        for fd, mask in masks.items():
            poll.register(fd, mask)
        ready = dict(poll.poll(max(0.0, wait) * 1000))
        if self._wake_read in ready:
            with suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        return ready

    def _take(self, output: bytearray) -> None:
        """Move what was received to ``output``, made safe, but not more than the terminal can take."""
        if len(output) >= _AT_ONCE:
            return
        with self._lock:
            data = bytes(self._received[:_AT_ONCE])
            del self._received[:_AT_ONCE]
            lost, self._lost = self._lost, 0
        if lost:
            output += f"\r\n[virtlab: {lost} bytes skipped]\r\n".encode()
        if data:
            self._heard = True
            self._last = time.monotonic()
            output += self._filter.feed(data)

    def _flush(self, output: bytearray) -> bool:
        """Write as much as the terminal takes without blocking. False where the terminal is gone."""
        try:
            written = os.write(self._stdout, output[:_PIECE])
        except BlockingIOError:
            return True
        except OSError:
            return False
        del output[:written]
        return True

    def _input(self) -> bool:
        """Pass on what was typed or piped. False at its end, and when the user leaves."""
        try:
            data = os.read(self._stdin, 4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        leaving = self.is_terminal and ESCAPE in data
        if leaving:
            data = data[: data.index(ESCAPE)]
        if data and not (self.is_terminal and self._unsent >= _PENDING_INPUT):
            with self._lock:
                self._unsent += len(data)
            self._to_send.put(data)
        return bool(data) and not leaving

    def _send(self, stream: Stream) -> None:
        """Runs in a thread of its own: sending may block where the guest reads nothing."""
        piece, pause = _LINE_PACE
        while not self._ended:
            data = self._to_send.get()
            for at in range(0, len(data), piece):
                try:
                    stream.write(data[at : at + piece], time.monotonic() + 3600)
                except errors.VirtlabError:
                    self.on_end()
                    return
                self._last_taken = time.monotonic()
                if not self.is_terminal:
                    time.sleep(pause)
            self._last = time.monotonic()
            with self._lock:
                self._unsent -= len(data)
            self._wake()

    def _patience(self) -> float:
        """Seconds until the guest has been quiet for long enough, if it prints nothing more."""
        return left(self._last + (self._quiet if self._heard else max(self._quiet, _SILENT_GUEST)))


class _Sizer:
    """Tells the guest the window's size, without holding up the terminal."""

    def __init__(self, terminal: int, resize: Callable[[int, int], None]) -> None:
        self._terminal = terminal
        self._resize = resize
        self._news = threading.Event()
        self._stopping = False

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def changed(self, _number: int, _frame: FrameType | None) -> None:
        self._news.set()

    def stop(self) -> None:
        self._stopping = True
        self._news.set()

    def _run(self) -> None:
        while not self._stopping:
            with suppress(errors.VirtlabError, OSError):
                size = os.get_terminal_size(self._terminal)
                self._resize(size.lines, size.columns)
            self._news.wait()
            self._news.clear()
