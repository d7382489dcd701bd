"""Questions to a system at its console, with a stand-in for the line, which plays the guest."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from provisioner import errors
from provisioner.transport.console_log import ConsoleLog
from provisioner.transport.prompt import ask
from provisioner.transport.readiness import wait_prompted

PROMPT = "grub> "


class Line:
    """A console whose guest echoes what is typed, and answers by a function of the line."""

    def __init__(self, answer: Callable[[str], bytes], half: str = "") -> None:
        self._answer = answer
        self._half = half
        self._waiting = b""
        self.ended = False
        self.typed: list[str] = []

    def write(self, data: bytes, deadline: float) -> None:
        for char in data.decode():
            if char != "\r":
                self._half += char
                self._waiting += char.encode()
                continue
            self._waiting += b"\n\r" + (self._answer(self._half) if self._half else b"") + PROMPT.encode()
            self.typed.append(self._half)
            self._half = ""

    def read(self, deadline: float) -> bytes:
        data, self._waiting = self._waiting, b""
        if not data:
            time.sleep(max(0.0, min(0.05, deadline - time.monotonic())))
        return data


def soon() -> float:
    return time.monotonic() + 1


def test_the_answer_is_what_stands_between_line_and_prompt() -> None:
    line = Line(lambda words: b"(ata0) \n\rsecond\n\r")
    assert ask(line, "x/y", PROMPT, "ls", soon()) == ["(ata0)", "second"]
    assert line.typed == ["", "ls"]


def test_nothing_is_an_answer_too() -> None:
    assert ask(Line(lambda words: b"\n\r"), "x/y", PROMPT, "ls", soon()) == []


def test_half_a_line_is_ended_first_and_is_no_part_of_the_answer() -> None:
    line = Line(lambda words: f"you said {words}\n\r".encode(), half="rm ")
    assert ask(line, "x/y", PROMPT, "ls", soon()) == ["you said ls"]
    assert line.typed == ["rm ", "ls"]


def test_a_prompt_within_an_answer_does_not_end_it() -> None:
    line = Line(lambda words: b"the prompt is grub> , you know\n\r")
    assert ask(line, "x/y", PROMPT, "help", soon()) == ["the prompt is grub> , you know"]


def test_escapes_do_not_reach_the_answer() -> None:
    line = Line(lambda words: b"\x1b[31mred\x1b]0;title\x07\x07\n\r")
    (told,) = ask(line, "x/y", PROMPT, "ls", soon())
    assert "\x1b" not in told
    assert told.startswith("red")


def test_a_guest_that_floods() -> None:
    line = Line(lambda words: b"x" * 70_000)
    with pytest.raises(errors.TooMuch, match="64 KiB"):
        ask(line, "x/y", PROMPT, "ls", soon())


def test_a_guest_that_says_nothing() -> None:
    line = Line(lambda words: b"")
    line.write = lambda data, deadline: None  # type: ignore[method-assign]
    began = time.monotonic()
    with pytest.raises(errors.NotReady, match="does not wait for a line"):
        ask(line, "x/y", PROMPT, "ls", time.monotonic() + 0.3)
    assert time.monotonic() - began < 1


def test_a_guest_that_stops() -> None:
    line = Line(lambda words: b"")
    line.ended = True
    line.write = lambda data, deadline: None  # type: ignore[method-assign]
    with pytest.raises(errors.GuestError, match="closed"):
        ask(line, "x/y", PROMPT, "ls", soon())


class Watch:
    stopped: str | None = None
    changes = 0

    def wait(self, observed: int, deadline: float) -> bool:
        return False

    def wait_stopped(self, deadline: float) -> bool:
        return False


@pytest.mark.parametrize("pieces", [[b"boot\n\rgrub> "], [b"boot\n\rgr", b"ub", b"> "]])
def test_ready_when_the_prompt_is_the_last_line(pieces: list[bytes]) -> None:
    log = ConsoleLog(prompt=PROMPT)
    for piece in pieces:
        assert not log.prompted.is_set()
        log.feed(piece)
    assert wait_prompted("x/y", Watch(), 1, log).seconds < 0.5


def test_not_ready_says_what_came_last() -> None:
    log = ConsoleLog(prompt=PROMPT)
    log.feed(b"error: no such thing\n\r")
    with pytest.raises(errors.NotReady, match="no such thing"):
        wait_prompted("x/y", Watch(), 0.1, log)
    watch = Watch()
    watch.stopped = "it was switched off"
    with pytest.raises(errors.GuestError, match="switched off"):
        wait_prompted("x/y", watch, 5, log)


def test_a_kernel_that_gave_up_is_not_waited_for() -> None:
    log = ConsoleLog(prompt=PROMPT)
    log.feed(b"Kernel panic - not syncing: No working init found\r\n" + b"at\r\n" * 9)
    with pytest.raises(errors.GuestError) as caught:
        wait_prompted("x/y", Watch(), 60, log)
    assert not isinstance(caught.value, errors.NotReady)
    assert caught.value.message.startswith(
        "x/y gave up while it started (its system had not started)\n  | Kernel"
    )
    assert "--timeout" not in (caught.value.hint or "")
