"""The parts of the article that labs go with, in its order. The titles are ours."""

from __future__ import annotations

from provisioner.language import Text

PARTS: dict[str, Text] = {
    "5(1)": Text("Virtualization on top of a host's system", "ホストOSの上で行う仮想化"),
    "5(2)": Text(
        "Hypervisors: full virtualization and paravirtualization", "ハイパーバイザ: 完全仮想化と準仮想化"
    ),
    "6(1)": Text("VMware Server", "VMware Server"),
    "6(2)": Text("VMware ESXi", "VMware ESXi"),
    "6(3)": Text("Xen", "Xen"),
    "6(4)": Text("Hyper-V", "Hyper-V"),
    "6(5)": Text("KVM", "KVM"),
    "6(6)": Text("OpenVZ: containers", "OpenVZ: コンテナ"),
    "7": Text("The products beside each other, and what they are for", "製品の比較と、仮想化の目的"),
}
