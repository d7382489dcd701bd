"""The form of the entries for devices: what is known of each, whatever bus or network it is on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.language import Text
from provisioner.model.hardware.interfaces import EMULATED

MANY = 8  # arrows in a picture, which stand for many accesses
RING = Text(
    en="whole requests in a ring in shared memory, then one notification",
    ja="共有メモリ上のリングに要求を丸ごと置き、通知を1回送る",
)

XEN_RING = Text(
    en="requests in a ring in memory that both domains share, then one event through Xen",
    ja="2つのドメインが共有するメモリ上のリングに要求を置き、Xen経由でイベントを1回送る",
)


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """A device model of QEMU, or a back end of Xen."""

    name: Text
    interface: str  # EMULATED or one of PARAVIRTUAL of interfaces; empty where it is not known
    crossing: Text  # what passes between the guest's driver and it
    drivers: tuple[str, ...]  # Linux's drivers (modules) for it, the usual one first
    pci: tuple[str, ...] = ()  # vendor:device in lower-case hex; virtio has an older and a newer one
    kind: str = ""  # block, net or scsi, in virtio's words; only of a paravirtual device
    regions: re.Pattern[str] | None = None  # the names of its registers in QEMU's trace
    interrupts: re.Pattern[str] | None = None  # its driver's names in /proc/interrupts, where they are others
    arrows: int = 1  # in a picture, for the accesses to its registers for one request

    @property
    def is_paravirtual(self) -> bool:
        """Whether it was made for guests. Also False where nothing is known of it."""
        return self.interface not in ("", EMULATED)

    @property
    def has_eventfd(self) -> bool:
        """Whether notifications of its driver bypass QEMU's register code, unless that is switched off.

        They go through an event to the kernel or to QEMU's main loop, which QEMU's trace does not show.
        """
        return self.interface == "virtio"


def unknown(name: str) -> DeviceModel:
    """A device of which only the name is known, because another version of virtlab made the guest."""
    crossing = Text(en="what passes here is not known to virtlab", ja="ここで何がやり取りされるかは不明")
    return DeviceModel(Text(en=name, ja=name), "", crossing, ())
