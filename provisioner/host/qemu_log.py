"""Reads QEMU's log of a domain from a certain moment on, completely, or says that a part is lost.

libvirt's virtlogd begins a new file when one is full: NAME.log becomes NAME.log.0, NAME.log.0 becomes
NAME.log.1, and the oldest one is removed. A file keeps its inode when it is renamed.
"""

from __future__ import annotations

import os
import re
from io import FileIO
from pathlib import Path

_OLDER = 16  # files beside the newest that are looked at; virtlogd keeps 3 unless told otherwise
_TRIES = 5
_MESSAGE = re.compile(r"(?:\d{4}-\d\d-\d\dT\S+Z )?qemu-\S+: (.+)")
_NO_REASON = re.compile(r": warning: |: terminating on signal")


class Place:
    """A place in a log. The file is kept open, so that no other file can get its inode."""

    def __init__(self, file: Path) -> None:
        self.newest = file
        self.log = file.open("rb", buffering=0)
        info = os.fstat(self.log.fileno())
        self.inode, self.offset = info.st_ino, info.st_size

    def close(self) -> None:
        self.log.close()


def end_of(file: Path) -> Place:
    """The present end of a log. The caller closes it. Raises OSError where the log can't be read."""
    return Place(file)


def since(place: Place, most: int) -> bytes | None:
    """What was written after that place. None where a part of it is lost, or it is more than ``most`` bytes.

    Raises OSError where the log can't be read.
    """
    for _ in range(_TRIES):
        before = _inodes(place.newest)
        if place.inode not in before:
            return None
        data = _read(place, before[: before.index(place.inode)], most)
        if data is not None and _inodes(place.newest) == before:
            return data if len(data) <= most else None
    return None


def reason(log: str) -> str | None:
    """The last message of QEMU before it ended, if there is one. libvirt makes QEMU date its messages; those
    that the C library prints for it, such as a failed assertion, have no date."""
    told = [
        match[1].strip()
        for line in log.rpartition("starting up")[2].splitlines()
        if (match := _MESSAGE.fullmatch(line)) and not _NO_REASON.search(line)
    ]
    # a message that QEMU calls an error says more than the assertion that fails after it
    return next((line for line in told if "error" in line.lower()), told[-1] if told else None)


def _files(newest: Path) -> list[Path]:
    return [newest, *(newest.with_name(f"{newest.name}.{number}") for number in range(_OLDER))]


def _inodes(newest: Path) -> list[int]:
    """The inodes of a log's files, the newest first."""
    inodes = []
    for file in _files(newest):
        try:
            inodes.append(file.stat().st_ino)
        except FileNotFoundError:
            break
    return inodes


def _read(place: Place, newer: list[int], most: int) -> bytes | None:
    """The content from the place on, oldest file first. None where a file was renamed meanwhile."""
    place.log.seek(place.offset)
    pieces = [_all_of(place.log, most + 1)]
    for file, inode in reversed(list(zip(_files(place.newest), newer, strict=False))):
        try:
            with file.open("rb", buffering=0) as log:
                if os.fstat(log.fileno()).st_ino != inode:
                    return None
                pieces.append(_all_of(log, most + 1 - sum(map(len, pieces))))
        except FileNotFoundError:
            return None
    return b"".join(pieces)


def _all_of(log: FileIO, most: int) -> bytes:
    pieces = []
    while most > 0 and (piece := log.read(most)):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
