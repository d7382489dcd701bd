"""The reader's language, from a flag or from the locale."""

from __future__ import annotations

import os

from provisioner.language import Language, of_locale


def preferred(flag: Language | None = None) -> Language:
    """The language of the flag, or else of the locale. English where neither says anything."""
    return flag or of_locale(*(os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")))
