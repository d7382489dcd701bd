"""Whether the hypervisor offers what a lab asks for, and where the lab file asks for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from provisioner.errors import LabFileError
from provisioner.labfile.problems import alternatives
from provisioner.language import joined, msg
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
            line = msg("{place}: {path}: {message}", place=said.place, path=said.path, message=message)
            problems[line] = None
            remedies[remedy] = None
    if problems:
        raise LabFileError(
            list(problems),
            hint=msg("{remedies}; or take a newer libvirt and QEMU", remedies=joined("; ", remedies)),
        )


def _wrong(guest: Guest, offers: Offers) -> list[tuple[str, str, str]]:
    """Of all that the guest can't have: the path, what is wrong, and what to write instead."""
    here = offers.hypervisor
    machine = offers.machines.get(guest.machine)
    if machine is None:
        kind = board(guest.machine)
        remedy = msg("use machine {kind}, which is the newest version here", kind=kind)
        return [("machine", msg("{here} has no machine {machine}", here=here, machine=guest.machine), remedy)]
    wrong: list[tuple[str, str, str]] = []
    for number, disk in enumerate(guest.disks):
        if disk.bus not in machine.disk_buses:
            buses = ", ".join(bus for bus in DISK_BUSES if bus in machine.disk_buses)
            message = msg(
                "{here} offers no disks on {bus} to machine {machine}",
                here=here,
                bus=disk.bus,
                machine=guest.machine,
            )
            wrong.append((f"disks.{number}.bus", message, msg("use bus {buses}", buses=buses)))
    if guest.firmware == "uefi" and "efi" not in machine.firmwares:
        message = msg("{here} finds no UEFI firmware for machine {machine}", here=here, machine=guest.machine)
        wrong.append(("firmware", message, msg("install UEFI firmware for QEMU (Debian's package ovmf)")))
    processor = guest.processor
    if processor.is_named and processor.model not in machine.processors:
        near = alternatives(processor.model, sorted(machine.processors))
        message = msg("{here} has no processor {model} ({near})", here=here, model=processor.model, near=near)
        wrong.append(("processor.model", message, msg("use model {words}", words=", ".join(Processor.WORDS))))
    for name in processor.features:
        if name in offers.unknown_features:
            message = msg("{here} knows no processor feature {name}", here=here, name=name)
            wrong.append((f"processor.features.{name}", message, msg("leave the feature out")))
    return wrong
