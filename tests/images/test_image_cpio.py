from __future__ import annotations

import io
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from provisioner.images import cpio

ENTRIES = [
    cpio.file("etc/hello", b"hello\n", 0o640),
    cpio.symlink("bin/sh", "busybox"),
    cpio.file("bin/busybox", b"\x7fELF", 0o755),
    cpio.directory("tmp", 0o700),
]


def packed(entries: list[cpio.Entry]) -> bytes:
    out = io.BytesIO()
    cpio.write(out, entries)
    return out.getvalue()


def test_one_file_byte_for_byte() -> None:
    fields = [1, 0o100644, 0, 0, 1, 1, 3, 0, 0, 0, 0, 2, 0]
    trailer = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0]
    expected = b"070701" + "".join(f"{field:08X}" for field in fields).encode() + b"a\0" + b"abc\0"
    expected += b"070701" + "".join(f"{field:08X}" for field in trailer).encode() + b"TRAILER!!!\0" + bytes(3)
    archive = packed([cpio.file("a", b"abc")])
    assert archive.startswith(expected)
    assert len(archive) == 512
    assert not any(archive[len(expected) :])


def test_order_of_entries_does_not_matter() -> None:
    assert packed(ENTRIES) == packed(ENTRIES[::-1])


def test_folders_are_added_and_come_first() -> None:
    paths = [entry.path for entry in cpio.with_parents([cpio.file("a/b/c", b""), cpio.file("a-b", b"")])]
    assert paths == ["a", "a/b", "a/b/c", "a-b"]


def test_a_path_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        packed([cpio.file("a", b""), cpio.directory("a")])


def test_a_file_below_a_link_is_refused() -> None:
    with pytest.raises(ValueError, match="no directory"):
        packed([cpio.symlink("bin", "usr/bin"), cpio.file("bin/sh", b"")])


@pytest.mark.skipif(shutil.which("cpio") is None and shutil.which("busybox") is None, reason="no cpio here")
def test_cpio_unpacks_it(tmp_path: Path) -> None:
    program = ["cpio"] if shutil.which("cpio") else ["busybox", "cpio"]
    subprocess.run([*program, "-id"], input=packed(ENTRIES), cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "etc/hello").read_bytes() == b"hello\n"
    assert stat.S_IMODE((tmp_path / "etc/hello").stat().st_mode) == 0o640
    assert (tmp_path / "bin/sh").readlink() == Path("busybox")
    assert stat.S_IMODE((tmp_path / "tmp").stat().st_mode) == 0o700


def test_a_device_node_needs_no_root() -> None:
    archive = packed([cpio.character_device("dev/console", 5, 1)])
    at = archive.index(b"dev/console") - 110
    header = archive[at : at + 110]
    assert int(header[14:22], 16) == stat.S_IFCHR | 0o600
    assert (int(header[78:86], 16), int(header[86:94], 16)) == (5, 1)
