"""Commands of tests that are watched from outside, and somebody who hears what they write."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path


def sleep(seconds: int, number: int) -> str:
    """A command that nobody else runs, and no other thread of this process."""
    return f"sleep {seconds}.{os.getpid()}{threading.get_native_id()}{number}"


def is_running(words: str) -> bool:
    """Whether a process with these words runs."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if command.read_bytes().replace(b"\0", b" ").strip() == words.encode():
                return True
        except OSError:
            continue
    return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


class Ear:
    """Keeps what is heard, and when."""

    def __init__(self) -> None:
        self.stdout = b""
        self.stderr = b""
        self.pieces: list[tuple[float, bytes]] = []
        self._began = time.monotonic()

    def __call__(self, stdout: bytes, stderr: bytes) -> None:
        self.stdout += stdout
        self.stderr += stderr
        if stdout:
            self.pieces.append((time.monotonic() - self._began, stdout))
