"""The SCSI controllers that a lab can ask for: one entry each, in the order in which errors name them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.language import Text
from provisioner.model.hardware.device_models import MANY, RING, DeviceModel
from provisioner.model.hardware.interfaces import EMULATED


@dataclass(frozen=True, slots=True)
class ScsiController:
    """A controller for disks on the bus ``scsi``."""

    name: str  # as lab files and libvirt call it
    model: DeviceModel
    has_many_units: bool = True  # False: it takes one disk for each target, so each disk is a target
    known_by: str | None = None  # the element by which its driver identifies a disk


_ENTRIES = (
    ScsiController(
        "virtio-scsi",
        DeviceModel(
            Text(
                en="virtio-scsi, a device made for virtual machines",
                ja="virtio-scsi(仮想マシン専用のデバイス)",
            ),
            "virtio",
            RING,
            drivers=("virtio_scsi",),
            pci=("1af4:1004", "1af4:1048"),
            kind="scsi",
            regions=re.compile(r"virtio-pci-[a-z]+-virtio-scsi"),
        ),
    ),
    ScsiController(
        "lsilogic",
        DeviceModel(
            Text(
                en="SCSI controller LSI 53C895A, imitated with the small processor in it",
                ja="SCSIコントローラLSI 53C895Aを、内蔵の小さなプロセッサごと模倣",
            ),
            EMULATED,
            Text(
                en="a program in memory for the controller, and registers that start and acknowledge it",
                ja="コントローラ用のプログラムをメモリに置き、起動と完了確認はレジスタで行う",
            ),
            drivers=("sym53c8xx",),
            pci=("1000:0012",),
            regions=re.compile(r"lsi-[a-z]+"),
            arrows=MANY,
        ),
    ),
    ScsiController(
        "lsisas1068",
        DeviceModel(
            Text(en="SAS controller LSI SAS1068, imitated", ja="SASコントローラLSI SAS1068を模倣"),
            EMULATED,
            Text(
                en="a message in memory for each request; one write to a register hands it over, reads of "
                "another fetch the answer",
                ja="要求ごとにメモリ上へメッセージを置き、レジスタに1回書いて渡す。返事は別のレジスタを読んで"
                "受け取る",
            ),
            drivers=("mptsas",),
            pci=("1000:0054",),
            regions=re.compile(r"mptsas-[a-z]+"),
            interrupts=re.compile(r"ioc[0-9]+"),
            arrows=3,
        ),
        has_many_units=False,
        known_by="wwn",  # Linux ignores a SAS disk that has no such name
    ),
    ScsiController(
        "vmpvscsi",
        DeviceModel(
            Text(
                en="pvscsi, VMware's device made for virtual machines",
                ja="pvscsi(VMwareの仮想マシン専用デバイス)",
            ),
            "vmware",
            Text(
                en="whole requests in a ring in shared memory, then one write to a register",
                ja="共有メモリ上のリングに要求を丸ごと置き、レジスタに1回書く",
            ),
            drivers=("vmw_pvscsi",),
            pci=("15ad:07c0",),
            kind="scsi",
            regions=re.compile(r"pvscsi-[a-z]+"),
        ),
        has_many_units=False,
    ),
)
SCSI_CONTROLLERS = {entry.name: entry for entry in _ENTRIES}
