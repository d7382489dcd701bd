"""The words in the pictures of the stack, except those of the devices."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.language import Text
from provisioner.model.hardware.device_models import DeviceModel
from provisioner.observe import plain_systems


def host_kernel(release: str) -> Text:
    """The host's kernel, such as "Linux 6.1.0". Empty where it is not known."""
    if not release:
        return Text(en="host's kernel", ja="ホストのカーネル")
    return Text(en=f"host's {release}", ja=f"ホストの{release}")


def driver(model: DeviceModel, chains: Iterable[tuple[str, ...]] | None) -> Text:
    """The guest's driver for a device of that model, as the guest told."""
    if chains is None:
        return Text(
            en="driver not known: the guest did not tell", ja="ドライバは不明(ゲストから情報が得られない)"
        )
    for chain in chains:
        if not set(model.drivers).isdisjoint(chain):
            names = " → ".join(chain)
            return Text(en=f"driver {names}", ja=f"ドライバ {names}")
    return Text(
        en="no driver: the guest has none in use for this device",
        ja="ドライバなし(このデバイスを使うドライバがゲストで動いていない)",
    )


def plain_driver(modules: tuple[str, ...]) -> Text:
    """What reads a disk in a system without a kernel, by its modules for that."""
    if not modules:
        return Text(
            en="no driver: this system has none for such a disk, and the request ends here",
            ja="ドライバなし(このシステムにはこのディスク用のものがなく、要求はここで終わる)",
        )
    if modules[0] == plain_systems.FIRMWARE:
        return Text(
            en="no driver of its own: the machine's firmware reads for it",
            ja="自前のドライバはなく、マシンのファームウェアが代わりに読む",
        )
    return Text(en=f"driver {modules[0]}, its own", ja=f"ドライバ {modules[0]}(自前)")


def not_asked(device: Text) -> Text:
    """That a device is there, and nobody reaches for it."""
    return Text(en=f"there, and not asked: {device.en}", ja=f"あるが、要求は届かない: {device.ja}")


def guise(detected: str, *, kvm: bool) -> Text | None:
    """A remark where a kernel recognized another hypervisor than the one that it runs on. Otherwise None."""
    name = _GUISES.get(detected)
    if name is None:
        return None
    real = "KVM" if kvm else "QEMU"
    return Text(
        en=f"this kernel recognized {name} and uses what it found of that interface; {real} is what answers",
        ja=f"このカーネルは{name}を認識し、見つけたインターフェースを使いますが、実際に応答するのは{real}です",
    )


def cache(mode: str) -> Text:
    en, ja = _CACHES.get(mode, ("", ""))
    return Text(
        en=f"QEMU's block layer: a qcow2 file, cache={mode}{en and ': ' + en}",
        ja=f"QEMUのブロック層: qcow2ファイル、cache={mode}{ja and f'({ja})'}",
    )


def network_backend(user_network: bool | None, *, rings: bool) -> Text:
    """Where QEMU sends a packet. ``rings``: whether the host's kernel could serve the card's rings itself."""
    if rings and user_network is False:
        return Text(
            en="tap device: served by QEMU, or by the host kernel's vhost-net, which works the rings itself",
            ja="tapデバイス(QEMUが処理。ホストのカーネルにvhost-netがあれば、それがリングを直接処理)",
        )
    return _NETWORK_BACKENDS[user_network]


def host_driver(drivers: tuple[str, ...]) -> Text:
    if not drivers:
        return Text(en="the host's disk driver", ja="ホストのディスクドライバ")
    names = " → ".join(drivers)
    return Text(en=f"driver {names}, and the host's disk", ja=f"ドライバ {names}、ホストのディスク")


_GUISES = {"Microsoft Hyper-V": "Hyper-V", "VMware": "VMware"}
_CACHES = {
    "writeback": ("through the host's page cache", "ホストのページキャッシュ経由"),
    "writethrough": (
        "through the host's page cache, each write down to the disk",
        "ホストのページキャッシュ経由、書き込みは毎回ディスクまで届ける",
    ),
    "none": ("past the host's page cache", "ホストのページキャッシュを経由しない"),
    "directsync": (
        "past the host's page cache, each write down to the disk",
        "ホストのページキャッシュを経由せず、書き込みは毎回ディスクまで届ける",
    ),
    "unsafe": (
        "through the host's page cache, and no write is waited for",
        "ホストのページキャッシュ経由、書き込みの完了を待たない",
    ),
}

# of systems without a user mode
PLAIN = Text(
    en="one program with all rights: no kernel stands apart from it, and there is no user mode",
    ja="全権限を持つ1つのプログラムです。独立したカーネルも、ユーザーモードもありません",
)
PLAIN_BEGIN = Text(en="a command reads from a disk", ja="コマンドがディスクを読む")

PROGRAMS = Text(en="programs", ja="プログラム")

# by whether KVM runs the guest
GUEST_USER = {
    True: Text(en="guest user mode, non-root", ja="ゲストのユーザーモード(non-root)"),
    False: Text(en="guest user mode", ja="ゲストのユーザーモード"),
}
GUEST_KERNEL = {
    True: Text(en="guest kernel mode, non-root", ja="ゲストのカーネルモード(non-root)"),
    False: Text(en="guest kernel mode", ja="ゲストのカーネルモード"),
}
HOST_USER = {
    True: Text(en="host user mode, root", ja="ホストのユーザーモード(root)"),
    False: Text(en="host user mode", ja="ホストのユーザーモード"),
}
HOST_KERNEL = {
    True: Text(en="host kernel mode, root", ja="ホストのカーネルモード(root)"),
    False: Text(en="host kernel mode", ja="ホストのカーネルモード"),
}
VCPU = {
    True: Text(
        en="KVM: the processor itself runs the guest's code, in non-root mode, for a thread of this process. "
        "Reaching a device means leaving that mode: an exit",
        ja="KVM: プロセッサ自身が、このプロセスのスレッドとしてゲストのコードをnon-rootモードで実行します。"
        "デバイスに触れるには、このモードから抜けます(exit)",
    ),
    False: Text(
        en="TCG: the guest's code is translated and runs as QEMU's own. Both of the guest's modes are really "
        "the host's user mode; an access to a device register is a function call",
        ja="TCG: ゲストのコードは翻訳され、QEMU自身のコードとして動きます。ゲストの2つのモードは、実際には"
        "どちらもホストのユーザーモードで、デバイスのレジスタへのアクセスは関数呼び出しになります",
    ),
}
MODULE = {
    True: Text(
        en="KVM module: enters the guest, and takes each exit; what needs a device model goes on to QEMU",
        ja="KVMモジュール: ゲストに入り、exitを受け取ります。デバイスモデルが必要なものはQEMUに渡します",
    ),
    False: Text(
        en="KVM has no part in it: to this kernel QEMU is a process like any other",
        ja="KVMは関与しません。このカーネルから見れば、QEMUは普通のプロセスの1つです",
    ),
}
SUPPORT = {
    True: Text(
        en="with VT-x or AMD-V: root mode for the host, non-root mode for guests",
        ja="VT-xまたはAMD-Vあり: ホストはrootモード、ゲストはnon-rootモード",
    ),
    False: Text(
        en="no virtualization support (VT-x, AMD-V) is used", ja="仮想化支援機能(VT-x、AMD-V)は使いません"
    ),
}

# by whether the guests are on QEMU's user-mode network; None: not known
_NETWORK_BACKENDS: dict[bool | None, Text] = {
    True: Text(
        en="QEMU's user-mode network: a TCP/IP of its own",
        ja="QEMUのユーザーモードネットワーク(独自のTCP/IP)",
    ),
    False: Text(en="QEMU's network back end: a tap device", ja="QEMUのネットワークバックエンド: tapデバイス"),
    None: Text(en="QEMU's network back end", ja="QEMUのネットワークバックエンド"),
}
NETWORK_BELOW: dict[bool | None, Text] = {
    True: Text(en="an ordinary socket of QEMU's process", ja="QEMUプロセスの普通のソケット"),
    False: Text(
        en="tap device, and the bridge of the lab's network", ja="tapデバイスと、ラボのネットワークのブリッジ"
    ),
    None: Text(en="the host's network", ja="ホストのネットワーク"),
}

# of guests in guests
INNER_BACKEND = Text(
    en="back end of this QEMU: system calls to the kernel below it",
    ja="このQEMUのバックエンド: 下のカーネルへのシステムコール",
)
IMITATED = Text(
    en="KVM, and for it the processor itself runs the code, in non-root mode, which an exit leaves. But that "
    "processor is imitated in turn, its virtualization support included: by the host's QEMU, below",
    ja="KVMから見れば、プロセッサ自身がnon-rootモードでコードを実行し、exitで抜けます。"
    "ただし、そのプロセッサは仮想化支援機能も含めて、下にあるホストのQEMUが模倣したものです",
)
NAMESPACES = Text(
    en="namespaces show them a process tree, a host name, a network and a root of their own; "
    "control groups limit them",
    ja="名前空間により、専用のプロセスツリー、ホスト名、ネットワーク、ルートだけが見えます。資源はcgroupで制限されます",
)
ONE_KERNEL = Text(
    en="one kernel for all: a container has none of its own, and no device",
    ja="カーネルは全体で1つです。コンテナは専用のカーネルもデバイスも持ちません",
)
TOOLS = Text(
    en="xl, xenstored and xenconsoled: the tools that make and end domains",
    ja="xl、xenstored、xenconsoled: ドメインを作成、終了するツール群",
)
DOMAIN_0 = Text(en="Domain 0", ja="ドメイン0")
XEN = Text(en="Xen, below all kernels", ja="Xen(すべてのカーネルの下)")
XEN_MODE = Text(en="ring 0, the first to start", ja="リング0(最初に起動する)")
XEN_DOES = Text(
    en="schedules domains, keeps their memory apart, passes events; it has no disk or network driver",
    ja="ドメインのスケジューリング、メモリの分離、イベントの通知だけを行い、ディスクやネットワークのドライバは持ちません",
)
