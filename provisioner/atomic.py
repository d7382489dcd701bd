"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Replaces the content of a file; a text is written as UTF-8. Other processes see the old content or the
    new, whole.

    ``mode``: the file's permissions; without it only this user can read and write it. Raises OSError, and
    leaves nothing behind then.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        if mode is not None:
            Path(draft).chmod(mode)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
