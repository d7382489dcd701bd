"""What libvirt tells of a host's processor."""

from __future__ import annotations

import libvirt
import pytest

from provisioner import errors
from provisioner.hypervisor import host_facts
from provisioner.hypervisor.connection import Connection


class Told:
    """A connection with these capabilities."""

    def __init__(self, cpu: str) -> None:
        self._cpu = cpu

    def getCapabilities(self) -> str:  # noqa: N802 - libvirt's name
        return f"<capabilities><host><cpu><arch>x86_64</arch>{self._cpu}</cpu></host></capabilities>"


@pytest.mark.parametrize(
    ("cpu", "khz"),
    [
        ("<counter name='tsc' frequency='2596148000' scaling='no'/>", 2_596_148),
        ("<counter name='tsc' frequency='0'/>", None),
        ("<counter name='tsc' frequency='much'/>", None),
        ("<counter name='tsc'/>", None),
        ("", None),
    ],
)
def test_the_counters_rate(cpu: str, khz: int | None) -> None:
    assert host_facts.counter_khz(Connection(Told(cpu))) == khz


class Offering:
    """A connection that offers these disk buses, and refuses a machine type that QEMU has not."""

    def __init__(self, buses: tuple[str, ...]) -> None:
        self._buses = "".join(f"<value>{bus}</value>" for bus in buses)

    def getDomainCapabilities(self, *asked: str | None) -> str:  # noqa: N802 - libvirt's name
        if asked != (None, "x86_64", "pc", None):
            raise libvirt.libvirtError("no such machine type")
        return (
            "<domainCapabilities><devices><disk supported='yes'>"
            "<enum name='diskDevice'><value>disk</value></enum>"
            f"<enum name='bus'>{self._buses}</enum></disk></devices></domainCapabilities>"
        )


def test_the_disk_buses_of_a_machine_type() -> None:
    conn = Connection(Offering(("ide", "fdc", "virtio")))
    assert host_facts.disk_buses(conn, "pc") == {"ide", "fdc", "virtio"}
    with pytest.raises(errors.HypervisorError, match="machine pc-99"):
        host_facts.disk_buses(conn, "pc-99")
