"""What a guest printed while it started."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable

from provisioner.sanitize import plain_lines
from provisioner.transport import causes

_MARK = re.compile(rb"^virtlab: ([a-z][a-z0-9-]{0,31}) (\d{1,6}(?:\.\d{1,3})?)\r*$")
_LONGEST_MARK = 80
_MOST_MARKS = 64


class ConsoleLog:
    """The last ``keep`` bytes of a console, and the boot phases that the guest reported there.

    Give ``feed`` and ``close`` to ``hypervisor.streams.open_console`` as ``on_data`` and ``on_end`` while the
    domain is still paused, so that nothing is missed. A phase is a line ``virtlab: PHASE SECONDS``, with the
    seconds since the guest's kernel started, by the guest's own clock. ``prompt`` is what a guest without an
    agent prints when it waits for a line.
    """

    def __init__(
        self,
        keep: int = 64 * 1024,
        on_mark: Callable[[str, float], None] | None = None,
        prompt: str | None = None,
    ) -> None:
        self._keep = keep
        self._on_mark = on_mark
        self._prompt = prompt.encode() if prompt else None
        self._lock = threading.Lock()
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._line = bytearray()
        self._recent = b""  # what may be the first part of a kernel's last words
        self._marks: list[tuple[str, float]] = []
        self.received = 0
        self.ended = threading.Event()
        self.agent_hint = threading.Event()
        self.prompted = threading.Event()  # the last line is the prompt: the guest waits for one
        self.gave_up = threading.Event()  # the guest's kernel said that this is its end

    @property
    def marks(self) -> tuple[tuple[str, float], ...]:
        """(phase, seconds since the guest's start) in the order reported."""
        with self._lock:
            return tuple(self._marks)

    def feed(self, data: bytes) -> None:
        """Take a chunk of the console's output."""
        new = []
        with self._lock:
            self.received += len(data)
            self._chunks.append(data)
            recent = self._recent + data
            self._recent = recent[1 - len(causes.END) :]
            if causes.END in recent:
                self.gave_up.set()
            self._size += len(data)
            while self._size - len(self._chunks[0]) >= self._keep:
                self._size -= len(self._chunks.popleft())
            for piece in data.splitlines(keepends=True):
                self._line += piece[: _LONGEST_MARK + 1 - len(self._line)]
                if piece.endswith(b"\n"):
                    new += self._mark(bytes(self._line.rstrip(b"\n")))
                    self._line.clear()
            if self._prompt and self._line.endswith(self._prompt):
                self.prompted.set()
        for name, seconds in new:
            if name == "agent":
                self.agent_hint.set()
            if self._on_mark is not None:
                self._on_mark(name, seconds)

    def close(self) -> None:
        """The console ended."""
        self.ended.set()

    def lines(self) -> list[str]:
        """All lines that are kept and not empty, made safe for a terminal."""
        with self._lock:
            text = b"".join(self._chunks)[-self._keep :]
        return [line.rstrip() for line in plain_lines(text) if line.strip()]

    def _mark(self, line: bytes) -> list[tuple[str, float]]:
        match = _MARK.match(line)
        if match is None or len(self._marks) >= _MOST_MARKS:
            return []
        mark = (match[1].decode("ascii"), float(match[2]))
        self._marks.append(mark)
        return [mark]
