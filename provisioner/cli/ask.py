"""Asking a person, and being told to stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from provisioner import errors
from provisioner.report.terminal import text


@dataclass(frozen=True, slots=True)
class AtTerminal:
    """Asks at the user's terminal: see ``verbs.questions.Ask``. With ``yes`` the user agreed beforehand."""

    yes: bool

    def __call__(self, question: str, *, why: str) -> bool:
        """Whether the user agrees. Raises ConfirmationNeeded where nobody is there to answer."""
        if self.yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise errors.ConfirmationNeeded(why, hint="say --yes to agree")
        text.tell(why)
        return text.asked(f"{question} [y/N]").lower() in ("y", "yes")


@contextmanager
def cancellable() -> Iterator[threading.Event]:
    """Inside it, Ctrl-C and SIGTERM set the event and raise Cancelled, so that what was begun is taken back.

    The event stops the threads. The exception ends whatever the main thread waits for, even a question.
    """
    cancelled = threading.Event()

    def cancel(_signal: int, _frame: FrameType | None) -> None:
        cancelled.set()
        raise errors.Cancelled

    # a background job of a script ignores SIGINT, and keeps ignoring it
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        numbers.append(signal.SIGINT)
    before = {number: signal.signal(number, cancel) for number in numbers}
    try:
        yield cancelled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
