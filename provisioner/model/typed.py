"""How a lab is named in the commands that somebody is told to type.

Verbs about what is up take the instance's name. Verbs about a lab file take the lab, and those that make an
instance of it take ``--as``, too, where it has a name of its own. In what is made here, ``{virtlab}`` stands
for the command as it works where the reader is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from shlex import quote

from provisioner.language import Text

MAKES = ("plan", "up")  # verbs that take a lab file and --as
READS = ("copy", "doctor", "prepare", "render", "show", "validate")  # verbs that take a lab file alone

# ``{lab}`` as an argument of one of those verbs. Not inside quotes: a path has quotes of its own.
_OF_FILE = re.compile(
    rf"""(\{{virtlab\}} ({"|".join(MAKES + READS)})(?: [^\s{{}}'"`;|&#]+)*) \{{lab\}}(?![A-Za-z0-9_-])"""
)


@dataclass(frozen=True, slots=True)
class Typed:
    """How one lab is typed."""

    target: str  # what verbs about lab files take: a name of the catalogue, a folder or a file
    instance: str  # what verbs about what is up take
    named: bool = False  # whether the instance has that name from --as

    def up(self, *more: str) -> str:
        """The command that brings the lab up, or makes it what its file says. ``more`` is what follows."""
        return f"{{virtlab}} up {' '.join((self._made(), *more))}"

    def filled(self, words: str) -> str:
        """A text or a command of the lab's lesson, with what its ``{lab}`` stands for."""
        return _OF_FILE.sub(self._of_file, words).replace("{lab}", self.instance)

    def text(self, words: Text) -> Text:
        """The same of a text in its languages."""
        return Text(self.filled(words.en), words.ja and self.filled(words.ja))

    def _of_file(self, match: re.Match[str]) -> str:
        lab = self._made() if match[2] in MAKES else quote(self.target)
        return f"{match[1]} {lab}"

    def _made(self) -> str:
        return f"{quote(self.target)} --as {self.instance}" if self.named else quote(self.target)
