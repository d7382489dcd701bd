"""A listener for tests that do not care what they are told."""

from __future__ import annotations


class Silent:
    """A listener that ignores everything."""

    def note(self, text: str) -> None:
        pass

    def phase(self, subject: str, phase: str, fraction: float | None = None) -> None:
        pass

    def done(self, subject: str, text: str) -> None:
        pass

    def failed(self, subject: str, text: str) -> None:
        pass
