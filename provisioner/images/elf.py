"""Just enough of ELF to know what a module says of itself and which libraries a program needs."""

from __future__ import annotations

import struct

_DT_NEEDED = 1
_SHT_NOBITS = 8


class NotElf(ValueError):
    """The bytes are no 64-bit little-endian ELF file with sections."""


def is_elf(data: bytes) -> bool:
    """Whether the bytes start like a 64-bit little-endian ELF file."""
    return data[:6] == b"\x7fELF\x02\x01"


def modinfo(data: bytes) -> dict[str, list[str]]:
    """What a kernel module says of itself (``depends``, ``alias``, ``softdep``, ...), in order.

    Raises NotElf.
    """
    found: dict[str, list[str]] = {}
    for kind, section in _sections(data):
        if kind == ".modinfo":
            for line in section.split(b"\0"):
                key, equals, value = line.decode("utf-8", "replace").partition("=")
                if equals:
                    found.setdefault(key, []).append(value)
    return found


def needed(data: bytes) -> list[str]:
    """The names of the shared libraries that a program or library asks for; [] for a static one.

    Raises NotElf.
    """
    sections = dict(_sections(data))
    dynamic, names = sections.get(".dynamic"), sections.get(".dynstr")
    if dynamic is None or names is None:
        return []
    return [
        names[value : names.index(b"\0", value)].decode()
        for tag, value in struct.iter_unpack("<QQ", dynamic)
        if tag == _DT_NEEDED
    ]


def _sections(data: bytes) -> list[tuple[str, bytes]]:
    if not is_elf(data):
        raise NotElf("this is no 64-bit ELF file")
    try:
        (table,) = struct.unpack_from("<Q", data, 0x28)
        size, count, names_index = struct.unpack_from("<HHH", data, 0x3A)
        headers = [struct.unpack_from("<IIQQQQ", data, table + n * size) for n in range(count)]
        if not headers:
            raise NotElf("this ELF file has no sections")
        _, _, _, _, names_at, names_size = headers[names_index]
        names = data[names_at : names_at + names_size]
        return [
            (
                names[name : names.index(b"\0", name)].decode(),
                b"" if kind == _SHT_NOBITS else data[at : at + length],
            )
            for name, kind, _, _, at, length in headers
        ]
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise NotElf(f"this ELF file is damaged: {error}") from error
