"""The facts that a lab can ask for by name."""

from __future__ import annotations

import pytest
from told_guests import facts

from provisioner.model import named_facts
from provisioner.model.hardware.interfaces import PARAVIRTUAL

INTERFACES = [name for name in named_facts.NAMES if name.endswith(".interface")]


def test_nothing_on_the_emulated_guest_is_paravirtual() -> None:
    found = named_facts.values(facts("full"))
    for name in INTERFACES:
        assert not set(found[name]) & set(PARAVIRTUAL), name
    for name in ("disk", "network", "agent", "console", "clock"):
        assert found[f"{name}.interface"] == ("emulated",)
    for name in (
        "balloon.interface",
        "rng.interface",
        "paravirtual.devices",
        "paravirtual.drivers",
        "modules",
    ):
        assert found[name] == ()
    assert found["disk.drivers"] == ("ata_piix", "sd")
    assert found["agent.port"] == ("/dev/ttyS1",)
    assert found["hypervisor.detected"] == (), "what is absent is the empty tuple, not an empty text"


def test_the_virtio_guest_uses_virtio_for_each() -> None:
    found = named_facts.values(facts("virtio"))
    for name in ("disk", "network", "agent", "balloon", "rng"):
        assert found[f"{name}.interface"] == ("virtio",)
    assert found["console.interface"] == ("emulated", "virtio"), "beside the serial console"
    assert "virtio virtio2 block" in found["paravirtual.devices"]
    assert "pci 0000:00:04.0 1af4:1001" in found["paravirtual.devices"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("PCI_ID=8086:7113", "PCI_ID=1AF4:1042"), ()),
        (("PCI_ID=8086:7113", "PCI_ID=1AF4:1005"), ("rng.interface",)),
        (("PCI_ID=8086:7113", "PCI_ID=1AF4:1045"), ("balloon.interface",)),
        (("PCI_ID=8086:100E", "PCI_ID=1AF4:1000"), ("network.interface",)),
        (("PCI_ID=8086:7010", "PCI_ID=15AD:07C0"), ("disk.interface",)),
    ],
)
def test_a_paravirtual_device_slipped_in_is_found_with_or_without_a_driver(
    change: tuple[str, str], names: tuple[str, ...]
) -> None:
    found = named_facts.values(facts("full", change))
    assert len(found["paravirtual.devices"]) >= 1
    assert change[1].removeprefix("PCI_ID=").lower() in found["paravirtual.devices"][0]
    for name in INTERFACES:
        assert bool(set(found[name]) & set(PARAVIRTUAL)) == (name in names), name


@pytest.mark.parametrize(
    ("clock", "interface"),
    [("kvm-clock", "kvm"), ("xen", "xen"), ("hyperv_clocksource_tsc_page", "hyperv"), ("hpet", "emulated")],
)
def test_whose_the_clock_is(clock: str, interface: str) -> None:
    found = named_facts.values(facts("full", ("current_clocksource:tsc", f"current_clocksource:{clock}")))
    assert found["clock.interface"] == (interface,)


def test_every_name_is_explained_in_both_languages() -> None:
    assert set(named_facts.NAMES) == set(named_facts.values(facts("full")))
    for name, words in named_facts.NAMES.items():
        assert words.en, name
        assert words.ja, name
