"""Whether the hypervisor has what a lab asks for, and where the lab file asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import LabFileError
from provisioner.labfile import offers
from provisioner.labfile.offers import OfMachine
from provisioner.lifecycle import lab_files
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


def of(*buses: str, processors: tuple[str, ...] = ("EPYC", "qemu64"), efi: bool = True) -> OfMachine:
    return OfMachine(buses, processors, ("bios", "efi") if efi else ("bios",))


def offered(machines: dict[str, OfMachine], unknown: tuple[str, ...] = ()) -> offers.Offers:
    return offers.Offers("libvirt 9.0.0", machines, unknown)


def lab(tmp_path: Path, text: str = LAB) -> Lab:
    file = tmp_path / "lab.yaml"
    file.write_text(text)
    return lab_files.load(file, str(file), ())


def test_what_is_offered_can_be_had(tmp_path: Path) -> None:
    everything = of("ide", "sata", "virtio")
    offers.check(lab(tmp_path), offered({"pc": everything, "pc-i440fx-7.2": everything}))


def test_each_disk_that_can_not_be_had_is_said_with_its_place(tmp_path: Path) -> None:
    machines = {"pc": of("virtio", "fdc"), "pc-i440fx-7.2": of("virtio", "sata")}
    with pytest.raises(LabFileError) as raised:
        offers.check(lab(tmp_path), offered(machines))
    file = f"{tmp_path}/lab.yaml"
    assert raised.value.problems == (
        f"{file}:6:23: guests.one.disks.1.bus: libvirt 9.0.0 offers no disks on sata to machine pc",
        f"{file}:11:9: guests.two.disks.0: libvirt 9.0.0 offers no disks on ide to machine pc-i440fx-7.2",
        f"{file}:12:3: guests.three: libvirt 9.0.0 offers no disks on ide to machine pc",
    )
    assert raised.value.hint == "use bus virtio; use bus sata, virtio; or take a newer libvirt and QEMU"


OTHERS = """\
virtlab: 1
name: others
defaults:
  profile: virtio
  processor: {features: {vmx: require, sse4_1: require}}
guests:
  old: {machine: pc-i440fx-72}
  new: {machine: pc-q35-99}
  small: {processor: {model: EPIC}}
  odd: {processor: {model: host}, firmware: uefi}
"""


def test_what_is_not_known_is_said_once_for_each_place(tmp_path: Path) -> None:
    with pytest.raises(LabFileError) as raised:
        offers.check(lab(tmp_path, OTHERS), offered({"pc": of("virtio", efi=False)}, ("sse4_1",)))
    file, here = f"{tmp_path}/lab.yaml", "libvirt 9.0.0"
    feature = f"{file}:5:48: defaults.processor.features.sse4_1: {here} knows no processor feature sse4_1"
    assert raised.value.problems == (
        f"{file}:7:18: guests.old.machine: {here} has no machine pc-i440fx-72",
        f"{file}:8:18: guests.new.machine: {here} has no machine pc-q35-99",
        f'{file}:9:30: guests.small.processor.model: {here} has no processor EPIC (did you mean "EPYC"?)',
        feature,
        f"{file}:10:45: guests.odd.firmware: {here} finds no UEFI firmware for machine pc",
    )
    assert raised.value.hint == (
        "use machine pc, which is the newest version here; use machine q35, which is the newest version "
        "here; use model auto, default, host, maximum; leave the feature out; install UEFI firmware for "
        "QEMU (Debian's package ovmf); or take a newer libvirt and QEMU"
    )
