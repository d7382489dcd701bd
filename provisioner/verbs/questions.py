"""Questions that a verb asks a person before it changes something."""

from __future__ import annotations

from typing import Protocol

from provisioner import errors
from provisioner.language import msg


class Ask(Protocol):
    """Asks a person. It is called in the thread that called the verb."""

    def __call__(self, question: str, *, why: str) -> bool:
        """Whether the person agrees. ``why`` says what would come of it.

        Raises ConfirmationNeeded where nobody is there to answer.
        """


def require_consent(ask: Ask, question: str, *, why: str) -> None:
    """Returns where the person agrees. Raises Declined where not."""
    if not ask(question, why=why):
        raise errors.Declined(msg("nothing was changed"))
