"""Locks, so that only one virtlab at a time changes an instance. The kernel ends a lock with its process."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from provisioner import errors, paths
from provisioner.language import msg
from provisioner.listener import Listener

LONG = 1800.0  # seconds: a first up builds an image
_RETRY = 0.05


@contextmanager
def held(name: str, listener: Listener | None, *, timeout: float) -> Iterator[None]:
    """Holds the lock of that name. Where another virtlab of this user holds it, waits, and reports that.

    All locks are byte ranges of one file, so that no lock leaves a file behind. Raises Busy after ``timeout``
    seconds.
    """
    folder = paths.cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = own_file(folder / "lock")
    except OSError as error:
        raise errors.VirtlabError(
            msg("can't write to virtlab's cache folder: {error}", error=error),
            hint=msg("make {folder} yours, or name another with XDG_CACHE_HOME", folder=folder),
        ) from error
    try:
        _take(file, name, listener, timeout)
        yield
    finally:
        os.close(file)


def own_file(path: Path) -> int:
    """An open descriptor of a lock's file, which is made where it is missing. Raises OSError.

    No other user can open the file: who can open it can lock it, and whoever waits would wait without end.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(OSError):  # on a file system that has no modes
        os.fchmod(file, 0o600)
    return file


def _take(file: int, name: str, listener: Listener | None, timeout: float) -> None:
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])
    deadline = time.monotonic() + timeout
    told = False
    while True:
        try:
            # a lock of the open file, not of the process: closing another one does not lose it
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, place, 1, 0))
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= deadline:
                raise errors.Busy(
                    msg("another virtlab is at work on {name}", name=name),
                    hint=msg("wait for it to end, or end it with Ctrl-C where it runs, then try again"),
                ) from None
            if not told and listener is not None:
                listener.note(msg("another virtlab is at work on {name}: waiting for it", name=name))
                told = True
            time.sleep(_RETRY)
        else:
            return
