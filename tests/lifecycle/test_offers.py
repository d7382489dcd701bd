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
    assert raised.value.hint == "use bus ide, scsi, virtio, or a newer libvirt and QEMU"


def test_what_is_not_asked_for_may_be_missing(world: World) -> None:
    world.daemon.disk_buses.remove("sata")
    world.up(TWO)
