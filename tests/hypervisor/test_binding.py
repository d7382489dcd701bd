"""libvirt's binding, and the daemon in memory, have every call that virtlab uses."""

from __future__ import annotations

import libvirt
import pytest

from provisioner.hypervisor import binding
from tests.fakes import guests, libvirtd, networks, storage


@pytest.mark.parametrize(
    ("protocol", "real", "fake"),
    [
        (binding.RawConnection, libvirt.virConnect, libvirtd.Connected),
        (binding.RawDomain, libvirt.virDomain, guests.Guest),
        (binding.RawNetwork, libvirt.virNetwork, networks.Net),
        (binding.RawPool, libvirt.virStoragePool, storage.Pooled),
        (binding.RawVolume, libvirt.virStorageVol, storage.Vol),
        (binding.RawStream, libvirt.virStream, storage.Piped),
    ],
)
def test_all_calls_are_there(protocol: type, real: type, fake: type) -> None:
    used = {name for name in vars(protocol) if not name.startswith("_")}
    assert used
    assert used <= set(dir(real))
    assert used <= set(dir(fake))
