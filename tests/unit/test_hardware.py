"""What every device that a lab can ask for must have, whichever it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from worlds import guest

from provisioner.images import registry
from provisioner.model.hardware import disk_buses, identify, machine_types, network_cards
from provisioner.model.hardware.device_models import DeviceModel
from provisioner.model.hardware.disk_buses import DISK_BUSES
from provisioner.model.hardware.interfaces import EMULATED
from provisioner.model.hardware.machine_types import Board
from provisioner.model.hardware.network_cards import NETWORK_CARDS
from provisioner.model.hardware.scsi_controllers import SCSI_CONTROLLERS
from provisioner.model.lab import Disk
from provisioner.observe import comparison

PROJECT = Path(__file__).parents[2]
MODELS = (*disk_buses.MODELS, *network_cards.MODELS)
OF_MACHINES = [model for model in MODELS if model.interface != "xen"]


def name(model: DeviceModel) -> str:
    return model.name.en


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_it_has_its_words_in_both_languages(model: DeviceModel) -> None:
    assert model.name.ja
    assert model.crossing.ja


@pytest.mark.parametrize("model", OF_MACHINES, ids=name)
def test_the_tiny_image_has_its_driver(model: DeviceModel) -> None:
    spec = registry.get("tiny", PROJECT / "templates").spec
    assert model.drivers[0] in spec.modules


@pytest.mark.parametrize("model", OF_MACHINES, ids=name)
def test_it_is_known_by_its_pci_ids_and_its_registers(model: DeviceModel) -> None:
    assert model.regions
    assert {identify.pci_interface(ident) for ident in model.pci} == {model.interface}


def test_no_two_have_a_pci_id_in_common() -> None:
    assert [ident for ident, count in Counter(i for m in MODELS for i in m.pci).items() if count > 1] == []


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_only_of_paravirtual_devices_it_is_told_what_they_are(model: DeviceModel) -> None:
    assert bool(model.kind) == model.is_paravirtual == (model.interface != EMULATED)


@pytest.mark.parametrize("entry", [*DISK_BUSES, *SCSI_CONTROLLERS, *NETWORK_CARDS])
def test_the_reference_names_it(entry: str) -> None:
    words = (PROJECT / "labs/reference.yaml").read_text(encoding="utf-8").split()
    assert entry in words


@pytest.mark.parametrize(
    ("disks", "path"),
    [
        ([], ""),
        ([("ide", None), ("ide", None)], "/dev/sda"),
        ([("sata", None), ("virtio", None)], "/dev/sda"),
        ([("virtio", None), ("sata", None), ("virtio", None)], "/dev/vda"),
        ([("scsi", "lsilogic"), ("scsi", "lsilogic")], "/dev/sda"),
        ([("nvme", None), ("virtio", None)], "/dev/nvme0n1"),
        # which of two controllers Linux finds first can't be told
        ([("ide", None), ("sata", None)], ""),
        ([("scsi", "lsilogic"), ("scsi", "virtio-scsi")], ""),
        ([("nvme", None), ("nvme", None)], ""),
    ],
)
def test_what_linux_calls_a_guests_first_disk(disks: list[tuple[str, str | None]], path: str) -> None:
    made = tuple(Disk(bus, 1 << 20, "none", controller) for bus, controller in disks)
    assert guest("a", disks=made).first_disk == path


def test_a_drivers_other_name_in_the_list_of_interrupts() -> None:
    assert comparison.device_of("ioc0") == "mptsas"
    assert comparison.device_of("nvme0q1") == "nvme"
    assert comparison.device_of("virtio0-input.0") == "virtio0"
    assert comparison.device_of("ahci[0000:00:1f.2]") == "ahci"
    assert comparison.device_of("ata_piix") == "ata_piix"


@pytest.mark.parametrize(
    ("machine", "board"),
    [
        ("pc", Board.PC),
        ("pc-i440fx-7.2", Board.PC),
        ("q35", Board.Q35),
        ("pc-q35-7.2", Board.Q35),
        ("xenpv", Board.XEN),
        ("xenpvh", Board.XEN),
    ],
)
def test_a_machine_type_has_a_board(machine: str, board: Board) -> None:
    assert machine_types.board(machine) is board
