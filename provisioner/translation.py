"""The catalogue of virtlab's own messages in other languages. It is read only where one is wanted."""

from __future__ import annotations

import io
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

FOLDER = Path(__file__).resolve().parent / "locale"
DOMAIN = "virtlab"


@cache
def catalogue(language: str) -> NullTranslations:
    """The translations into a language; one that gives every text back where there are none."""
    import gettext

    data = _compiled(FOLDER / language / "LC_MESSAGES")
    return gettext.NullTranslations() if data is None else gettext.GNUTranslations(io.BytesIO(data))


def _compiled(folder: Path) -> bytes | None:
    """The compiled catalogue. A wheel has it. In a clone it is made of its source, and anew after a
    change. Who may read the source may read it, too."""
    made, source = folder / f"{DOMAIN}.mo", folder / f"{DOMAIN}.po"
    with suppress(OSError):
        if not source.exists() or made.stat().st_mtime_ns > source.stat().st_mtime_ns:
            return made.read_bytes()
    try:
        data = compiled(source)
    except (ImportError, FileNotFoundError):  # no Babel, as where virtlab was installed without its tools
        return None
    from provisioner import atomic  # here, because every start of virtlab loads this module

    with suppress(OSError):  # of another user's clone: compiled again the next time
        atomic.write(made, data, stat.S_IMODE(source.stat().st_mode))
    return data


def compiled(source: Path) -> bytes:
    """The compiled form of a catalogue. Raises ImportError without Babel, and OSError."""
    from babel.messages import mofile, pofile

    with source.open("rb") as text:
        catalogue = pofile.read_po(text)
    mofile.write_mo(binary := io.BytesIO(), catalogue)
    return binary.getvalue()
