"""Telling work to stop, and knowing what would stay behind if it ended right now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Cancellation(threading.Event):
    """An event that tells work to stop, see ``side_by_side``. Anybody can set it, from any thread.

    Work that changes something says what it begins (``owe``) and what is in order again (``pay``), so that
    somebody who can't wait for it is told what stays behind. Where it is ``settled``, the work is done, or is
    being taken back: whoever sets the event now does not stop that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settled = False
        self._owed: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def owed(self) -> dict[str, str]:
        """What would stay behind, in the order in which it was begun, and for each what to type then.

        ``{virtlab}`` stands for the command.
        """
        with self._lock:
            return dict(self._owed)

    def owe(self, remedy: str, *things: str) -> None:
        """Says that these are about to be changed, and what to type where they stay so."""
        with self._lock:
            self._owed.update(dict.fromkeys(things, remedy))

    def pay(self, *things: str) -> None:
        """Says that these are gone, or are as they should be."""
        with self._lock:
            for thing in things:
                self._owed.pop(thing, None)

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Inside it, work can be stopped. From its end on, however it ends, it is settled."""
        try:
            yield
        finally:
            self.settled = True
