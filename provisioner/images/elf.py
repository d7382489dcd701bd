"""The parts of ELF that are needed to read a module's own information and a program's libraries, and to pack
a kernel for loading."""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass, replace

from provisioner.language import msg

_DT_NEEDED = 1
_SHT_NOBITS = 8
_PT_LOAD, _PT_NOTE = 1, 4
_PAGE = 4096
# ident, type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum, shentsize, shnum,
# shstrndx, each with e_ before it
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION_COUNT = slice(0x3C, 0x3E)
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")


class NotElf(ValueError):
    """The bytes are no 64-bit little-endian ELF file with sections."""


def is_elf(data: bytes) -> bool:
    """Whether the bytes start like a 64-bit little-endian ELF file."""
    return data[:6] == b"\x7fELF\x02\x01"


def modinfo(data: bytes) -> dict[str, list[str]]:
    """A kernel module's information about itself (``depends``, ``alias``, ``softdep``, ...), in order.

    Raises NotElf.
    """
    info: dict[str, list[str]] = {}
    for kind, section in _sections(data):
        if kind == ".modinfo":
            for line in section.split(b"\0"):
                key, equals, value = line.decode("utf-8", "replace").partition("=")
                if equals:
                    info.setdefault(key, []).append(value)
    return info


def needed(data: bytes) -> list[str]:
    """The names of the shared libraries that a program or library asks for; [] for a static one, and for
    what is packed by ``loadable``.

    Raises NotElf.
    """
    if is_elf(data) and not any(data[_SECTION_COUNT]):
        return []
    sections = dict(_sections(data))
    dynamic, names = sections.get(".dynamic"), sections.get(".dynstr")
    if dynamic is None or names is None:
        return []
    return [
        names[value : names.index(b"\0", value)].decode()
        for tag, value in struct.iter_unpack("<QQ", dynamic)
        if tag == _DT_NEEDED
    ]


def loadable(data: bytes) -> bytes:
    """The executable with only the parts that are loaded: no sections, no padding, no zeros at a segment's
    end.

    Loading it gives the same memory, because bytes that a segment lacks in the file are zero there. One that
    has segments of an unknown kind is returned unchanged. Raises NotElf.
    """
    segments = _segments(data)
    if any(segment.offset + segment.size > len(data) for segment in segments):
        raise NotElf(msg("this ELF file is damaged: it ends within a segment"))
    loads = [segment for segment in segments if segment.kind == _PT_LOAD]
    notes = [segment for segment in segments if segment.kind == _PT_NOTE]
    if not loads or len(loads) + len(notes) != len(segments):
        return data

    content = bytearray(_HEADER.size + _PROGRAM_HEADER.size * len(segments))
    moved: list[_Segment] = []
    for segment in loads:
        kept = data[segment.offset : segment.offset + segment.size].rstrip(b"\0")
        content += bytes((segment.virtual - len(content)) % _PAGE)
        moved.append(replace(segment, offset=len(content), size=len(kept)))
        content += kept
    for note in notes:
        at = len(content)
        content += data[note.offset : note.offset + note.size]
        moved.append(replace(note, offset=at))
    fields = list(_HEADER.unpack_from(data))
    fields[5:7] = _HEADER.size, 0  # where the program headers are, and no section headers
    fields[9:] = _PROGRAM_HEADER.size, len(moved), 0, 0, 0
    _HEADER.pack_into(content, 0, *fields)
    for n, segment in enumerate(moved):
        _PROGRAM_HEADER.pack_into(content, _HEADER.size + n * _PROGRAM_HEADER.size, *astuple(segment))
    return bytes(content)


def memory(data: bytes) -> int:
    """How many bytes of memory an executable takes once it is loaded. Raises NotElf."""
    return sum(segment.memory for segment in _segments(data) if segment.kind == _PT_LOAD)


def _segments(data: bytes) -> list[_Segment]:
    if not is_elf(data):
        raise NotElf(msg("this is no 64-bit ELF file"))
    try:
        fields = _HEADER.unpack_from(data)
        table, size, count = fields[5], fields[9], fields[10]
        return [_Segment(*_PROGRAM_HEADER.unpack_from(data, table + n * size)) for n in range(count)]
    except struct.error as error:
        raise NotElf(msg("this ELF file is damaged: {error}", error=error)) from error


@dataclass(frozen=True, slots=True)
class _Segment:
    """A program header, its fields in their order."""

    kind: int
    flags: int
    offset: int
    virtual: int
    physical: int
    size: int  # in the file
    memory: int
    alignment: int


def _sections(data: bytes) -> list[tuple[str, bytes]]:
    if not is_elf(data):
        raise NotElf(msg("this is no 64-bit ELF file"))
    try:
        (table,) = struct.unpack_from("<Q", data, 0x28)
        size, count, names_index = struct.unpack_from("<HHH", data, 0x3A)
        headers = [struct.unpack_from("<IIQQQQ", data, table + n * size) for n in range(count)]
        if not headers:
            raise NotElf(msg("this ELF file has no sections"))
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
        raise NotElf(msg("this ELF file is damaged: {error}", error=error)) from error
