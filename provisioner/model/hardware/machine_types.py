"""The boards that guests can have, and libvirt's machine types for them."""

from __future__ import annotations

from enum import StrEnum


class Board(StrEnum):
    """What a machine type is a version of."""

    PC = "pc"  # i440FX and PIIX, 1996
    Q35 = "q35"  # Q35 and ICH9, 2007
    XEN = "xen"  # no board at all: a Xen domain's devices need none


PHYSICAL = frozenset({Board.PC, Board.Q35})
XENS = ("xenpv", "xenpvh")
# What a lab file may say: a board in QEMU's newest version or in a certain one, or how a Xen domain starts.
PATTERN = f"pc|q35|pc-(i440fx|q35)-[a-z0-9.-]+|{'|'.join(XENS)}"


def board(machine: str) -> Board:
    """The board of a machine type that fits ``PATTERN``."""
    if machine in XENS:
        return Board.XEN
    return Board.Q35 if machine == Board.Q35 or machine.startswith("pc-q35-") else Board.PC
