"""The named facts that a lab's observations can ask for, as texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from provisioner.language import Text
from provisioner.model.facts import Facts
from provisioner.model.hardware import identify
from provisioner.model.hardware.interfaces import EMULATED

Values = tuple[str, ...]


def values(facts: Facts) -> dict[str, Values]:
    """Every named fact of a guest; the empty tuple for what it does not have. Names as in ``NAMES``."""
    return {name: tuple(item for item in read(facts) if item) for name, (_, read) in _READERS.items()}


def agent_interface(facts: Facts) -> str:
    """What the agent's port is; empty where there is no agent."""
    if facts.agent.startswith("/dev/vport"):
        return "virtio"
    if facts.agent.startswith("/dev/hvc"):
        return _hvc_interface(facts)
    return EMULATED if facts.agent else ""


def console_interface(facts: Facts, name: str) -> str:
    """What a console is: ``ttyS0`` is a serial port, ``hvc0`` a paravirtual console."""
    return _hvc_interface(facts) if name.startswith("hvc") else EMULATED


def _hvc_interface(facts: Facts) -> str:
    interfaces = {device.interface for device in identify.of_kind(facts.devices, "console")}
    return "virtio" if "virtio" in interfaces else "xen"


def rng_interface(facts: Facts) -> set[str]:
    """What the hardware random number generators are, the one in use and paravirtual ones."""
    interfaces = {device.interface for device in identify.of_kind(facts.devices, "rng")}
    return interfaces | ({EMULATED} if facts.rng and not facts.rng.startswith("virtio") else set())


def balloon_interface(facts: Facts) -> set[str]:
    """What asks for memory back: a device of its own, or, on Xen and VMware, a driver alone."""
    interfaces = {device.interface for device in identify.of_kind(facts.devices, "balloon")}
    drivers = {"vmw_balloon": "vmware", "hv_balloon": "hyperv"}
    return interfaces | {drivers[module] for module in facts.modules if module in drivers}


def clock_interface(facts: Facts) -> str:
    """Whose the clock source is."""
    return identify.CLOCKS.get(facts.clock, EMULATED) if facts.clock else ""


def paravirtual(facts: Facts) -> Values:
    """Each paravirtual device, as ``pci 0000:00:04.0 1af4:1001``."""
    return tuple(f"{d.bus} {d.address} {d.ident}" for d in facts.devices if d.interface != EMULATED)


def _number(value: int) -> Values:
    return (str(value),) if value else ()


def _set(items: Iterable[str | None]) -> Values:
    return tuple(sorted({item for item in items if item}))


_READERS: dict[str, tuple[Text, Callable[[Facts], Values]]] = {
    "kernel": (
        Text("The kernel's release.", "カーネルのリリース番号です。"),
        lambda f: (f.kernel,),
    ),
    "machine": (
        Text("What the firmware calls the machine.", "ファームウェアが名乗るマシンの名前です。"),
        lambda f: (f.machine,),
    ),
    "firmware": (
        Text("bios, uefi or none.", "bios、uefi、noneのいずれかです。"),
        lambda f: (f.firmware,),
    ),
    "processor": (
        Text("The processor's name.", "プロセッサの名前です。"),
        lambda f: (f.processor,),
    ),
    "processors": (
        Text("How many processors are in use.", "使われているプロセッサの数です。"),
        lambda f: _number(f.processors),
    ),
    "memory-mib": (
        Text("Memory that the kernel manages, in MiB.", "カーネルが管理するメモリの量(MiB)です。"),
        lambda f: _number(f.memory // 1024**2),
    ),
    "hypervisor.signature": (
        Text(
            "What CPUID leaf 0x40000000 says, such as KVMKVMKVM or TCGTCGTCGTCG.",
            "CPUIDの0x40000000が返す署名です。KVMKVMKVMやTCGTCGTCGTCGなどです。",
        ),
        lambda f: (f.signature,),
    ),
    "hypervisor.detected": (
        Text(
            "The hypervisor that the kernel says it recognized.",
            "カーネルが「認識した」と報告するハイパーバイザです。",
        ),
        lambda f: (f.detected,),
    ),
    "entry": (
        Text(
            "What the kernel says it is booting on: bare hardware, KVM, Xen, ….",
            "カーネルが起動時に報告する土台です。bare hardware、KVM、Xenなどです。",
        ),
        lambda f: (f.entry,),
    ),
    "clock.source": (
        Text("The clock source in use.", "使用中のクロックソースです。"),
        lambda f: (f.clock,),
    ),
    "clock.interface": (
        Text(
            "kvm, xen or hyperv for a paravirtual clock source, else emulated.",
            "準仮想化クロックならkvm、xen、hyperv、それ以外はemulatedです。",
        ),
        lambda f: (clock_interface(f),),
    ),
    "clock.sources": (
        Text("The clock sources that could be used.", "利用できるクロックソースです。"),
        lambda f: f.clocks,
    ),
    "disk.names": (
        Text("The disks.", "ディスクの名前です。"),
        lambda f: tuple(disk.name for disk in f.disks),
    ),
    "disk.drivers": (
        Text(
            "Drivers between the disks and the processor.",
            "ディスクからプロセッサまでの間で働くドライバです。",
        ),
        lambda f: _set(driver for disk in f.disks for driver in disk.drivers),
    ),
    "disk.interface": (
        Text(
            "What the disks speak: emulated, virtio, vmware, xen or hyperv.",
            "ディスクのインターフェースです。emulated、virtio、vmware、xen、hypervのいずれかです。",
        ),
        lambda f: _set(disk.interface for disk in f.disks),
    ),
    "network.names": (
        Text("The network interfaces.", "ネットワークインターフェースの名前です。"),
        lambda f: tuple(interface.name for interface in f.interfaces),
    ),
    "network.drivers": (
        Text(
            "Drivers between the network cards and the processor.",
            "ネットワークカードからプロセッサまでの間で働くドライバです。",
        ),
        lambda f: _set(driver for interface in f.interfaces for driver in interface.drivers),
    ),
    "network.interface": (
        Text(
            "What the network cards speak: emulated, virtio, vmware, xen or hyperv.",
            "ネットワークカードのインターフェースです。emulated、virtio、vmware、xen、hypervのいずれかです。",
        ),
        lambda f: _set(interface.interface for interface in f.interfaces),
    ),
    "agent.interface": (
        Text(
            "What the guest agent's port is: emulated for a serial port, virtio, xen.",
            "ゲストエージェントが使うポートの種類です。シリアルポートならemulatedです。",
        ),
        lambda f: (agent_interface(f),),
    ),
    "agent.port": (
        Text("The port that the guest agent has open.", "ゲストエージェントが開いているポートです。"),
        lambda f: (f.agent,),
    ),
    "balloon.interface": (
        Text(
            "What the memory balloon is: virtio, vmware, hyperv; nothing where there is none.",
            "メモリバルーンの種類です。なければ空です。",
        ),
        lambda f: _set(balloon_interface(f)),
    ),
    "rng.interface": (
        Text(
            "What the random number devices are; nothing where there is none.",
            "乱数デバイスの種類です。なければ空です。",
        ),
        lambda f: _set(rng_interface(f)),
    ),
    "console.interface": (
        Text(
            "What the consoles are: emulated for a serial port, virtio or xen for a paravirtual one.",
            "コンソールの種類です。シリアルポートはemulated、準仮想化コンソールはvirtioかxenです。",
        ),
        lambda f: _set(console_interface(f, name) for name in f.consoles),
    ),
    "pci.devices": (
        Text("The PCI devices, as vendor:device.", "PCIデバイスの一覧です(ベンダー:デバイス)。"),
        lambda f: _set(d.ident for d in f.devices if d.bus == "pci"),
    ),
    "pci.drivers": (
        Text("The drivers of PCI devices.", "PCIデバイスに結び付いたドライバです。"),
        lambda f: _set(d.driver for d in f.devices if d.bus == "pci"),
    ),
    "paravirtual.devices": (
        Text(
            "Every paravirtual device on any bus, with or without a driver, as BUS ADDRESS KIND.",
            "すべてのバスの準仮想化デバイスです。ドライバの有無は問いません(バス アドレス 種類)。",
        ),
        paravirtual,
    ),
    "paravirtual.drivers": (
        Text("The drivers of paravirtual devices.", "準仮想化デバイスに結び付いたドライバです。"),
        lambda f: _set(d.driver for d in f.devices if d.interface != EMULATED),
    ),
    "modules": (
        Text(
            "Loaded kernel modules that drive paravirtual devices.",
            "読み込まれている準仮想化デバイス用のカーネルモジュールです。",
        ),
        lambda f: f.modules,
    ),
    "platform": (
        Text(
            "What such a machine always has, and what proves nothing: fw_cfg, the board, ….",
            "この種のマシンに必ずあり、何の証拠にもならないものです。fw_cfgやマザーボードなどです。",
        ),
        lambda f: f.platform,
    ),
}

NAMES: dict[str, Text] = {name: words for name, (words, _) in _READERS.items()}
