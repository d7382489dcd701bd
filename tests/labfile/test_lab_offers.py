"""Whether the hypervisor has what a lab asks for, and where the lab file asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import LabFileError
from provisioner.lifecycle import lab_files
from provisioner.model import offers
from provisioner.model.lab import Lab

LAB = """\
virtlab: 1
name: buses
guests:
  one:
    profile: virtio
    disks: [{}, {bus: sata}]
  two:
    profile: emulated
    machine: pc-i440fx-7.2
    disks:
      - {}
  three:
    profile: emulated
  four:
    kind: nested
    profile: virtio
    parent: one
    disks: [{bus: ide}]
"""
OFFERED = {"pc": ("virtio", "fdc"), "pc-i440fx-7.2": ("virtio", "sata")}


def lab(tmp_path: Path, text: str = LAB) -> Lab:
    file = tmp_path / "lab.yaml"
    file.write_text(text)
    return lab_files.load(file, str(file), ())


def test_what_is_offered_can_be_had(tmp_path: Path) -> None:
    everything = ("ide", "sata", "virtio")
    offers.check_disks(lab(tmp_path), dict.fromkeys(OFFERED, everything), "libvirt 9.0.0")


def test_each_disk_that_can_not_be_had_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(LabFileError) as raised:
        offers.check_disks(lab(tmp_path), OFFERED, "libvirt 9.0.0")
    file = f"{tmp_path}/lab.yaml"
    assert raised.value.problems == (
        f"{file}:6:23: guests.one.disks.1.bus: libvirt 9.0.0 offers no disks on sata to machine pc",
        f"{file}:11:9: guests.two.disks.0: libvirt 9.0.0 offers no disks on ide to machine pc-i440fx-7.2",
        f"{file}:12:3: guests.three: libvirt 9.0.0 offers no disks on ide to machine pc",
    )
    assert raised.value.hint == "use bus virtio, sata, or a newer libvirt and QEMU"
