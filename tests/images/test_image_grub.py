"""GRUB out of its packages: as a kernel, and on a disk that a BIOS boots."""

from __future__ import annotations

import select
import struct
import subprocess
import time
from pathlib import Path

import pytest

from provisioner.errors import ImageError
from provisioner.images import grub, registry
from provisioner.images.managers import provider
from provisioner.images.packages import this_system
from provisioner.images.recipe import GrubSpec

TEMPLATES = Path(__file__).parents[2] / "templates"


def spec() -> GrubSpec:
    found = registry.get("grub", TEMPLATES).spec
    assert isinstance(found, GrubSpec)
    return found


SERIAL = "serial --unit=0 --speed=115200\nterminal_output serial\n"


def test_a_boot_sector_has_grubs_code_and_one_active_partition() -> None:
    code = bytes(range(256)) + bytes(254) + b"\x55\xaa"
    sector = grub.boot_sector(code, 2048, 4096)
    assert len(sector) == 512
    assert sector[:446] == code[:446]
    assert sector[446] == 0x80
    assert sector[450] == 0x83
    assert struct.unpack("<II", sector[454:462]) == (2048, 4096)
    assert sector[462:510] == bytes(48)
    assert sector[510:] == b"\x55\xaa"


@pytest.mark.parametrize("code", [b"", bytes(512), b"\x55\xaa"])
def test_what_is_no_boot_sector_is_refused(code: bytes) -> None:
    with pytest.raises(ImageError, match=r"boot\.img"):
        grub.boot_sector(code, 2048, 4096)


def test_without_its_packages(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"grub-mkimage \(/usr/bin/grub-mkimage\), grub-pc"):
        grub.find(tmp_path, spec().needed)


@pytest.mark.parametrize("name", ["grub", "grub-bios"])
def test_the_recipes(name: str) -> None:
    spec = registry.get(name, TEMPLATES).spec
    assert isinstance(spec, GrubSpec)
    assert all(isinstance(module, str) for module in spec.modules)  # YAML takes true for no text
    assert ("biosdisk" in spec.modules) == (name == "grub-bios")
    assert not any("virtio" in module for module in spec.modules)
    assert spec.prompt == "grub> "


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> grub.Grub:
    """GRUB of the host's own packages, unpacked with the libraries that it needs."""
    folder = tmp_path_factory.mktemp("grub")
    manager = provider(this_system(), folder / "cache")
    downloads, target = folder / "downloads", folder / "unpacked"
    downloads.mkdir()
    for archive in manager.fetch(manager.resolve(spec().needed, this_system()), downloads, lambda done: None):
        manager.unpack(archive, target)
    return grub.find(target, spec().needed)


def printed(words: str, *arguments: str) -> str:
    """What a machine prints on its serial line until the words come; at most 60 seconds of it."""
    machine = ["qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-nodefaults", "-display", "none"]
    process = subprocess.Popen(
        [*machine, "-net", "none", "-serial", "stdio", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    told, deadline = b"", time.monotonic() + 60
    try:
        while words.encode() not in told and time.monotonic() < deadline:
            ready, _, _ = select.select([process.stdout], [], [], 1)
            data = process.stdout.read1(4096) if ready else b""
            told += data
            if ready and not data:
                break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return told.decode(errors="replace")


@pytest.mark.real
def test_as_a_kernel_it_does_what_its_configuration_says(found: grub.Grub, tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    workspace = tmp_path / "work"
    workspace.mkdir()
    config = f"{SERIAL}echo it stands alone\n"
    kernel.write_bytes(grub.core_image(found, ["serial", "terminal", "echo"], config, workspace))
    assert "it stands alone" in printed("it stands alone", "-kernel", str(kernel))


@pytest.mark.real
def test_a_disk_boots_and_is_the_same_each_time(found: grub.Grub, tmp_path: Path) -> None:
    disks = []
    for number in (1, 2):
        workspace = tmp_path / f"work{number}"
        workspace.mkdir()
        (workspace / "a-file").write_text("from a file of the host\n")
        disk = tmp_path / f"disk{number}"
        files = {"/boot/note": b"from bytes\n", "/deep/er/file": workspace / "a-file"}
        config = f"{SERIAL}cat /boot/note\ncat /deep/er/file\necho whole\n"
        grub.boot_disk(disk, found, files, config, 64 * 1024**2, workspace, modules=["cat"])
        disks.append(disk)
    assert disks[0].stat().st_size == 64 * 1024**2
    assert disks[0].read_bytes() == disks[1].read_bytes()
    told = printed("whole", "-drive", f"file={disks[0]},format=raw,if=virtio,snapshot=on")
    assert "from bytes" in told
    assert "from a file of the host" in told


@pytest.mark.real
def test_an_unknown_module_is_named(found: grub.Grub, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no module virtio_blk"):
        grub.core_image(found, ["serial", "virtio_blk"], "", tmp_path)
