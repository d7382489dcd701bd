"""Reads QEMU's trace of register accesses: which device was accessed, and how often.

A line of it: ``18026@1795469300.119396:memory_region_ops_read cpu 0 mr 0x55a8 addr 0x3fa value 0xc4
size 1 name 'serial'``. QEMU 11.1 begins it with a date, ``2026-12-01T02:27:11.766785Z ``, as it does
with its other messages. What a guest writes to its console goes through a register, too. So the marks that it
writes there before and after its work stand in the trace itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.language import msg

EVENTS = ("memory_region_ops_read", "memory_region_ops_write")
_CLOCK = rb"\d\d:\d\d:\d\d\.\d+Z "
_LINE = re.compile(
    rb"(?:\d+@\d+\.\d+:|\d{4}-\d\d-\d\dT" + _CLOCK + rb")"
    rb"memory_region_ops_(read|write) cpu -?\d+ mr 0x[0-9a-f]+ addr 0x([0-9a-f]+)"
    rb" value 0x([0-9a-f]+) size \d+ name '([^']*)'"
)
# A part of such a line. In QEMU's other messages, its name follows the date.
_TRACED = re.compile(
    rb"\d+@\d+\.\d+:|memory_region_ops_| size \d+ name '|\d{4}-\d\d-\d\dT(?!" + _CLOCK + rb"qemu)"
)
_CONSOLE = 0x3F8  # the data register of the first serial port


@dataclass(frozen=True, slots=True)
class Access:
    """One access of a guest's processor to a register."""

    writes: bool
    address: int
    value: int
    region: str  # QEMU's name of the registers: "ide", "e1000-mmio", "virtio-pci-notify-virtio-blk"


def accesses(log: bytes) -> list[Access]:
    """The accesses in a piece of QEMU's log, in their order.

    Raises ValueError where a line of the trace is damaged, because others may be lost then.
    """
    accesses = []
    for line in log.split(b"\n"):
        match = _LINE.fullmatch(line.rstrip(b"\r"))
        if match is not None:
            kind, address, value, region = match.groups()
            accesses.append(
                Access(kind == b"write", int(address, 16), int(value, 16), region.decode("ascii", "replace"))
            )
        elif _TRACED.search(line):
            raise ValueError(msg("a line of the trace is damaged"))
    return accesses


def between(trace: Sequence[Access], begin: bytes, end: bytes) -> list[Access]:
    """The accesses between the marks ``begin`` and ``end`` on the console.

    Raises ValueError where a byte of a mark is not in the trace, because lines were lost then.
    """
    sent = [(index, access.value & 0xFF) for index, access in enumerate(trace) if _is_console(access)]
    text = bytes(value for _, value in sent)
    first = text.find(begin)
    last = text.find(end, first + len(begin))
    if first < 0 or last < 0:
        raise ValueError(msg("the mark of the work's begin or end is not in the trace"))
    return list(trace[sent[first + len(begin) - 1][0] + 1 : sent[last][0]])


def _is_console(access: Access) -> bool:
    return access.writes and access.region == "serial" and access.address == _CONSOLE


def by_region(trace: Sequence[Access]) -> dict[str, int]:
    """How many accesses to each region, the most first."""
    return dict(Counter(access.region for access in trace).most_common())


def of_device(counts: dict[str, int], regions: re.Pattern[str]) -> dict[str, int]:
    """The counts that belong to the device."""
    return {region: count for region, count in counts.items() if regions.fullmatch(region)}
