"""What a guest's own words say about why it does not come up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.language import msg

# Linux's words for the end of its kernel (kernel/panic.c). After them nothing comes any more.
END = b"Kernel panic - not syncing"
# Words of Linux (init/initramfs.c, mm/oom_kill.c), of programs that find the root file system full, which is
# in memory, of GRUB and of QEMU.
_LACKS_MEMORY = re.compile(
    r"No space left on device|Initramfs unpacking failed|deadlocked on memory|out of memory|"
    r"cannot allocate memory|not enough memory",
    re.IGNORECASE,
)
_END = re.compile(END.decode())


@dataclass(frozen=True, slots=True)
class Cause:
    """A line of the guest's that says why it does not come up."""

    line: str
    lacks_memory: bool


def of(lines: Sequence[str]) -> Cause | None:
    """The first line that speaks of too little memory, else the first that says that the kernel ended."""
    for pattern in (_LACKS_MEMORY, _END):
        for line in lines:
            if pattern.search(line):
                return Cause(line.strip(), pattern is _LACKS_MEMORY)
    return None


def more_memory(guest: str) -> str:
    """The hint for a guest of that name that lacks memory."""
    return msg("give it more memory: memory: in its lab file, or --set {guest}.memory=...", guest=guest)
