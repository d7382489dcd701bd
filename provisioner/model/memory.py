"""Whether each guest has the memory that its system needs to come up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from provisioner.errors import LabFileError
from provisioner.language import msg
from provisioner.model import kinds
from provisioner.model.lab import FilePlace, Guest, Lab
from provisioner.units import MIB, format_size, rough_size

_STEP = 32 * MIB


def fitting(lab: Lab, least: Mapping[str, int]) -> Lab:
    """The lab, with enough memory for each guest whose lab file leaves its memory to the profile.

    ``least``: for each guest, the least bytes in which its system comes up, where that is known. Raises
    LabFileError with a line, and the place in the file, for each guest to which the file gives less.
    """
    short = [guest for guest in lab.guests if guest.memory < least.get(guest.name, 0)]
    if said := [guest for guest in short if "memory" in lab.places.get(guest.name, {})]:
        enough = max(_enough(least[guest.name]) for guest in said)
        raise LabFileError(
            [_problem(lab.place(guest.name, "memory"), guest, least[guest.name]) for guest in said],
            hint=msg(
                "give the guest more, in the file or with --set {path}={enough}MiB",
                path=lab.place(said[0].name, "memory").path,
                enough=enough // MIB,
            ),
        )
    guests = (replace(g, memory=_enough(least[g.name])) if g in short else g for g in lab.guests)
    return replace(lab, guests=tuple(guests))


def _problem(place: FilePlace, guest: Guest, least: int) -> str:
    needed = rough_size(least + MIB - 1)
    boots = msg("what image {image} has here, its kernel and initramfs,", image=guest.image)
    if guest.firmware == "uefi" and guest.is_top_level:
        boots = msg(
            "what image {image} has here, its kernel and initramfs, started by UEFI,", image=guest.image
        )
    if not kinds.of(guest.kind).boots_its_image:
        boots = msg("what {parent} starts in it, its own kernel and a small initramfs,", parent=guest.parent)
    return msg(
        "{place}: {path}: {memory} is too little for {name}: {boots} needs {needed} to come up",
        place=place.place,
        path=place.path,
        memory=format_size(guest.memory),
        name=guest.name,
        boots=boots,
        needed=needed,
    )


def _enough(least: int) -> int:
    """The bytes to give to a system that needs at least so many to come up: a tenth more, rounded up."""
    return -(-least * 11 // (10 * _STEP)) * _STEP
