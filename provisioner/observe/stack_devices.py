"""What each kind of device that a lab can ask for is, and how a guest's driver reaches it."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.language import Text
from provisioner.model.facts import EMULATED
from provisioner.model.lab import Disk, Interface


@dataclass(frozen=True, slots=True)
class Model:
    """A device model of QEMU."""

    name: Text
    interface: str  # facts.EMULATED or one of facts.PARAVIRTUAL
    crossing: Text  # what passes between the guest's driver and it
    drivers: frozenset[str]  # one of them is among the drivers of a guest that uses it
    arrows: int = 1  # how the picture draws the accesses to its registers for one request


_MANY = 8  # arrows, as a sign of many
_RING = Text(
    en="whole requests in a ring in shared memory, then one notification",
    ja="共有メモリ上のリングに要求を丸ごと置き、通知を1回送る",
)

IDE = Model(
    Text(
        en="IDE controller of an Intel PIIX3, imitated register by register",
        ja="Intel PIIX3のIDEコントローラを、レジスタ単位で模倣",
    ),
    EMULATED,
    Text(
        en="the command goes into the controller's registers one by one, through I/O ports",
        ja="I/Oポート経由で、コントローラのレジスタに命令を1つずつ書き込む",
    ),
    frozenset({"ata_piix", "ata_generic", "pata_acpi"}),
    _MANY,
)
SATA = Model(
    Text(en="AHCI controller of an Intel ICH9, imitated", ja="Intel ICH9のAHCIコントローラを模倣"),
    EMULATED,
    Text(
        en="a command table in memory, and several registers, mapped into memory, for each command",
        ja="メモリ上のコマンド表に加え、命令ごとにメモリマップドレジスタを何度か読み書きする",
    ),
    frozenset({"ahci"}),
    _MANY,
)
LSILOGIC = Model(
    Text(
        en="SCSI controller LSI 53C895A, imitated with the small processor in it",
        ja="SCSIコントローラLSI 53C895Aを、内蔵の小さなプロセッサごと模倣",
    ),
    EMULATED,
    Text(
        en="a program in memory for the controller, and registers that start and acknowledge it",
        ja="コントローラ用のプログラムをメモリに置き、起動と完了確認はレジスタで行う",
    ),
    frozenset({"sym53c8xx"}),
    _MANY,
)
LSISAS1068 = Model(
    Text(en="SAS controller LSI SAS1068, imitated", ja="SASコントローラLSI SAS1068を模倣"),
    EMULATED,
    Text(
        en="a message in memory for each request; one write to a register hands it over, reads of another "
        "fetch the answer",
        ja="要求ごとにメモリ上へメッセージを置き、レジスタに1回書いて渡す。返事は別のレジスタを読んで受け取る",
    ),
    frozenset({"mptsas"}),
    3,
)
VIRTIO_SCSI = Model(
    Text(en="virtio-scsi, a device made for virtual machines", ja="virtio-scsi(仮想マシン専用のデバイス)"),
    "virtio",
    _RING,
    frozenset({"virtio_scsi"}),
)
PVSCSI = Model(
    Text(en="pvscsi, VMware's device made for virtual machines", ja="pvscsi(VMwareの仮想マシン専用デバイス)"),
    "vmware",
    Text(
        en="whole requests in a ring in shared memory, then one write to a register",
        ja="共有メモリ上のリングに要求を丸ごと置き、レジスタに1回書く",
    ),
    frozenset({"vmw_pvscsi"}),
)
VIRTIO_BLK = Model(
    Text(en="virtio-blk, a device made for virtual machines", ja="virtio-blk(仮想マシン専用のデバイス)"),
    "virtio",
    _RING,
    frozenset({"virtio_blk"}),
)

_E1000_CROSSING = Text(
    en="descriptors in memory, and registers, mapped into memory, for every turn and every interrupt",
    ja="メモリ上のディスクリプタに加え、送受信や割り込みのたびにメモリマップドレジスタを読み書きする",
)
E1000 = Model(
    Text(
        en="network card Intel 82540EM (e1000), imitated", ja="Intel 82540EM(e1000)のネットワークカードを模倣"
    ),
    EMULATED,
    _E1000_CROSSING,
    frozenset({"e1000"}),
    _MANY,
)
E1000E = Model(
    Text(
        en="network card Intel 82574L (e1000e), imitated", ja="Intel 82574L(e1000e)のネットワークカードを模倣"
    ),
    EMULATED,
    _E1000_CROSSING,
    frozenset({"e1000e"}),
    _MANY,
)
RTL8139 = Model(
    Text(
        en="network card Realtek RTL8139, imitated",
        ja="Realtek RTL8139のネットワークカードを模倣",
    ),
    EMULATED,
    Text(
        en="registers for every packet and every interrupt; the packet is copied through fixed buffers",
        ja="パケットや割り込みのたびにレジスタを読み書きし、パケットは固定のバッファ経由でコピーする",
    ),
    frozenset({"8139cp", "8139too"}),
    _MANY,
)
VIRTIO_NET = Model(
    Text(en="virtio-net, a device made for virtual machines", ja="virtio-net(仮想マシン専用のデバイス)"),
    "virtio",
    _RING,
    frozenset({"virtio_net"}),
)
VMXNET3 = Model(
    Text(
        en="vmxnet3, VMware's device made for virtual machines", ja="vmxnet3(VMwareの仮想マシン専用デバイス)"
    ),
    "vmware",
    Text(
        en="whole packets in rings in shared memory, then one write to a register; two more writes hold its "
        "interrupt back and let it come again",
        ja="共有メモリ上のリングにパケットを丸ごと置き、レジスタに1回書く。割り込みを止めて再び許すために、さらに2回書く",
    ),
    frozenset({"vmxnet3"}),
    3,
)

XEN_BLK = Model(
    Text(en="blkback, the back end in Domain 0's kernel", ja="ドメイン0のカーネルにあるバックエンドblkback"),
    "xen",
    Text(
        en="requests in a ring in memory that both domains share, then one event through Xen",
        ja="2つのドメインが共有するメモリ上のリングに要求を置き、Xen経由でイベントを1回送る",
    ),
    frozenset({"vbd", "xen_blkfront", "xen-blkfront"}),
)
XEN_NET = Model(
    Text(en="netback, the back end in Domain 0's kernel", ja="ドメイン0のカーネルにあるバックエンドnetback"),
    "xen",
    XEN_BLK.crossing,
    frozenset({"vif", "xen_netfront", "xen-netfront"}),
)

_DISKS = {"ide": IDE, "sata": SATA, "virtio": VIRTIO_BLK}
_CONTROLLERS = {
    "lsilogic": LSILOGIC,
    "lsisas1068": LSISAS1068,
    "virtio-scsi": VIRTIO_SCSI,
    "vmpvscsi": PVSCSI,
}
_CARDS = {"e1000": E1000, "e1000e": E1000E, "rtl8139": RTL8139, "virtio": VIRTIO_NET, "vmxnet3": VMXNET3}


def of_disk(disk: Disk) -> Model:
    """The model behind a disk of a guest; one with no story where it is not known here."""
    if disk.bus == "scsi":
        controller = str(disk.controller)
        return _CONTROLLERS.get(controller, _unknown(controller))
    return _DISKS.get(disk.bus, _unknown(disk.bus))


def of_card(interface: Interface) -> Model:
    """The model behind a network card of a guest; one with no story where it is not known here."""
    return _CARDS.get(interface.model, _unknown(interface.model))


def _unknown(name: str) -> Model:
    crossing = Text(en="what passes here is not known to virtlab", ja="ここで何がやり取りされるかは不明")
    return Model(Text(en=name, ja=name), "", crossing, frozenset())
