"""The commands that a lesson tells somebody to type on the host, and whose word that is.

virtlab's own labs may say what they like. A lab file from somebody else can start guests, and do no more. So
what its lesson says is passed on as virtlab's advice only where it does no more either: virtlab's verbs, and
commands in guests.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.model.lab import Lab, is_own

# A word in which a shell expands nothing: no variable, command, pattern, redirection or end of a command.
_WORD = r"""(?:[A-Za-z0-9_./:=,@%+-]|\{(?:lab|virtlab)\}|'[^']*'|"[^"$`\\!]*")+"""
# virtlab, or fixed text that is put into it: what a guest's console is given.
_VIRTLAB = re.compile(rf"(?:printf {_WORD} \| )?\{{virtlab\}}((?: {_WORD})+)")
_OTHER_CONNECTION = re.compile(r"-[^-]*c|--c")  # libvirt's URI of a connection can name a program to run


@dataclass(frozen=True, slots=True)
class Author:
    """Whose lesson it is. ``file``: the lab file of somebody else; None for a lab of virtlab's own."""

    file: str | None

    def vouched(self, commands: Sequence[str]) -> bool:
        """Whether virtlab itself can tell somebody to type all of these."""
        return self.file is None or all(map(is_harmless, commands))


def author_of(lab: Lab) -> Author:
    """Who wrote the lesson of a lab."""
    return Author(None if is_own(lab.source) else str(lab.file))


def is_harmless(command: str) -> bool:
    """Whether a shell that gets this line does nothing but start virtlab, on the connection that it chooses.

    ``command`` is as the lesson has it, with ``{virtlab}`` and ``{lab}``.
    """
    match = _VIRTLAB.fullmatch(command)
    if match is None or command.count("{virtlab}") > 1:  # within another's quotes, a path's quotes end early
        return False
    words = shlex.split(match.group(1))
    mine = words[: words.index("--")] if "--" in words else words
    return not any(_OTHER_CONNECTION.match(word) for word in mine)
