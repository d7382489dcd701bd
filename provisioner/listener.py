"""What the engine tells while it works. It never prints: whoever listens decides what is shown."""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    """Told from several threads at once."""

    def note(self, text: str) -> None:
        """One fact worth a line: a choice that was made and why."""

    def phase(self, subject: str, phase: str, fraction: float | None = None) -> None:
        """What a subject (a guest, a network, an image) does now; ``fraction`` of it done, where known."""

    def done(self, subject: str, text: str) -> None:
        """A subject is finished, well."""

    def failed(self, subject: str, text: str) -> None:
        """A subject is finished, badly; the error itself comes with the result."""


class Silent:
    """Tells nobody."""

    def note(self, text: str) -> None:
        pass

    def phase(self, subject: str, phase: str, fraction: float | None = None) -> None:
        pass

    def done(self, subject: str, text: str) -> None:
        pass

    def failed(self, subject: str, text: str) -> None:
        pass
