"""The rows of a comparison: what is marked as different, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from told_guests import Told, facts

from provisioner.model.facts import Facts
from provisioner.observe import comparison
from provisioner.observe.comparison import NO_DRIVER, Row


def rows(*guests: Facts | None) -> dict[tuple[str, str], Row]:
    found = comparison.rows([Told(guest) for guest in guests])
    keyed = {(row.section.en, row.label.en): row for row in found}
    assert len(keyed) == len(found), "each thing has one row"
    return keyed


def of(found: dict[tuple[str, str], Row], label: str) -> Sequence[str | None]:
    return next(row.cells for (_, name), row in found.items() if name == label)


def test_devices_stand_beside_each_other_by_role() -> None:
    found = rows(facts("full"), facts("virtio"))
    disk = found["Devices", "Disk"]
    assert disk.cells == ("sda: sd → ata_piix [emulated]", "vda: virtio_blk → virtio-pci [virtio]")
    assert disk.differs
    assert found["Devices", "Memory balloon"].cells == (None, "virtio_balloon → virtio-pci [virtio]")
    assert found["Devices", "Console"].cells == ("ttyS0 [emulated]", "ttyS0 [emulated], hvc0 [virtio]")
    assert not found["Processor and machine", "Machine"].differs
    assert not found["Memory and modules", "Proves nothing either way"].differs


def test_pci_devices_are_aligned_by_what_they_are() -> None:
    found = rows(facts("full"), facts("virtio"))
    card = found["On the PCI bus", "82540EM Gigabit Ethernet Controller (8086:100e)"]
    assert (card.cells, card.differs) == (("e1000", None), True)
    bridge = found["On the PCI bus", "440FX - 82441FX PMC [Natoma] (8086:1237)"]
    assert (bridge.cells, bridge.differs) == ((NO_DRIVER, NO_DRIVER), False)


def test_a_device_whose_driver_was_unloaded_is_still_there() -> None:
    found = rows(
        facts("full"), facts("full", ("0000:00:02.0/uevent:DRIVER=e1000\n", "0000:00:02.0/uevent:X=\n"))
    )
    card = found["On the PCI bus", "82540EM Gigabit Ethernet Controller (8086:100e)"]
    assert (card.cells, card.differs) == (("e1000", NO_DRIVER), True)


def test_two_of_a_kind_are_counted() -> None:
    found = rows(facts("full", ("PCI_ID=8086:7113", "PCI_ID=8086:7000")))
    cells = of(found, "82371SB PIIX3 ISA [Natoma/Triton II] (8086:7000)")
    assert cells == ("– ×2",)


def test_counters_are_shown_by_role_and_never_marked() -> None:
    found = rows(facts("full"), facts("virtio"))
    counters = [row for row in found.values() if row.section == comparison.INTERRUPTS]
    assert not any(row.differs for row in counters)
    disk = found["Interrupts since boot", "Disk"]
    assert [cell and cell.partition(":")[0] for cell in disk.cells] == ["ata_piix", "virtio2"]
    assert disk.counter
    card = found["Interrupts since boot", "Network card"]
    assert [cell and cell.partition(":")[0] for cell in card.cells] == ["eth0", "virtio0"]
    agent = found["Interrupts since boot", "Guest agent's port"]
    assert [cell and cell.partition(":")[0] for cell in agent.cells] == ["ttyS1", "virtio1"]


def test_a_guest_that_told_nothing_makes_no_difference() -> None:
    found = rows(facts("full"), None)
    assert not any(row.differs for row in found.values())
    assert all(row.cells[1] is None for row in found.values())
    assert comparison.rows([Told(None), Told(None)]), "the table is drawn all the same"


def test_the_same_guest_twice_differs_in_nothing() -> None:
    assert not any(row.differs for row in rows(facts("virtio"), facts("virtio")).values())


def test_both_languages() -> None:
    for row in comparison.rows([Told(facts("full")), Told(facts("virtio"))]):
        assert row.section.ja
        assert row.label.ja or row.section in (comparison.PCI, comparison.INTERRUPTS)


def test_where_hyperv_answers_the_second_leaf_is_a_name() -> None:
    shown = replace(facts("virtio"), signature="Microsoft Hv", features=0x31237648)
    found = rows(shown, replace(facts("virtio"), signature="KVMKVMKVM", features=0xFB))
    assert of(found, "CPUID features") == ("interface Hv#1", "0xfb")
