"""How a lab is named in the commands that somebody is told to type.

Verbs about what is up take the instance's name. Verbs about a lab file take the lab, and those that make an
instance of it take ``--as``, too, where it has a name of its own. In what is made here, ``{virtlab}`` stands
for the command as it works where the reader is.

A lesson also speaks of the learner's own copy of its lab: ``{copy:NAME}`` is that copy as ``{lab}`` is the
lab, and ``{folder:NAME}`` is its folder. Whoever reads the lesson in a copy reads of that copy. Whoever has
none yet is told to make one of that NAME.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from shlex import quote

from provisioner.language import Text

MAKES = ("plan", "up")  # verbs that take a lab file and --as
READS = ("copy", "doctor", "prepare", "render", "show", "validate")  # verbs that take a lab file alone

# One of those verbs before its argument. Not inside quotes: a path has quotes of its own.
_HEAD = rf"""\{{virtlab\}} (?P<verb>{"|".join(MAKES + READS)})(?: [^\s{{}}'"`;|&#]+)* """
_PLACE = re.compile(
    rf"(?P<head>{_HEAD}(?=\{{(?:lab|copy:[a-z0-9-]+)\}}(?![A-Za-z0-9_-])))?"
    r"\{(?:(?P<lab>lab)|(?:copy|(?P<folder>folder)):(?P<name>[a-z0-9-]+))\}"
)


@dataclass(frozen=True, slots=True)
class Typed:
    """How one lab is typed."""

    target: str  # what verbs about lab files take: a name of the catalogue, a folder or a file
    instance: str  # what verbs about what is up take
    named: bool = False  # whether the instance has that name from --as
    folder: str | None = None  # that holds its file, where it is a lab of the user's own

    def up(self, *more: str) -> str:
        """The command that brings the lab up, or makes it what its file says. ``more`` is what follows."""
        return f"{{virtlab}} up {' '.join((self._made(), *more))}"

    def filled(self, words: str) -> str:
        """A text or a command of the lab's lesson, with what its ``{lab}`` and the like stand for."""
        return _PLACE.sub(self._spelled, words)

    def text(self, words: Text) -> Text:
        """The same of a text in its languages."""
        return Text(self.filled(words.en), words.ja and self.filled(words.ja))

    def _spelled(self, match: re.Match[str]) -> str:
        name = match["name"]
        meant = self if match["lab"] or self.folder is not None else Typed(name, name, folder=name)
        if match["folder"]:
            spelled = meant.folder or ""
            return quote(f"./{spelled}" if spelled.startswith("-") else spelled)
        if match["head"] is None:
            return meant.instance
        lab = meant._made() if match["verb"] in MAKES else quote(meant.target)
        return f"{match['head']}{lab}"

    def _made(self) -> str:
        return f"{quote(self.target)} --as {self.instance}" if self.named else quote(self.target)
