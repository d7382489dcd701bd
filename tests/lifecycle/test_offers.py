"""A lab that asks for what this libvirt and QEMU do not have, on the daemon in memory."""

from __future__ import annotations

import pytest

from provisioner import errors
from tests.fakes.world import TWO, World

SATA = TWO + "    disks: [{bus: sata}]\n"


def test_a_disk_that_can_not_be_had_is_refused_with_its_place(world: World) -> None:
    world.daemon.disk_buses.remove("sata")
    with world.unchanged(), pytest.raises(errors.LabFileError) as raised:
        world.up(SATA)
    words = "guests.two.disks.0.bus: libvirt 9.0.0 with QEMU 7.2.0 offers no disks on sata to machine pc"
    assert raised.value.message.endswith(f"lab.yaml:13:19: {words}")
    assert raised.value.hint == "use bus ide, scsi, virtio; or take a newer libvirt and QEMU"


def test_what_is_not_asked_for_may_be_missing(world: World) -> None:
    world.daemon.disk_buses.remove("sata")
    world.up(TWO)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("machine: pc-i440fx-99", "13:14: guests.two.machine: {} has no machine pc-i440fx-99"),
        ("processor: {model: EPIC}", "13:24: guests.two.processor.model: {} has no processor EPIC"),
        (
            "processor: {features: {sse4_1: disable}}",
            "13:36: guests.two.processor.features.sse4_1: {} knows no processor feature sse4_1",
        ),
        ("firmware: uefi", "13:15: guests.two.firmware: {} finds no UEFI firmware for machine pc"),
    ],
)
def test_what_libvirt_would_only_refuse_at_the_start_is_refused_before(
    world: World, asked: str, words: str
) -> None:
    world.daemon.has_uefi = False
    with world.unchanged(), pytest.raises(errors.LabFileError) as raised:
        world.up(f"{TWO}    {asked}\n")
    assert words.format("libvirt 9.0.0 with QEMU 7.2.0") in raised.value.message
    assert "doctor" not in (raised.value.hint or "")


def test_known_machines_processors_and_features_are_taken(world: World) -> None:
    world.up(TWO + "    machine: pc-q35-7.2\n    processor: {model: EPYC, features: {svm: disable}}\n")
