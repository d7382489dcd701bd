"""Stacks of guests that tell their drivers, or nothing."""

from __future__ import annotations

from typing import Any

from provisioner.model.facts import Disk, Facts, Interface
from provisioner.observe import stack
from provisioner.observe.stack import HostSide, Stack

HOST = HostSide("Some Processor", "Linux 6.12.0", "7.2.22", "ext4", ("sd", "ahci"), False)
DRIVERS = {
    "full": (("sd", "ata_piix"), ("e1000",)),
    "virtio": (("virtio_blk", "virtio-pci"), ("virtio_net", "virtio-pci")),
}


def definition(name: str, bus: str = "", card: str = "", **more: Any) -> dict[str, Any]:
    """The part of a guest's stamp that the pictures are made from."""
    bus, card = bus or {"full": "ide"}.get(name, "virtio"), card or {"full": "e1000"}.get(name, "virtio")
    disk = {"bus": bus, "size": 1 << 26, "cache": "writeback", "controller": None, "image": None}
    return {
        "name": name,
        "title": {"en": f"Title of {name}", "ja": f"{name}の題"},
        "disks": [disk],
        "interfaces": [{"network": "lab", "model": card}],
        **more,
    }


def facts(disk: tuple[str, ...] | None, card: tuple[str, ...] | None, missing: tuple[str, ...] = ()) -> Facts:
    return Facts(
        kernel="6.1.0-44-amd64",
        machine="",
        firmware="bios",
        processor="",
        processors=1,
        memory=0,
        signature="",
        features=0,
        detected="",
        entry="",
        clock="",
        clocks=(),
        devices=(),
        disks=() if disk is None else (Disk("sda", 1, disk, ""),),
        interfaces=() if card is None else (Interface("eth0", "", card, ""),),
        interrupts=(),
        modules=(),
        agent="",
        consoles=(),
        rng="",
        phases=(),
        platform=(),
        missing=missing,
    )


def told(name: str, accel: str = "tcg", host: HostSide | None = HOST) -> Stack:
    """The stack of one of the demo's guests."""
    return stack.of(definition(name), accel, facts(*DRIVERS[name]), host=host)


def both(accel: str = "tcg") -> list[Stack]:
    return [told("full", accel), told("virtio", accel)]
