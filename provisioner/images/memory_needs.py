"""How much memory a system needs to come up, worked out from its kernel and its initramfs."""

from __future__ import annotations

from provisioner.images import elf
from provisioner.units import MIB

_HYPERVISOR = 20 * MIB  # what Xen keeps for itself and for the first system's page tables, at most
# In an image's manifest beside the names of recipes: the system that its machines inside start.
MACHINE_INSIDE = "machine-inside"
_UEFI = 34 * MIB  # what OVMF, its drivers and its own copy of the kernel take until Linux frees them
_BESIDE_BUSYBOX = MIB  # modules, scripts and links of a machine inside; 0.7 MiB with Linux 6.1
_BESIDE_FILES = 8 * MIB  # what a small system's kernel and programs need when its few files are unpacked
_ROOM = MIB  # for the files that init writes first of all
_PAGE_RECORD = 64  # of each page of memory the kernel keeps a record of 4096 / 64 bytes


def behind_hypervisor(given: int, files: int) -> int:
    """The least bytes of memory of a machine that boots a hypervisor, which gives its first system ``given``.

    ``files``: the bytes that the boot loader loads. All of them are still in memory when the first system is
    made. Tried: with Xen 4.17 and Linux 6.1, 320 MiB are too little and 336 are enough; with Xen 4.20 and
    Linux 7.2, 336 MiB are too little and 352 are enough.
    """
    return given + files + _HYPERVISOR


def needed(kernel: bytes, initramfs: int) -> int:
    """The least bytes of memory in which this kernel starts with an uncompressed initramfs of so many bytes.

    While the kernel unpacks the archive, its content is in memory twice: as the archive, and as files on the
    root file system. That is a tmpfs, which takes at most half of the memory that is free when it is mounted
    (Linux, shmem_fill_super). So there must be room for the kernel and three times the archive. Tried with
    Linux 6.1, 6.12 and 7.2: with 4 MiB less, only a part of the archive is unpacked. Raises elf.NotElf.
    """
    unpacked = 3 * initramfs
    return elf.memory(kernel) + unpacked + unpacked // _PAGE_RECORD + _ROOM


def with_uefi(least: int) -> int:
    """The least bytes of memory of a machine whose system needs ``least``, and which UEFI firmware starts.

    What the firmware used is not free yet when Linux mounts the root file system. There is a copy of the
    initramfs in it, which is at most a third of ``least``. Tried with OVMF of Debian 12 and Linux 6.1: for a
    system that needs 130 MiB, 198 are too little and 200 are enough; for one that needs 371 MiB, 520 are too
    little and 600 are enough.
    """
    return least + least // 3 + _UEFI


def machine_inside(kernel: bytes, busybox: int) -> int:
    """The least bytes of memory of a machine that a guest starts with its own kernel and BusyBox.

    ``busybox``: its size in bytes. The guest packs the initramfs itself (templates/images/kvm/inner). Not
    tried to the byte: with Linux 6.1, machines with 64 and with 67 MiB did not answer; labs give 96. Raises
    elf.NotElf.
    """
    return needed(kernel, busybox + _BESIDE_BUSYBOX) + _BESIDE_FILES
