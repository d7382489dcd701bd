"""What a guest tells about itself, read from inside: the facts that comparisons and checks stand on.

Everything here came from a guest, so it was bounded and made printable when it was parsed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """A device on a bus that can be listed. Platform devices are not among them."""

    bus: str  # pci | virtio | scsi | xen | vmbus
    address: str  # 0000:00:04.0, virtio1
    ident: str  # 1af4:1001 on pci, else what the bus calls its kind
    name: str  # for people; the ident where nobody named it
    driver: str | None
    interface: str  # interfaces.EMULATED or one of interfaces.PARAVIRTUAL


@dataclass(frozen=True, slots=True)
class Disk:
    name: str  # sda, vda
    size: int  # bytes
    drivers: tuple[str, ...]  # from the disk's own towards the bus: ("sd", "ata_piix")
    interface: str


@dataclass(frozen=True, slots=True)
class Interface:
    name: str  # eth0
    mac: str
    drivers: tuple[str, ...]  # from the card's own towards the bus: ("virtio_net", "virtio-pci")
    interface: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    source: str  # the handler's name as /proc/interrupts gives it: ata_piix, virtio0-input.0, LOC
    count: int  # since boot, on all processors


@dataclass(frozen=True, slots=True)
class Phase:
    name: str  # init | network | hardware | agent
    seconds: float  # of the guest's uptime when it was reached


@dataclass(frozen=True, slots=True)
class Facts:
    """One guest, at one moment. ``missing`` names the parts that it did not give."""

    kernel: str  # release: 6.1.0-44-amd64
    machine: str  # what the firmware calls it: "QEMU Standard PC (i440FX + PIIX, 1996)"
    firmware: str  # bios | uefi | none (a Xen PV guest, a container)
    processor: str
    processors: int
    memory: int  # bytes that the kernel manages
    signature: str  # what CPUID leaf 0x40000000 says: "TCGTCGTCGTCG", "KVMKVMKVM"; empty where nothing
    features: int  # CPUID leaf 0x40000001, EAX: KVM's paravirtual features; 0 where none
    detected: str  # the hypervisor that the kernel says it recognized; empty where none
    entry: str  # what the kernel says it is booting on: "bare hardware", "KVM", "Xen"
    clock: str  # the clock source in use
    clocks: tuple[str, ...]  # those that could be
    devices: tuple[Device, ...]
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]
    interrupts: tuple[Interrupt, ...]
    modules: tuple[str, ...]  # loaded kernel modules that drive paravirtual devices
    agent: str  # the port that the guest agent sits on: /dev/ttyS1, /dev/vport1p1; empty where none
    consoles: tuple[str, ...]  # ttyS0, hvc0
    rng: str  # the hardware random number generator in use; empty where none
    phases: tuple[Phase, ...]
    platform: tuple[str, ...]  # what every such machine has and proves nothing: "fw_cfg", "AHCI", ...
    missing: tuple[str, ...] = ()
