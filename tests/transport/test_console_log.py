"""What is remembered of a console."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from provisioner.transport.console_log import ConsoleLog


def test_marks_are_found_wherever_the_chunks_are_cut() -> None:
    text = b"SeaBIOS\r\nvirtlab: init 1.94\r\nnoise\r\nvirtlab: agent 2.3\r\n/ # "
    for seed in range(50):
        dice = random.Random(seed)  # noqa: S311
        log = ConsoleLog()
        at = 0
        while at < len(text):
            size = dice.randint(1, 20)
            log.feed(text[at : at + size])
            at += size
        assert log.marks == (("init", 1.94), ("agent", 2.3))
        assert log.agent_hint.is_set()


def test_lines_that_only_look_like_marks_are_none() -> None:
    log = ConsoleLog()
    log.feed(b"x virtlab: init 1\nvirtlab: INIT 1\nvirtlab: init\nvirtlab: init 1e9\nvirtlab: a 1 2\n")
    log.feed(b"virtlab: " + b"i" * 100_000 + b" 1\nvirtlab: init 99999999999\n")
    assert log.marks == ()


def test_a_kernels_last_words_are_noticed_wherever_the_chunks_are_cut() -> None:
    text = b"[    0.5] Kernel panic - not syncing: System is deadlocked on memory\r\n"
    for size in range(1, len(text)):
        log = ConsoleLog()
        assert not log.gave_up.is_set()
        for at in range(0, len(text), size):
            log.feed(text[at : at + size])
        assert log.gave_up.is_set()


def test_memory_is_bounded_and_the_end_is_kept() -> None:
    log = ConsoleLog(keep=1000)
    for number in range(5000):
        log.feed(b"line %d\r\nvirtlab: p 1\n" % number)
    assert log._size < 1100
    assert len(log.marks) == 64
    assert log.lines()[-2:] == ["line 4999", "virtlab: p 1"]


@given(st.lists(st.binary(max_size=50), max_size=30))
def test_the_lines_are_always_safe(chunks: list[bytes]) -> None:
    log = ConsoleLog(keep=200)
    for chunk in chunks:
        log.feed(chunk)
    for line in log.lines():
        assert "\x1b" not in line
        assert "\n" not in line
        assert len(line) <= 201
