"""The reader's language, from a flag or from the locale."""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable

from provisioner import translation
from provisioner.language import Language, Text, of_locale, said

_chosen: Language | None = None


def speak(flag: Language | None) -> Language | None:
    """Sets the language that ``--lang`` asks for in this process; None: that of the locale. Gives it back."""
    global _chosen
    _chosen = flag
    return flag


def preferred(flag: Language | None = None) -> Language:
    """The language of the flag, of ``--lang``, or else of the locale. English where none says anything."""
    return flag or _chosen or of_locale(*(os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")))


def catalogue_for_typer(language: Language) -> Callable[[str], str]:
    """What translates a text of help pages. From now on typer's own words of such pages come from the
    catalogue, too."""
    gettext.bindtextdomain(translation.DOMAIN, str(translation.FOLDER))
    gettext.textdomain(translation.DOMAIN)
    return translation.catalogue(language).gettext


def local(words: Text | str | None) -> str:
    """A text or a message in the language of the reader's locale."""
    return said(words, preferred())
