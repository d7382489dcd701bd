"""GRUB for a PC's BIOS, put together from its unpacked packages by an ordinary user.

No package is installed: grub-mkimage runs where it was unpacked, with the libraries that were unpacked, too.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import ImageError
from provisioner.images import elf, tools
from provisioner.images.recipe import GrubParts
from provisioner.images.tree import Tree
from provisioner.language import msg

# The modules for a disk whose GRUB reads its file system through the BIOS and boots the kernel on it.
DISK_MODULES = (
    "biosdisk",
    "part_msdos",
    "ext2",
    "normal",
    "configfile",
    "serial",
    "terminal",
    "terminfo",
    "echo",
    "boot",
    "multiboot2",
)
CONFIG_PATH = "/boot/grub/grub.cfg"
_SECTOR = 512
_FIRST_SECTOR = 2048  # of the partition; GRUB's core lies in the gap before it
_TABLE, _SIGNATURE = 0x1BE, b"\x55\xaa"
_LINUX = 0x83
_NAMESPACE = uuid.UUID("5a0cf0ce-8d0b-5b52-9d0e-6a1d1c1c0f5e")
_TIME = 1_700_000_000  # every time stamp on a disk, so that the same files give the same bytes


@dataclass(frozen=True, slots=True)
class Grub:
    """GRUB's unpacked packages: the command that runs grub-mkimage, and the folder of GRUB's modules."""

    mkimage: tuple[str, ...]
    platform: Path

    def part(self, name: str) -> bytes:
        """A file of the platform's folder. Raises ImageError."""
        file = self.platform / name
        if not file.is_file():
            raise ImageError(msg("the packages hold no {name} of GRUB's", name=name))
        return file.read_bytes()


def find(unpacked: Path, parts: GrubParts) -> Grub:
    """GRUB in the folder of the unpacked packages. Raises ImageError where it is not there."""
    tree = Tree(unpacked)
    program, module = tree.all_of(parts)
    return Grub((*_runner(tree, unpacked), str(program)), module.parent)


def core_image(grub: Grub, modules: Iterable[str], config: str, workspace: Path) -> bytes:
    """GRUB as a kernel that QEMU starts with no disk and no initrd; ``config`` is run at once.

    ``workspace`` is an empty folder. Raises ImageError.
    """
    core = _core(grub, modules, config, "(memdisk)/", workspace)
    return grub.part("lnxboot.img") + core


def bare_disk(grub: Grub, modules: Iterable[str], config: str, workspace: Path) -> bytes:
    """A small raw disk with GRUB on it and no file system; ``config`` is run at once.

    ``workspace`` as for ``core_image``. Raises ImageError.
    """
    core = _core(grub, modules, config, "(memdisk)/", workspace)
    return _start(grub, core, _FIRST_SECTOR).ljust(2 * _FIRST_SECTOR * _SECTOR, b"\0")


def boot_disk(
    out: Path,
    grub: Grub,
    files: Mapping[str, bytes | Path],
    config: str,
    size: int,
    workspace: Path,
    *,
    modules: Iterable[str] = (),
) -> None:
    """Write a raw disk of ``size`` bytes from which a BIOS starts GRUB, and GRUB does what ``config`` says.

    ``files`` maps absolute paths on the disk's one ext4 partition, (hd0,msdos1), to their content, or to
    a file of the host. ``config`` becomes its grub.cfg, so it may have menu entries. ``modules`` are added to
    DISK_MODULES. The same input gives the same bytes. Raises ImageError.
    """
    wanted = [*DISK_MODULES, *modules]
    core = _core(grub, wanted, "", "(hd0,msdos1)/boot/grub", workspace)
    content = workspace / "content"
    for path, data in {**files, CONFIG_PATH: config.encode()}.items():
        place = content / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        whole = data if isinstance(data, bytes) else data.read_bytes()
        place.write_bytes(whole)
        place.chmod(0o755 if elf.is_elf(whole) else 0o644)
    sectors = size // _SECTOR - _FIRST_SECTOR
    if sectors < _FIRST_SECTOR:
        raise ImageError(msg("{size} bytes are too few for a disk that boots", size=size))
    with out.open("wb") as disk:
        disk.write(_start(grub, core, sectors))
        disk.truncate(size)
    _make_filesystem(out, content, sectors)


def boot_sector(boot_img: bytes, first: int, sectors: int) -> bytes:
    """GRUB's boot.img as a disk's first sector, with one active partition; its core follows at sector 1.

    Raises ImageError where it is no boot.img.
    """
    if len(boot_img) != _SECTOR or boot_img[-2:] != _SIGNATURE:
        raise ImageError(msg("GRUB's boot.img is no boot sector"))
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", _LINUX, b"\xfe\xff\xff", first, sectors)
    return boot_img[:_TABLE] + entry + bytes(48) + _SIGNATURE


def _start(grub: Grub, core: bytes, sectors: int) -> bytes:
    """The beginning of a disk, up to its one partition of so many sectors."""
    if len(core) > (_FIRST_SECTOR - 1) * _SECTOR:
        raise ImageError(
            msg("GRUB with these modules has {count} bytes, too many for the gap of a disk", count=len(core))
        )
    return boot_sector(grub.part("boot.img"), _FIRST_SECTOR, sectors) + core


def _make_filesystem(disk: Path, content: Path, sectors: int) -> None:
    """Make an ext4 file system in the disk's partition. Everything on it belongs to root."""
    names = sorted(str(place.relative_to(content)) for place in content.rglob("*"))
    digest = uuid.uuid5(_NAMESPACE, "\0".join(names) + str(sectors))
    offset = _FIRST_SECTOR * _SECTOR
    times = {"E2FSPROGS_FAKE_TIME": str(_TIME), "SOURCE_DATE_EPOCH": str(_TIME)}
    extended = f"offset={offset},root_owner=0:0,hash_seed={digest},lazy_itable_init=0,lazy_journal_init=0"
    tools.run(
        [
            "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-O", "^has_journal,^metadata_csum_seed",
            "-m", "0", "-U", str(digest), "-E", extended, "-d", str(content),
            str(disk), f"{sectors * _SECTOR // 1024}k",
        ],
        environment=times,
    )  # fmt: skip
    fields = {"uid": "0", "gid": "0", "atime": f"@{_TIME}", "ctime": f"@{_TIME}", "mtime": f"@{_TIME}"}
    orders = [f'sif "/{name}" {field} {value}\n' for name in names for field, value in fields.items()]
    tools.run(
        ["debugfs", "-w", "-f", "-", f"{disk}?offset={offset}"],
        stdin="".join(orders).encode(),
        environment=times,
    )


def _core(grub: Grub, modules: Iterable[str], config: str, prefix: str, workspace: Path) -> bytes:
    """GRUB's core: its kernel with modules, a configuration if any, and the folder where it finds more."""
    known = {path.stem for path in grub.platform.glob("*.mod")}
    wanted = list(dict.fromkeys(modules))
    if unknown := [name for name in wanted if name not in known]:
        raise ImageError(msg("GRUB has no module {unknown}", unknown=", ".join(unknown)))
    made, early = workspace / "core.img", workspace / "early.cfg"
    early.write_text(config)
    arguments = ["-d", str(grub.platform), "-O", "i386-pc", "-p", prefix, "-o", str(made)]
    if config:
        arguments += ["-c", str(early)]
    tools.run([*grub.mkimage, *arguments, *wanted])
    return made.read_bytes()


def _runner(tree: Tree, unpacked: Path) -> list[str]:
    """The words before a program of the packages: their own loader and libraries, where they have them."""
    loader = tree.find(["lib64/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2"])
    if loader is None:
        return []
    folders = [f"{unpacked}/{base}/x86_64-linux-gnu" for base in ("usr/lib", "lib")]
    return [str(loader), "--library-path", ":".join(folders)]
