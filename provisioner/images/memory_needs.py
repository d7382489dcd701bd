"""How much memory a system needs to come up, from what was packed for it."""

from __future__ import annotations

from provisioner.images import elf
from provisioner.units import MIB

_HYPERVISOR = 20 * MIB  # what Xen keeps for itself and for the first system's page tables, at most
_ROOM = MIB  # for what init writes on the root before anything else
_PAGE_RECORD = 64  # of each page of memory the kernel keeps a record of 4096 / 64 bytes


def behind_hypervisor(given: int, files: int) -> int:
    """The least bytes of memory of a machine that boots a hypervisor, which gives its first system ``given``.

    ``files``: bytes of what the boot loader loads, all of which is still there when that system is made.
    Tried with Xen 4.17 and Linux 6.1: 320 MiB are too little and 336 enough; with 4.20 and 7.2: 336 and 352.
    """
    return given + files + _HYPERVISOR


def needed(kernel: bytes, initramfs: int) -> int:
    """The least bytes of memory in which this kernel starts with an initramfs of so many bytes, not packed.

    While the kernel unpacks it, the archive is there twice: as it came, and as files on the root. The
    root is a tmpfs, which takes at most half of what is free when it is mounted (Linux, shmem_fill_super).
    So there must be room for the kernel and three times the archive. Tried with Linux 6.1, 6.12 and 7.2:
    4 MiB less, and the root ends in the middle of the archive. Raises elf.NotElf.
    """
    unpacked = 3 * initramfs
    return elf.memory(kernel) + unpacked + unpacked // _PAGE_RECORD + _ROOM
