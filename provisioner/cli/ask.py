"""Asking a person, and being told to stop."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
def terminable() -> Iterator[None]:
    """Inside it, SIGTERM ends the work as Ctrl-C does: what was begun is taken back."""

    def interrupt(_signal: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
