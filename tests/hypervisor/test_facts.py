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
    """A connection that offers these disk buses and one processor, and refuses a machine type that QEMU has
    not."""

    def __init__(self, buses: tuple[str, ...]) -> None:
        self._buses = "".join(f"<value>{bus}</value>" for bus in buses)

    def getCapabilities(self) -> str:  # noqa: N802 - libvirt's name
        return (
            "<capabilities><guest><arch name='i686'><machine>isapc</machine></arch></guest>"
            "<guest><arch name='x86_64'><machine canonical='pc-i440fx-7.2'>pc</machine>"
            "<domain type='kvm'><machine>q35</machine></domain></arch></guest></capabilities>"
        )

    def getDomainCapabilities(self, *asked: str | None) -> str:  # noqa: N802 - libvirt's name
        if asked != (None, "x86_64", "pc", None):
            raise libvirt.libvirtError("no such machine type")
        return (
            "<domainCapabilities><os supported='yes'><enum name='firmware'><value>efi</value></enum></os>"
            "<cpu><mode name='host-model'><model>kvm64</model></mode>"
            "<mode name='custom'><model usable='no'>EPYC</model></mode></cpu>"
            "<devices><disk supported='yes'><enum name='diskDevice'><value>disk</value></enum>"
            f"<enum name='bus'>{self._buses}</enum></disk></devices></domainCapabilities>"
        )

    def compareHypervisorCPU(self, *asked: str | int | None) -> int:  # noqa: N802 - libvirt's name
        known = "name='vmx'" in str(asked[4])
        code = libvirt.VIR_ERR_INTERNAL_ERROR if "name='foo'" in str(asked[4]) else libvirt.VIR_ERR_RPC
        if not known:
            error = libvirt.libvirtError("no")
            error.err = (code, libvirt.VIR_FROM_CPU, "no", 2, None, None, None, -1, -1)
            raise error
        return 0


def test_what_a_machine_type_can_have() -> None:
    conn = Connection(Offering(("ide", "fdc", "virtio")))
    assert host_facts.machine_types(conn) == {"pc", "q35"}
    offered = host_facts.machine_offers(conn, "pc")
    assert offered.disk_buses == {"ide", "fdc", "virtio"}
    assert offered.processors == {"EPYC"}
    assert offered.firmwares == {"efi"}
    with pytest.raises(errors.HypervisorError, match="machine pc-99"):
        host_facts.machine_offers(conn, "pc-99")


def test_which_processor_features_libvirt_knows() -> None:
    conn = Connection(Offering(()))
    assert conn.knows_feature("vmx")
    assert not conn.knows_feature("foo")
    with pytest.raises(errors.HypervisorError, match="can't ask libvirt for processor feature x"):
        conn.knows_feature("x")  # where libvirt itself fails, nothing is known
