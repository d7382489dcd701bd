"""Asking a person."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from provisioner import errors
from provisioner.language import joined, msg
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
            raise errors.ConfirmationNeeded(why, hint=msg("say --yes to agree"))
        text.tell(why)
        return text.asked(joined("", (question, " [y/N]"))).lower() in ("y", "yes")
