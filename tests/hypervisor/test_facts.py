"""What libvirt tells of a host's processor."""

from __future__ import annotations

import pytest

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
