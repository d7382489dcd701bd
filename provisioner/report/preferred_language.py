"""The language of the one who reads, from a flag or from the locale."""

from __future__ import annotations

import os

from provisioner.language import Language, of_locale


def preferred(flag: Language | None = None) -> Language:
    """What the flag says, else the locale of the environment; English where neither says anything."""
    return flag or of_locale(*(os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")))
