"""The commands that a lesson tells somebody to type on the host, and whose word that is.

virtlab's own lessons may say what they like, also in a copy of their lab, as long as nobody changed them. A
lab file from somebody else can start guests, and do no more. So what its lesson says is passed on as
virtlab's advice only where it does no more either: virtlab's verbs, on that lab, and commands in its guests.
What opens the host to guests, takes other labs down, forgets progress or writes files that it names is the
author's advice alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from provisioner.labfile import lesson
from provisioner.model.lab import Lab, is_own
from provisioner.model.typed import MAKES, READS

# A word in which a shell expands nothing: no variable, command, pattern, redirection or end of a command.
_WORD = r"""(?:[A-Za-z0-9_./:=,@%+-]|\{(?:lab|virtlab)\}|'[^']*'|"[^"$`\\!]*")+"""
# virtlab, or fixed text that is put into it: what a guest's console is given.
_VIRTLAB = re.compile(rf"(?:printf {_WORD} \| )?\{{virtlab\}}((?: {_WORD})+)")
# Options that reach beyond the lab, in every way that they can be written. libvirt's URI of a connection can
# name a program to run.
_REACHING = re.compile(r"-[^-]*[cO]|--(?:c|trust|all|save|file)")
_ACTING = {"bench", "console", "down", "exec", "start", "stop"}  # verbs on what is up, whoever's lab it is
# Verbs that change no lab, or only one that the user is asked about before.
_LOOKING = {"check", "compare", "guide", "hint", "list", "products", "progress", "report", "schema", "solve"}
_LOOKING |= {"status", *MAKES, *READS}
_OF_LAB = re.compile(r"\{lab\}(?:/[a-z0-9-]+)?|-.*|[0-9.]+")  # the lab, a guest of it, an option, a number


@dataclass(frozen=True, slots=True)
class Author:
    """Whose lesson it is. ``file``: the lab file of somebody else; None for a lab of virtlab's own."""

    file: str | None

    def vouched(self, commands: Sequence[str]) -> bool:
        """Whether virtlab itself can tell somebody to type all of these."""
        return self.file is None or all(map(is_harmless, commands))


def author_of(lab: Lab) -> Author:
    """Who wrote the lesson of a lab. Raises InputError where it can't be read."""
    return Author(None if is_own(lab.source) or lesson.is_virtlabs(lab) else str(lab.file))


def is_harmless(command: str) -> bool:
    """Whether a shell that gets this line does nothing but start virtlab, for this lab.

    That is on the connection that virtlab chooses, and with no option that reaches beyond the lab.
    ``command`` is as the lesson has it, with ``{virtlab}`` and ``{lab}``.
    """
    match = _VIRTLAB.fullmatch(command)
    if match is None or command.count("{virtlab}") > 1:  # within another's quotes, a path's quotes end early
        return False
    words = shlex.split(match.group(1))
    mine = words[: words.index("--")] if "--" in words else words
    if any(_REACHING.match(word) for word in mine):
        return False
    verb, *rest = mine or [""]
    if verb in _ACTING:
        return any(word.startswith("{lab}") for word in rest) and all(map(_OF_LAB.fullmatch, rest))
    return verb in _LOOKING and _makes_no_other(rest)


def _makes_no_other(words: Sequence[str]) -> bool:
    """Whether no instance but the lab's own is named, which ``up`` would change to be like this lab."""
    names = [after for word, after in pairwise([*words, ""]) if word == "--as"]
    names += [word.removeprefix("--as=") for word in words if word.startswith("--as=")]
    return all(name == "{lab}" for name in names)
