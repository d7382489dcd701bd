"""The buses for a lab's disks: one entry each, in the order in which errors name them.

To add one: an entry here, its driver in the recipe of the tiny image, its name in ``labs/reference.yaml``.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from provisioner.language import Text
from provisioner.model.hardware.device_models import MANY, RING, XEN_RING, DeviceModel, unknown
from provisioner.model.hardware.interfaces import EMULATED
from provisioner.model.hardware.machine_types import PHYSICAL, Board
from provisioner.model.hardware.scsi_controllers import SCSI_CONTROLLERS


@dataclass(frozen=True, slots=True)
class DiskBus:
    """A bus for disks.

    ``target`` and ``linux`` name a disk by its number among those whose pattern is the same: ``{letter}``
    counts from a, ``{number}`` from 0.
    """

    name: str  # as lab files and libvirt call it
    model: DeviceModel | None  # what answers the disk's driver; None: the SCSI controller that the disk names
    target: str  # what libvirt calls such a disk
    linux: str  # what Linux calls it in /dev
    boards: frozenset[Board] = PHYSICAL  # those that can have it
    most: int | None = None  # how many such disks a machine takes; None: as many as a lab file can name
    ports: int | None = None  # how many disks a controller takes, where libvirt is told each disk's place
    known_by: str | None = None  # the element by which QEMU or its driver identifies a disk
    is_found_in_order: bool = True  # False: Linux looks for such disks side by side, so their numbers vary

    @property
    def takes_controller(self) -> bool:
        """Whether a disk on it names a controller. Disks on other buses do not."""
        return self.model is None

    def named(self, number: int) -> str:
        """libvirt's name for the disk of that number."""
        return _numbered(self.target, number)

    @property
    def first_in_linux(self) -> str:
        """Linux's name in /dev for the first of them, if it is found first."""
        return _numbered(self.linux, 0)


_ENTRIES = (
    DiskBus(
        "ide",
        DeviceModel(
            Text(
                en="IDE controller of an Intel PIIX3, imitated register by register",
                ja="Intel PIIX3のIDEコントローラを、レジスタ単位で模倣",
            ),
            EMULATED,
            Text(
                en="the command goes into the controller's registers one by one, through I/O ports",
                ja="I/Oポート経由で、コントローラのレジスタに命令を1つずつ書き込む",
            ),
            drivers=("ata_piix", "ata_generic", "pata_acpi"),
            pci=("8086:7010",),
            regions=re.compile(r"ide\d*|(piix-)?bmdma"),
            arrows=MANY,
        ),
        target="hd{letter}",
        linux="sd{letter}",
        boards=frozenset({Board.PC}),
        most=4,  # the board's one controller has two channels of two
    ),
    DiskBus(
        "sata",
        DeviceModel(
            Text(en="AHCI controller of an Intel ICH9, imitated", ja="Intel ICH9のAHCIコントローラを模倣"),
            EMULATED,
            Text(
                en="a command table in memory, and several registers, mapped into memory, for each command",
                ja="メモリ上のコマンド表に加え、命令ごとにメモリマップドレジスタを何度か読み書きする",
            ),
            drivers=("ahci",),
            pci=("8086:2922",),
            regions=re.compile(r"ahci(-idp)?"),
            arrows=MANY,
        ),
        target="sd{letter}",
        linux="sd{letter}",
        ports=6,
    ),
    DiskBus("scsi", None, target="sd{letter}", linux="sd{letter}"),
    DiskBus(
        "nvme",
        DeviceModel(
            Text(
                en="NVMe controller, imitated: what solid-state drives on PCI Express have",
                ja="NVMeコントローラを模倣(PCI Express接続のSSDが持つもの)",
            ),
            EMULATED,
            Text(
                en="a command in a queue in memory, then one write to a doorbell register; one more write "
                "once the answer has been read",
                ja="メモリ上のキューに命令を置き、ドアベルレジスタに1回書く。返事を読み終えたら、もう1回書く",
            ),
            drivers=("nvme",),
            pci=("1b36:0010",),
            regions=re.compile(r"nvme"),
            interrupts=re.compile(r"nvme\d+q\d+"),
            arrows=2,
        ),
        target="nvme{number}n1",
        linux="nvme{number}n1",
        known_by="serial",
        is_found_in_order=False,
    ),
    DiskBus(
        "virtio",
        DeviceModel(
            Text(
                en="virtio-blk, a device made for virtual machines", ja="virtio-blk(仮想マシン専用のデバイス)"
            ),
            "virtio",
            RING,
            drivers=("virtio_blk",),
            pci=("1af4:1001", "1af4:1042"),
            kind="block",
            regions=re.compile(r"virtio-pci-[a-z]+-virtio-blk"),
        ),
        target="vd{letter}",
        linux="vd{letter}",
    ),
    DiskBus(
        "xen",
        DeviceModel(
            Text(
                en="blkback, the back end in Domain 0's kernel",
                ja="ドメイン0のカーネルにあるバックエンドblkback",
            ),
            "xen",
            XEN_RING,
            drivers=("vbd", "xen_blkfront", "xen-blkfront"),
            kind="block",
        ),
        target="xvd{letter}",
        linux="xvd{letter}",
        boards=frozenset({Board.XEN}),
    ),
)
DISK_BUSES = {entry.name: entry for entry in _ENTRIES}


def label(bus: str, controller: str | None) -> str:
    """The disk's bus and controller, for people: ``ide``, ``scsi (lsilogic)``."""
    return f"{bus} ({controller})" if controller else bus


# What answers a disk's driver, by ``label``.
_MODELS = {bus.name: bus.model for bus in _ENTRIES if bus.model is not None} | {
    label(bus.name, controller.name): controller.model
    for bus in _ENTRIES
    if bus.model is None
    for controller in SCSI_CONTROLLERS.values()
}
MODELS = tuple(_MODELS.values())
# The elements in which each disk differs from all others. libvirt may copy one of them to the controller.
_KNOWN_BY = [bus.known_by for bus in _ENTRIES] + [entry.known_by for entry in SCSI_CONTROLLERS.values()]
KNOWN_BY = tuple(dict.fromkeys(element for element in _KNOWN_BY if element is not None))


def model_of(bus: str, controller: str | None) -> DeviceModel:
    """What answers the driver of a disk."""
    return labelled(label(bus, controller))


def labelled(shown: str) -> DeviceModel:
    """What answers the driver of a disk that ``label`` gives so."""
    return _MODELS.get(shown) or unknown(shown)


def _numbered(pattern: str, number: int) -> str:
    return pattern.format(letter=string.ascii_lowercase[number], number=number)
