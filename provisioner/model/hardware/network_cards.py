"""The network cards that a lab can ask for: one entry each, in the order in which errors name them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.language import Text
from provisioner.model.hardware.device_models import MANY, RING, XEN_RING, DeviceModel, unknown
from provisioner.model.hardware.interfaces import EMULATED
from provisioner.model.hardware.machine_types import PHYSICAL, Board


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """A model of network card."""

    name: str  # as lab files and libvirt call it
    model: DeviceModel
    boards: frozenset[Board] = PHYSICAL  # those that can have it


_E1000_CROSSING = Text(
    en="descriptors in memory, and registers, mapped into memory, for every turn and every interrupt",
    ja="メモリ上のディスクリプタに加え、送受信や割り込みのたびにメモリマップドレジスタを読み書きする",
)
_ENTRIES = (
    NetworkCard(
        "e1000",
        DeviceModel(
            Text(
                en="network card Intel 82540EM (e1000), imitated",
                ja="Intel 82540EM(e1000)のネットワークカードを模倣",
            ),
            EMULATED,
            _E1000_CROSSING,
            drivers=("e1000",),
            pci=("8086:100e",),
            regions=re.compile(r"e1000-(mmio|io)"),
            arrows=MANY,
        ),
    ),
    NetworkCard(
        "e1000e",
        DeviceModel(
            Text(
                en="network card Intel 82574L (e1000e), imitated",
                ja="Intel 82574L(e1000e)のネットワークカードを模倣",
            ),
            EMULATED,
            _E1000_CROSSING,
            drivers=("e1000e",),
            pci=("8086:10d3",),
            regions=re.compile(r"e1000e-(mmio|io)"),
            arrows=MANY,
        ),
    ),
    NetworkCard(
        "rtl8139",
        DeviceModel(
            Text(
                en="network card Realtek RTL8139, imitated",
                ja="Realtek RTL8139のネットワークカードを模倣",
            ),
            EMULATED,
            Text(
                en="registers for every packet and every interrupt; the packet is copied through fixed "
                "buffers",
                ja="パケットや割り込みのたびにレジスタを読み書きし、パケットは固定のバッファ経由でコピーする",
            ),
            drivers=("8139cp", "8139too"),
            pci=("10ec:8139",),
            regions=re.compile(r"rtl8139"),
            arrows=MANY,
        ),
    ),
    NetworkCard(
        "virtio",
        DeviceModel(
            Text(
                en="virtio-net, a device made for virtual machines", ja="virtio-net(仮想マシン専用のデバイス)"
            ),
            "virtio",
            RING,
            drivers=("virtio_net",),
            pci=("1af4:1000", "1af4:1041"),
            kind="net",
            regions=re.compile(r"virtio-pci-[a-z]+-virtio-net"),
        ),
    ),
    NetworkCard(
        "vmxnet3",
        DeviceModel(
            Text(
                en="vmxnet3, VMware's device made for virtual machines",
                ja="vmxnet3(VMwareの仮想マシン専用デバイス)",
            ),
            "vmware",
            Text(
                en="whole packets in rings in shared memory, then one write to a register; two more writes "
                "hold its interrupt back and let it come again",
                ja="共有メモリ上のリングにパケットを丸ごと置き、レジスタに1回書く。割り込みを止めて再び許すために、"
                "さらに2回書く",
            ),
            drivers=("vmxnet3",),
            pci=("15ad:07b0",),
            kind="net",
            regions=re.compile(r"vmxnet3-b[01]"),
            arrows=3,
        ),
    ),
    NetworkCard(
        "xen",
        DeviceModel(
            Text(
                en="netback, the back end in Domain 0's kernel",
                ja="ドメイン0のカーネルにあるバックエンドnetback",
            ),
            "xen",
            XEN_RING,
            drivers=("vif", "xen_netfront", "xen-netfront"),
            kind="net",
        ),
        boards=frozenset({Board.XEN}),
    ),
)
NETWORK_CARDS = {entry.name: entry for entry in _ENTRIES}
MODELS = tuple(card.model for card in _ENTRIES)


def model_of(name: str) -> DeviceModel:
    """The device model of a card of that name."""
    card = NETWORK_CARDS.get(name)
    return unknown(name) if card is None else card.model
