"""Being told to stop by a signal, once and again, in a process of its own where that ends the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner import errors
from provisioner.cli import interrupt

PROJECT = Path(__file__).resolve().parents[2]
UNDER_WAY = b"it is ending, and puts what was begun in order; once more leaves the rest as it is"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# Work that takes nothing back, work that does, and a call that does not come back, such as one of libvirt's.
CHILD = """
import ctypes, sys, time
from provisioner import errors
from provisioner.cli import interrupt

def tell(words):
    print(words, flush=True)

with interrupt.handled(), interrupt.cancellable(tell) as cancelled:
    if sys.argv[1] == "stuck":
        tell("ready")
        mutex = ctypes.create_string_buffer(64)  # pthread_mutex_t; a signal does not end the wait for one
        for _ in range(2):
            ctypes.CDLL(None).pthread_mutex_lock(mutex)
    cancelled.owe("{virtlab} down demo", "demo/one", "demo network lab")
    try:
        with cancelled.stoppable():
            tell("ready")
            time.sleep(60)
    except errors.Cancelled:
        cancelled.pay("demo/one")
        tell("undo")
        time.sleep(1.0 if sys.argv[1] == "short" else 60)
        cancelled.pay("demo network lab")
        tell("undone")
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_tells_the_threads_and_ends_the_wait(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interrupt.handled(), interrupt.cancellable(print) as cancelled:
        assert not cancelled.is_set()
        with pytest.raises(errors.Cancelled):
            signal.raise_signal(number)
    assert cancelled.is_set()
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", SIGNALS)
def test_who_ignores_a_signal_goes_on_ignoring_it(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with interrupt.handled(), interrupt.cancellable(print) as cancelled:
            signal.raise_signal(number)
            time.sleep(0.05)
        assert not cancelled.is_set()
    finally:
        signal.signal(number, before)


def test_what_is_settled_is_not_ended() -> None:
    with interrupt.handled(), interrupt.cancellable(print) as cancelled:
        with cancelled.stoppable():
            pass
        signal.raise_signal(signal.SIGINT)
    assert cancelled.is_set()


@contextmanager
def child(work: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, work],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "VIRTLAB_RUN_AS": "vl"},
    )
    try:
        heard(process, b"ready")
        time.sleep(0.3)  # until it is in the call
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process: subprocess.Popen[bytes], words: bytes) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == words


def test_the_second_says_that_it_is_under_way_and_stops_nothing() -> None:
    with child("short") as process:
        process.send_signal(signal.SIGHUP)
        heard(process, b"undo")
        process.send_signal(signal.SIGHUP)  # of a terminal that closes there are several
        process.send_signal(signal.SIGINT)
        heard(process, UNDER_WAY)
        heard(process, b"undone")
        assert process.wait(5) == 0


def test_the_third_ends_it_and_says_what_is_left() -> None:
    with child("long") as process:
        process.send_signal(signal.SIGTERM)
        heard(process, b"undo")
        for _ in range(2):
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
        heard(process, UNDER_WAY)
        heard(process, b"interrupted; left behind: demo network lab")
        heard(process, b"next: vl down demo")
        assert process.wait(5) == 130


def test_a_call_that_does_not_come_back_is_left() -> None:
    with child("stuck") as process:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        heard(process, b"interrupted")
        assert process.wait(5) == 130
        assert time.monotonic() - began < 4


def test_a_second_signal_ends_at_once_what_leaves_nothing() -> None:
    with child("stuck") as process:
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        assert process.wait(0.9) == 130


# A signal that comes while the command line is imported, as where somebody thinks better of it at once.
EARLY = """
import signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "typer":
            signal.raise_signal(int(sys.argv[1]))

sys.meta_path.insert(0, Finder())
import runpy
runpy.run_module("provisioner", run_name="__main__")
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_the_imports_is_told_as_one(number: signal.Signals) -> None:
    """Ctrl-C gave a traceback of Python's, and SIGTERM no exit code of ours."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    told = subprocess.run(
        [sys.executable, "-c", EARLY, str(int(number))], capture_output=True, env=environment, check=False
    )
    assert (told.returncode, told.stdout, told.stderr) == (130, b"", b"interrupted\n")


def test_a_signal_that_is_ignored_is_ignored_during_the_imports() -> None:
    told = subprocess.run(
        ["nohup", sys.executable, "-c", EARLY, str(int(signal.SIGHUP)), "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        check=False,
    )
    assert told.returncode == 2  # there is no verb of that number
