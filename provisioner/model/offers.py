"""Checks whether the hypervisor offers the devices that a lab asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from provisioner.errors import LabFileError
from provisioner.model.hardware.disk_buses import DISK_BUSES
from provisioner.model.lab import Lab


def check_disks(lab: Lab, offered: Mapping[str, Collection[str]], hypervisor: str) -> None:
    """Raises LabFileError with a line, and the place in the file, for each disk that is not offered.

    ``offered``: the buses that each machine type of the lab's top-level guests can have, by libvirt's names.
    ``hypervisor``: its name and version, for people.
    """
    problems, others = [], dict[str, None]()
    for guest in lab.top_level:
        for disk, said in zip(guest.disks, lab.bus_places[guest.name], strict=True):
            if disk.bus not in offered[guest.machine]:
                message = f"{hypervisor} offers no disks on {disk.bus} to machine {guest.machine}"
                problems.append(f"{said.place}: {said.path}: {message}")
                others |= dict.fromkeys(name for name in DISK_BUSES if name in offered[guest.machine])
    if problems:
        raise LabFileError(problems, hint=f"use bus {', '.join(others)}, or a newer libvirt and QEMU")
