from __future__ import annotations

import lzma
import struct
from pathlib import Path

import pytest
from package_trees import LOAD, NOTE, TLS, boot_image, executable, object_file

from provisioner.errors import ImageError
from provisioner.images import elf, kernel
from provisioner.images.modules import ModuleTree


def add(folder: Path, path: str, data: bytes) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release = tmp_path / "6.1.0-test"
    add(release, "kernel/a/card.ko", object_file(depends="bus-lib,helper"))
    add(release, "kernel/b/bus-lib.ko.xz", lzma.compress(object_file(depends="helper")))
    add(release, "kernel/c/helper.ko", object_file(depends=""))
    add(release, "kernel/d/fs.ko", object_file(depends="", softdep="pre: crc other post: late"))
    add(release, "kernel/d/crc.ko", object_file(depends=""))
    add(release, "kernel/d/late.ko", object_file(depends=""))
    add(release, "modules.builtin", b"kernel/x/af_packet.ko\n")
    return release


def test_dependencies_come_first_and_unpacked(folder: Path) -> None:
    chosen = ModuleTree(folder).closure(["card"])
    assert [module.name for module in chosen] == ["helper", "bus_lib", "card"]
    assert chosen[1].path == "kernel/b/bus-lib.ko"
    assert elf.is_elf(chosen[1].data)


def test_what_a_module_wants_before_itself_comes_along(folder: Path) -> None:
    assert [module.name for module in ModuleTree(folder).closure(["fs"])] == ["crc", "fs"]


def test_built_in_and_optional_names(folder: Path) -> None:
    assert ModuleTree(folder).closure(["af-packet"], optional=["nothing-like-it"]) == []


def test_all_missing_modules_are_named(folder: Path) -> None:
    with pytest.raises(ImageError, match="no module one, two"):
        ModuleTree(folder).closure(["two", "card", "one"])


def test_damaged_module(folder: Path) -> None:
    add(folder, "kernel/c/helper.ko", object_file(depends="")[:100])
    with pytest.raises(ImageError, match=r"helper\.ko can't be read"):
        ModuleTree(folder).closure(["card"])


@pytest.mark.parametrize("damage", [b"", b"\x7fELF\x02\x01" + b"\xff" * 80, b"#!/bin/sh\n" * 20])
def test_what_is_no_elf_file_is_said_to_be_none(damage: bytes) -> None:
    with pytest.raises(elf.NotElf):
        elf.modinfo(damage)


def loaded(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """What a loader puts where: kind, virtual and physical address, content."""
    (table,) = struct.unpack_from("<Q", data, 0x20)
    size, count = struct.unpack_from("<HH", data, 0x36)
    found = []
    for n in range(count):
        kind, _, at, virtual, physical, length, memory, _ = struct.unpack_from(
            "<IIQQQQQQ", data, table + n * size
        )
        found.append((kind, virtual, physical, data[at : at + length].ljust(memory, b"\0")))
    return found


def test_kernel_inside_a_boot_image() -> None:
    vmlinux = executable((LOAD, 0x1000000, b"code", 4))
    size = struct.pack("<I", len(vmlinux))
    found = kernel.extract_vmlinux(boot_image(lzma.compress(vmlinux) + size))
    assert loaded(found) == [(LOAD, 0x1000000, 0x1001000, b"code")]


def test_a_kernel_is_packed_for_loading_and_loads_the_same() -> None:
    before = executable(
        (LOAD, 0x1000000, b"code" * 3000 + bytes(9000), 21000),
        (LOAD, 0x3042010, b"data" + bytes(100_000), 200_000),
        (LOAD, 0x5000000, bytes(5000), 5000),
        (NOTE, 0x1000100, b"note", 4),
    )
    after = elf.loadable(before)
    assert loaded(after) == loaded(before)
    assert len(after) < 21_000 < len(before)
    assert after[:32] == before[:32]
    assert elf.loadable(after) == after
    places = [struct.unpack_from("<QQ", after, 64 + n * 56 + 8) for n in range(3)]
    assert all((at - address) % 4096 == 0 for at, address in places), "it can be mapped by pages"
    assert elf.needed(after) == [], "it can be taken along as a program"
    with pytest.raises(elf.NotElf):
        elf.modinfo(after)


def test_an_executable_of_another_make_stays_as_it_is() -> None:
    for data in (executable((TLS, 0x1000, b"x", 1), (LOAD, 0x1000, b"y", 1)), object_file(depends="")):
        assert elf.loadable(data) == data
    whole = executable((LOAD, 0x1000, b"code" * 5000, 20000))
    for damage in (b"\x7fELF", whole[:100], whole[:0x200100]):
        with pytest.raises(elf.NotElf):
            elf.loadable(damage)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (b"MZ", "no x86 boot image"),
        (boot_image(lzma.compress(b"text") + bytes(4)), "packed in a way"),
        (boot_image(lzma.compress(executable((LOAD, 0, b"x", 1))[:100]) + bytes(4)), "can't be read"),
        (boot_image(lzma.compress(b"text")[:20] + b"\xff" * 40), "damaged|packed in a way"),
    ],
)
def test_bad_boot_images(image: bytes, complaint: str) -> None:
    with pytest.raises(ImageError, match=complaint):
        kernel.extract_vmlinux(image)
