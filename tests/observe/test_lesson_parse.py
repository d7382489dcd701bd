"""From what a guest told to facts: real answers, other hypervisors' guests, and nonsense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told_guests import TCG, answer, facts

from provisioner.model.facts import Device, Disk, Interface
from provisioner.observe import parse


def test_a_guest_on_emulated_hardware() -> None:
    found = facts("full")
    assert found.missing == ()
    assert found.disks == (Disk("sda", 64 * 1024**2, ("sd", "ata_piix"), "emulated"),)
    assert [(i.name, i.drivers, i.interface) for i in found.interfaces] == [("eth0", ("e1000",), "emulated")]
    assert found.agent == "/dev/ttyS1"
    assert found.consoles == ("ttyS0",)
    assert (found.signature, found.features, found.detected) == ("TCGTCGTCGTCG", 0, "")
    assert (found.machine, found.firmware) == ("QEMU Standard PC (i440FX + PIIX, 1996)", "bios")
    assert (found.entry, found.clock, found.clocks) == ("bare hardware", "tsc", ("tsc", "acpi_pm"))
    assert (found.rng, found.modules) == ("", ())
    assert [phase.name for phase in found.phases] == ["init", "network", "hardware", "agent"]
    assert 100 < found.memory / 1024**2 < 192
    assert all(device.interface == "emulated" for device in found.devices)
    assert Device(
        "pci", "0000:00:02.0", "8086:100e", "82540EM Gigabit Ethernet Controller", "e1000", "emulated"
    ) in (found.devices)


def test_a_guest_with_virtio_devices() -> None:
    found = facts("virtio")
    assert found.disks == (Disk("vda", 64 * 1024**2, ("virtio_blk", "virtio-pci"), "virtio"),)
    assert found.interfaces[0].drivers == ("virtio_net", "virtio-pci")
    assert found.agent == "/dev/vport1p1"
    assert found.consoles == ("ttyS0", "hvc0"), "one virtio console, though eight names for one are there"
    assert found.rng == "virtio_rng.0"
    assert {"virtio_blk", "virtio_net", "virtio_balloon"} <= set(found.modules)
    assert {d.ident for d in found.devices if d.bus == "virtio"} == {
        "net",
        "console",
        "block",
        "balloon",
        "rng",
    }


def test_what_proves_nothing_is_the_same_on_both() -> None:
    assert facts("full").platform == facts("virtio").platform
    assert "fw_cfg" in facts("full").platform
    assert "PVH entry" in facts("full").platform


def test_counters_of_several_processors_are_added_up() -> None:
    full = facts("full")
    timer = next(i.count for i in full.interrupts if i.source == "timer")
    line = f"/proc/interrupts:  0:{timer:>11}   IO-APIC"
    found = facts(
        "full", ("           CPU0  ", "     CPU0  CPU1 "), (line, "/proc/interrupts:  0: 3 4   IO-APIC")
    )
    assert next(i.count for i in found.interrupts if i.source == "timer") == 7


def test_interrupts_of_one_handler_are_added_up() -> None:
    lines = [
        "CPU0",
        "14: 3 IO-APIC 14-edge ata_piix",
        "15: 4 IO-APIC 15-edge ata_piix",
        "24: 5 PCI-MSI 0-edge x-0",
    ]
    text = "\n@files\n" + "\n".join(f"/proc/interrupts: {line}" for line in lines) + "\n@cpuid\n\n@end\n"
    found = parse.facts_of(text.encode())
    assert [(i.source, i.count) for i in found.interrupts] == [("ata_piix", 7), ("x-0", 5)]


def test_kvm_tells_its_features() -> None:
    kvm = (
        (0x40000001).to_bytes(4, "little")
        + b"KVMKVMKVM\0\0\0"
        + (0x01007EFB).to_bytes(4, "little")
        + bytes(12)
    )
    found = facts("virtio", ("current_clocksource:tsc", "current_clocksource:kvm-clock"), cpuid=kvm)
    assert (found.signature, found.features, found.clock) == ("KVMKVMKVM", 0x01007EFB, "kvm-clock")


def test_a_processor_without_a_hypervisor_has_no_signature() -> None:
    # what leaf 0x40000000 gives on real hardware is whatever the highest ordinary leaf has
    found = facts("full", cpuid=bytes(range(32)))
    assert (found.signature, found.features, found.missing) == ("", 0, ())


def test_without_the_module_cpuid_that_part_is_missing() -> None:
    found = facts("full", cpuid=b"")
    assert found.missing == ("cpuid",)
    assert found.signature == ""


def test_a_guest_that_recognized_its_hypervisor() -> None:
    found = facts("full", ("@messages\n", "@messages\n[    0.000000] Hypervisor detected: KVM\n"))
    assert found.detected == "KVM"


@pytest.mark.parametrize(
    ("ident", "interface"),
    [
        ("1AF4:1000", "virtio"),
        ("1AF4:1042", "virtio"),
        ("1AF4:107F", "virtio"),
        ("1AF4:1110", "emulated"),
        ("15AD:07C0", "vmware"),
        ("15AD:07B0", "vmware"),
        ("15AD:0405", "emulated"),
        ("5853:0001", "xen"),
        ("1B36:000D", "emulated"),
    ],
)
def test_which_pci_devices_are_made_for_guests(ident: str, interface: str) -> None:
    found = facts("full", ("PCI_ID=8086:7010", f"PCI_ID={ident}"))
    controller = next(d for d in found.devices if d.address == "0000:00:01.1")
    assert controller.interface == interface
    assert found.disks[0].interface == interface, "a disk speaks what its controller speaks"
    scsi = next(d for d in found.devices if d.bus == "scsi")
    assert scsi.interface == interface


def test_a_xen_domain_with_no_pci_bus() -> None:
    text = """\
@processor
 Some Processor
@paths
/sys/block/xvda /sys/devices/vbd-51712/block/xvda
/sys/class/net/eth0 /sys/devices/vif-0/net/eth0
/sys/class/net/lo /sys/devices/virtual/net/lo
/sys/class/net/vif1.0 /sys/devices/vif-1-0/net/vif1.0
@messages
[    0.000000] Hypervisor detected: Xen PV
[    0.014000] Booting kernel on Xen
@listed
class/virtio-ports/* class/tty/hvc0 class/tty/hvc1 bus/acpi/devices/QEMU* firmware/memmap
@files
bus/xen/devices/vbd-51712/uevent:DRIVER=vbd
bus/xen/devices/vbd-51712/uevent:MODALIAS=xen:vbd
bus/xen/devices/vif-0/uevent:DRIVER=vif
bus/xen/devices/vif-0/uevent:MODALIAS=xen:vif
bus/xen/devices/console-0/uevent:MODALIAS=xen:console
block/xvda/size:2048
class/net/eth0/address:00:16:3e:00:00:01
class/net/vif1.0/address:fe:ff:ff:ff:ff:ff
devices/system/cpu/online:0-1,3
devices/system/clocksource/clocksource0/current_clocksource:xen
/proc/sys/kernel/osrelease:6.1.0
@cpuid

@end
"""
    found = parse.facts_of(text.encode())
    assert found.firmware == "none"
    assert (found.detected, found.entry) == ("Xen PV", "Xen")
    assert not found.platform, "what only Xen's kernels say does prove something"
    assert found.disks == (Disk("xvda", 1024**2, ("vbd",), "xen"),)
    assert found.interfaces == (Interface("eth0", "00:16:3e:00:00:01", ("vif",), "xen"),), "no back end"
    assert found.consoles == ("hvc0",)
    assert found.processors == 3
    assert set(found.missing) == {"cpuid", "interrupts", "boot phases"}


def test_where_lspci_is_missing_devices_have_their_numbers_for_names() -> None:
    text = answer("full").decode("latin-1")
    start, end = text.index("@names"), text.index("@listed")
    found = parse.facts_of((text[:start] + text[end:]).encode("latin-1"))
    assert next(device.name for device in found.devices if device.bus == "pci") == "8086:1237"


def test_an_answer_that_was_cut_is_no_answer() -> None:
    whole = answer("virtio")
    for size in (0, 10, len(whole) // 2, len(whole) - 6):
        with pytest.raises(ValueError, match="cut short"):
            parse.facts_of(whole[:size])
    with pytest.raises(ValueError, match="cut short"):
        parse.facts_of(whole + b"more")


def test_a_flood_is_no_answer() -> None:
    with pytest.raises(ValueError, match="64 KiB"):
        parse.facts_of(b"x" * (parse.MOST_BYTES + 1) + b"\n@end\n")


def test_escapes_and_endless_texts_are_made_harmless() -> None:
    evil = "\x1b]0;owned\x07" + "A" * 5000
    found = facts("full", ("@processor\n QEMU", f"@processor\n {evil}"), ("DRIVER=e1000", f"DRIVER={evil}"))
    for text in (found.processor, found.interfaces[0].drivers[0]):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert len(text) <= 121


def test_lists_are_bounded() -> None:
    many = "".join(f"bus/pci/devices/0000:00:{n:02x}.0/uevent:PCI_ID=1234:{n:04X}\n" for n in range(900))
    found = facts("full", ("@files\n", f"@files\n{many}"))
    assert len(found.devices) <= 128


def test_numbers_that_make_no_sense_are_no_numbers() -> None:
    found = facts(
        "full",
        ("block/sda/size:131072", "block/sda/size:" + "9" * 4000),
        ("cpu/online:0", "cpu/online:0-99999999999999999999999"),
        ("MemTotal:", "MemTotal: ١"),
    )
    assert found.disks[0].size == 0
    assert found.processors == 1
    assert found.memory == 0


@given(st.binary(max_size=600))
def test_nonsense_gives_facts_or_a_value_error(noise: bytes) -> None:
    for data in (noise, noise + b"\n@end\n", b"@files\n" + noise + b"\n@cpuid\n" + TCG + b"\n@end\n"):
        try:
            parse.facts_of(data)
        except ValueError:
            continue


@given(st.integers(0, 6000), st.binary(min_size=1, max_size=40))
def test_a_damaged_answer_gives_facts_or_a_value_error(place: int, noise: bytes) -> None:
    whole = answer("virtio")
    try:
        parse.facts_of(whole[:place] + noise + whole[place + len(noise) :])
    except ValueError:
        return
