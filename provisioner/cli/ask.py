"""Asking a person, and being told to stop."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from provisioner import errors
from provisioner.report.terminal import text


def agreed(question: str, *, yes: bool, why: str) -> None:
    """Returns when the user agrees. Raises Declined where not, ConfirmationNeeded where nobody is there."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise errors.ConfirmationNeeded(why, hint="say --yes to agree")
    text.tell(why)
    if text.asked(f"{question} [y/N]").lower() not in ("y", "yes"):
        raise errors.Declined("nothing was changed")


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
