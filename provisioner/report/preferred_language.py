"""The reader's language, from a flag or from the locale."""

from __future__ import annotations

import os

from provisioner.language import Language, Text, of_locale, said


def preferred(flag: Language | None = None) -> Language:
    """The language of the flag, or else of the locale. English where neither says anything."""
    return flag or of_locale(*(os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")))


def local(words: Text | str | None) -> str:
    """A text or a message in the language of the reader's locale."""
    return said(words, preferred())
