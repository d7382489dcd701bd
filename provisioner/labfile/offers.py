"""Whether the hypervisor offers what a lab asks for, and where the lab file asks for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from provisioner.errors import LabFileError
from provisioner.labfile.problems import alternatives
from provisioner.model.hardware.disk_buses import DISK_BUSES
from provisioner.model.hardware.machine_types import board
from provisioner.model.lab import Guest, Lab, Processor


@dataclass(frozen=True, slots=True)
class OfMachine:
    """What a machine type can have, by libvirt's names."""

    disk_buses: Collection[str]
    processors: Collection[str]  # the models
    firmwares: Collection[str]  # bios, efi


@dataclass(frozen=True, slots=True)
class Offers:
    """What a hypervisor has, of all that a lab asks for."""

    hypervisor: str  # its name and version, for people
    machines: Mapping[str, OfMachine]  # by machine type; those that are missing are not known
    unknown_features: Collection[str]  # of the processor features that the lab names


def check(lab: Lab, offers: Offers) -> None:
    """Raises LabFileError with a line for each thing that top-level guests can't have, and its place in the
    file."""
    problems: dict[str, None] = {}  # one place, such as in the defaults, may be several guests'
    remedies: dict[str, None] = {}
    for guest in lab.top_level:
        for path, message, remedy in _wrong(guest, offers):
            said = lab.place(guest.name, path)
            problems[f"{said.place}: {said.path}: {message}"] = None
            remedies[remedy] = None
    if problems:
        raise LabFileError(list(problems), hint=f"{'; '.join(remedies)}; or take a newer libvirt and QEMU")


def _wrong(guest: Guest, offers: Offers) -> list[tuple[str, str, str]]:
    """Of all that the guest can't have: the path, what is wrong, and what to write instead."""
    here = offers.hypervisor
    machine = offers.machines.get(guest.machine)
    if machine is None:
        kind = board(guest.machine)
        remedy = f"use machine {kind}, which is the newest version here"
        return [("machine", f"{here} has no machine {guest.machine}", remedy)]
    wrong = []
    for number, disk in enumerate(guest.disks):
        if disk.bus not in machine.disk_buses:
            buses = ", ".join(bus for bus in DISK_BUSES if bus in machine.disk_buses)
            message = f"{here} offers no disks on {disk.bus} to machine {guest.machine}"
            wrong.append((f"disks.{number}.bus", message, f"use bus {buses}"))
    if guest.firmware == "uefi" and "efi" not in machine.firmwares:
        message = f"{here} finds no UEFI firmware for machine {guest.machine}"
        wrong.append(("firmware", message, "install UEFI firmware for QEMU (Debian's package ovmf)"))
    processor = guest.processor
    if processor.is_named and processor.model not in machine.processors:
        near = alternatives(processor.model, sorted(machine.processors))
        message = f"{here} has no processor {processor.model} ({near})"
        wrong.append(("processor.model", message, f"use model {', '.join(Processor.WORDS)}"))
    for name in processor.features:
        if name in offers.unknown_features:
            message = f"{here} knows no processor feature {name}"
            wrong.append((f"processor.features.{name}", message, "leave the feature out"))
    return wrong
