"""How much memory a system needs to come up, from what was packed for it."""

from __future__ import annotations

from provisioner.images import elf
from provisioner.units import MIB

_ROOM = MIB  # for what init writes on the root before anything else
_PAGE_RECORD = 64  # of each page of memory the kernel keeps a record of 4096 / 64 bytes


def needed(kernel: bytes, initramfs: int) -> int:
    """The least bytes of memory in which this kernel starts with an initramfs of so many bytes, not packed.

    While the kernel unpacks it, the archive is there twice: as it came, and as files on the root. The
    root is a tmpfs, which takes at most half of what is free when it is mounted (Linux, shmem_fill_super).
    So there must be room for the kernel and three times the archive. Tried with Linux 6.1, 6.12 and 7.2:
    4 MiB less, and the root ends in the middle of the archive. Raises elf.NotElf.
    """
    unpacked = 3 * initramfs
    return elf.memory(kernel) + unpacked + unpacked // _PAGE_RECORD + _ROOM
