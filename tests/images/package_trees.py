"""Small made-up packages, laid out as the releases lay theirs out, and a package manager that has them."""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from provisioner.images.packages import Package, System, Tick
from provisioner.images.parts import Part

RELEASE = "9.1.0-test"
RECIPE = """\
kind: kernel
title: {en: Small, ja: 小}
description: {en: Small, ja: 小}
programs: {/usr/bin/probe: probe}
modules: {disks: [sd_mod, built-in]}
optional_modules: []
files: {/init: {text: "#!/bin/sh\\n"}}
directories: [/dev]
links: {/bin: usr/bin}
"""


def object_file(**said: str) -> bytes:
    """A 64-bit ELF file with one section, .modinfo, as a kernel module has it."""
    modinfo = b"".join(f"{key}={value}".encode() + b"\0" for key, value in said.items())
    names = b"\0.modinfo\0.shstrtab\0"
    table = 64 + len(modinfo) + len(names)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    sections = [(0, 0, 0, 0), (1, 1, 64, len(modinfo)), (10, 3, 64 + len(modinfo), len(names))]
    packed = (
        struct.pack("<IIQQQQIIQQ", n, kind, 0, 0, at, size, 0, 0, 1, 0) for n, kind, at, size in sections
    )
    return header + modinfo + names + b"".join(packed)


def boot_image(payload: bytes) -> bytes:
    """A bzImage with that payload."""
    setup = bytearray(1024)
    setup[0x1F1] = 1
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x206, 0x020F)
    struct.pack_into("<II", setup, 0x248, 32, len(payload))
    return bytes(setup) + bytes(32) + payload + b"what follows"


LOAD, NOTE, TLS = 1, 4, 7


def executable(*segments: tuple[int, int, bytes, int]) -> bytes:
    """An ELF executable with padding and sections. A segment: kind, address, content, size in memory."""
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x1000000, 64, 7, 0, 64, 56, len(segments), 64, 9, 8)
    table, content = b"", b""
    start = 0x200000
    for kind, address, data, memory in segments:
        at = start + len(content)
        table += struct.pack("<IIQQQQQQ", kind, 5, at, address, address + 0x1000, len(data), memory, 4096)
        content += data + bytes(-len(data) % 4096)
    return (header + table).ljust(start, b"\0") + content + b"what no loader reads"


def kernel(memory: int = 0x400000) -> bytes:
    """A boot image whose kernel takes so many bytes of memory."""
    vmlinux = executable((LOAD, 0x1000000, b"code", memory))
    return boot_image(lzma.compress(vmlinux) + struct.pack("<I", len(vmlinux)))


def kernel_in_one_package(base: str) -> dict[str, bytes]:
    """As in Debian 12 (``base`` is "lib") and 13 ("usr/lib")."""
    modules = f"{base}/modules/{RELEASE}"
    return {
        f"boot/vmlinuz-{RELEASE}": kernel(),
        f"{modules}/kernel/drivers/sd_mod.ko.xz": lzma.compress(object_file(depends="")),
        f"{modules}/modules.builtin": b"kernel/x/built-in.ko\n",
    }


def kernel_in_four_packages() -> dict[str, bytes]:
    """As in Debian 14: linux-binary-REL, linux-modules-REL and linux-base-REL; linux-image-REL is empty."""
    modules = f"usr/lib/modules/{RELEASE}"
    return {
        f"{modules}/vmlinuz": kernel(),
        f"{modules}/kernel/drivers/sd_mod.ko.xz": lzma.compress(object_file(depends="")),
        f"{modules}/modules.builtin": b"kernel/x/built-in.ko\n",
    }


@dataclass
class Manager:
    """A package manager with one package that holds all of ``files``."""

    files: Mapping[str, bytes]
    package: ClassVar[Package] = Package("everything", "1.0-1", "0" * 64, 1)

    def resolve(self, parts: Sequence[Part], system: System) -> list[Package]:
        return [self.package]

    def refresh(self) -> None:
        pass

    def fetch(self, packages: Iterable[Package], workspace: Path, tick: Tick) -> list[Path]:
        return [Path(f"{self.package.name}_1.deb")]

    def keep_only(self, packages: Iterable[Package]) -> None:
        pass

    def unpack(self, archive: Path, target: Path) -> None:
        for path, data in self.files.items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(data)
