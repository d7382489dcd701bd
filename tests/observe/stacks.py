"""Stacks of guests that tell their drivers, or nothing."""

from __future__ import annotations

from provisioner.language import Text
from provisioner.model.facts import Disk, Facts
from provisioner.model.facts import Interface as SeenInterface
from provisioner.model.lab import Guest, Interface
from provisioner.observe import stack
from provisioner.observe.stack import HostSide, Stack
from tests.unit.worlds import disk, guest

HOST = HostSide("Some Processor", "Linux 6.12.0", "7.2.22", "ext4", ("sd", "ahci"), False)
DRIVERS = {
    "full": (("sd", "ata_piix"), ("e1000",)),
    "virtio": (("virtio_blk", "virtio-pci"), ("virtio_net", "virtio-pci")),
}


def sample(name: str, bus: str = "", card: str = "", **more: object) -> Guest:
    """A guest with the devices of that one of demo-paravirt, but for the changes."""
    usual = ("ide", "e1000") if name == "full" else ("virtio", "virtio")
    bus, card = ("xen", "xen") if more.get("kind") == "xen" else (bus or usual[0], card or usual[1])
    title = Text(f"Title of {name}", f"{name}の題")
    devices = {"disks": (disk(bus=bus),), "interfaces": (Interface("lab", card),)}
    return guest(name, **{"title": title, **devices, **more})


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
        interfaces=() if card is None else (SeenInterface("eth0", "", card, ""),),
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
    return stack.of(sample(name), accel, facts(*DRIVERS[name]), host=host)


def both(accel: str = "tcg") -> list[Stack]:
    return [told("full", accel), told("virtio", accel)]
