"""What virtlab reports while it works. The code that works never prints: a listener decides what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

_ears: list[Callable[[str], None]] = []


class Listener(Protocol):
    """Who is told of progress. Its methods are called from several threads at once."""

    def note(self, text: str) -> None:
        """Reports one fact that is worth a line, such as a choice and the reason for it."""

    def phase(self, subject: str, phase: str, fraction: float | None = None) -> None:
        """Reports what a subject (a guest, a network, an image) does now.

        ``fraction`` is how much of that is done, from 0 to 1, or None where it is not known.
        """

    def done(self, subject: str, text: str) -> None:
        """Reports that a subject is finished, and went well."""

    def failed(self, subject: str, text: str) -> None:
        """Reports that a subject has failed. The error itself is in the result, or is raised."""


@contextmanager
def heard_by(tell: Callable[[str], None]) -> Iterator[None]:
    """Inside it, ``tell`` gets what is announced."""
    _ears.append(tell)
    try:
        yield
    finally:
        _ears.remove(tell)


def announce(text: str) -> None:
    """Says something to whoever runs this process, also where a verb has no listener: that it has to wait."""
    for tell in _ears[-1:]:
        tell(text)
