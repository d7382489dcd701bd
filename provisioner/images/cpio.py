"""Writes the cpio archive (format newc) that Linux unpacks as its initramfs.

The same entries give the same bytes: entries are sorted, and owner, times and inode numbers are
fixed. No root is needed, because a device node is only a line in the archive.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from provisioner.language import msg

_MTIME = 1
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in the archive: ``path`` has no leading slash, ``mode`` includes the file type.

    ``data`` is a file's content or a link's target; ``device`` is a node's major and minor.
    """

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(path: str, mode: int = 0o755) -> Entry:
    """A directory."""
    return Entry(path, stat.S_IFDIR | mode)


def file(path: str, data: bytes, mode: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(path, stat.S_IFREG | mode, data)


def symlink(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def character_device(path: str, major: int, minor: int, mode: int = 0o600) -> Entry:
    """A character device node."""
    return Entry(path, stat.S_IFCHR | mode, device=(major, minor))


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """The entries sorted by path, with every directory that they need and that is not among them.

    Raises ValueError where one path is given twice or stands below something that is no directory.
    """
    known: dict[str, Entry] = {}
    for entry in entries:
        if entry.path in known:
            raise ValueError(msg("{path} is in the archive twice", path=entry.path))
        known[entry.path] = entry
    for path in list(known):
        parent = path.rpartition("/")[0]
        while parent:
            if not stat.S_ISDIR(known.setdefault(parent, directory(parent)).mode):
                raise ValueError(
                    msg("{path} stands below {parent}, which is no directory", path=path, parent=parent)
                )
            parent = parent.rpartition("/")[0]
    return [known[path] for path in sorted(known, key=lambda name: name.split("/"))]


def write(out: BinaryIO, entries: Iterable[Entry]) -> None:
    """Write the archive; directories come before what they hold (see :func:`with_parents`)."""
    offset = 0
    for number, entry in enumerate(with_parents(entries), start=1):
        offset = _write_one(out, offset, number, entry)
    offset = _write_one(out, offset, 0, Entry(_TRAILER, 0))
    out.write(bytes(-offset % 512))


def _write_one(out: BinaryIO, offset: int, inode: int, entry: Entry) -> int:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (
        inode,
        entry.mode,
        0,  # owner
        0,  # group
        links,
        _MTIME if inode else 0,
        len(entry.data),
        0,  # the archive's own device, major and minor
        0,
        *entry.device,
        len(name),
        0,  # checksum, not used by this format
    )
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    header += bytes(-(offset + len(header)) % 4)
    body = entry.data + bytes(-len(entry.data) % 4)
    out.write(header)
    out.write(body)
    return offset + len(header) + len(body)
