"""Counting register accesses in QEMU's trace: only the device's own, only between the marks, none lost."""

from __future__ import annotations

import pytest

from provisioner.measure import trace_log
from provisioner.measure.trace_log import Access
from provisioner.model.hardware import disk_buses, network_cards
from provisioner.model.hardware.device_models import DeviceModel

BEGIN, END = b"0f3a-begin;", b"0f3a-end;"
OLD, DATED = "18026@1795469300.119396:", "2026-12-01T02:27:11.766785Z "  # since QEMU 11.1 the second


def line(kind: str, address: int, value: int, region: str, head: str = OLD) -> bytes:
    return (
        f"{head}memory_region_ops_{kind} cpu 0 mr 0x55a847b67a40 addr {address:#x} "
        f"value {value:#x} size 1 name '{region}'\n"
    ).encode()


def dated(log: bytes) -> bytes:
    """The same as QEMU 11.1 writes it."""
    return log.replace(OLD.encode(), DATED.encode())


def console(text: bytes) -> bytes:
    """What the trace has of a text on the first serial port: a look at its state goes before each byte."""
    return b"".join(
        line("read", 0x3FD, 0x60, "serial") + line("write", 0x3F8, byte, "serial") for byte in text
    )


WORK = line("write", 0x1F7, 0xC8, "ide") * 3 + line("read", 0xC001, 4, "piix-bmdma") * 2
NOISE = line("write", 0xFEE000B0, 0, "apic-msi") + line("read", 0x1F7, 0x50, "ide")


def counted(log: bytes) -> dict[str, int]:
    return trace_log.by_region(trace_log.between(trace_log.accesses(log), BEGIN, END))


def test_only_what_lies_between_the_marks_counts() -> None:
    log = NOISE + console(b"\r\n" + BEGIN + b"\r\n") + WORK + console(END) + NOISE
    assert counted(log) == {"serial": 5, "ide": 3, "piix-bmdma": 2}
    assert counted(dated(log)) == counted(log)


def test_an_access_is_read_in_all_its_parts() -> None:
    assert trace_log.accesses(line("write", 0x1F7, 0xC8, "ide")) == [Access(True, 0x1F7, 0xC8, "ide")]
    assert trace_log.accesses(line("read", 0x3FD, 0x60, "serial")) == [Access(False, 0x3FD, 0x60, "serial")]
    of_qemu_11 = (
        b"2026-12-01T02:27:11.766785Z memory_region_ops_write cpu -1 mr 0x55ae1b1f4f00 "
        b"addr 0xfee00000 value 0x0 size 4 name 'apic-msi'\n"
    )
    assert trace_log.accesses(of_qemu_11) == [Access(True, 0xFEE00000, 0, "apic-msi")]


@pytest.mark.parametrize("lost", [3, -3])
def test_a_lost_line_of_a_mark_is_noticed(lost: int) -> None:
    lines = (console(BEGIN) + WORK + console(END)).splitlines(keepends=True)
    del lines[lost]
    with pytest.raises(ValueError, match="mark"):
        counted(b"".join(lines))


def test_a_trace_that_ends_before_the_work_does_is_noticed() -> None:
    with pytest.raises(ValueError, match="mark"):
        counted(console(BEGIN) + WORK)


def test_a_mark_before_the_one_that_is_meant_does_not_count() -> None:
    log = console(END) + console(BEGIN) + WORK + console(END)
    assert counted(log)["ide"] == 3


def test_the_agents_port_is_no_console() -> None:
    wrong = console(BEGIN).replace(b"0x3f8", b"0x2f8")
    with pytest.raises(ValueError, match="mark"):
        counted(wrong + WORK + console(END))


@pytest.mark.parametrize(
    "damaged",
    [
        line("read", 1, 1, "ide")[:40] + b"\n",
        line("read", 1, 1, "ide")[20:],
        line("read", 1, 1, "ide")[:-1] + line("read", 1, 1, "ide"),
        line("read", 1, 1, "ide", DATED)[:20] + b"\n",
        line("read", 1, 1, "ide", DATED)[:40] + b"\n",
        line("read", 1, 1, "ide", DATED)[30:],
        line("read", 1, 1, "ide", DATED)[:-1] + line("read", 1, 1, "ide", DATED),
        line("read", 1, 1, "ide", DATED)[:-20] + line("read", 1, 1, "ide", DATED),
    ],
)
def test_a_damaged_line_spoils_the_count(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        counted(console(BEGIN) + damaged + console(END))


def test_what_else_qemu_says_does_not_matter() -> None:
    log = (
        console(BEGIN)
        + b"qemu-system-x86_64: warning: TCG doesn't support\n\xff\xfe\n"
        + b"2026-12-01T06:00:38.793269Z qemu-system-x86_64: warning: '-mon' is deprecated\n"
        + b"2026-12-01 06:00:38.793+0000: shutting down, reason=destroyed\n"
        + WORK
        + console(END)
    )
    assert counted(log)["ide"] == 3
    assert counted(dated(log)) == counted(log)


@pytest.mark.parametrize(
    ("model", "own"),
    [
        (disk_buses.model_of("ide", None), {"ide", "piix-bmdma", "bmdma"}),
        (disk_buses.model_of("sata", None), {"ahci", "ahci-idp"}),
        (disk_buses.model_of("nvme", None), {"nvme"}),
        (disk_buses.model_of("virtio", None), {"virtio-pci-notify-virtio-blk"}),
        (disk_buses.model_of("scsi", "virtio-scsi"), {"virtio-pci-notify-virtio-scsi"}),
        (disk_buses.model_of("scsi", "lsilogic"), {"lsi-mmio"}),
        (disk_buses.model_of("scsi", "lsisas1068"), {"mptsas-mmio"}),
        (disk_buses.model_of("scsi", "vmpvscsi"), {"pvscsi-io"}),
        (network_cards.model_of("e1000"), {"e1000-mmio", "e1000-io"}),
        (network_cards.model_of("e1000e"), {"e1000e-mmio"}),
        (network_cards.model_of("virtio"), {"virtio-pci-notify-virtio-net"}),
        (network_cards.model_of("vmxnet3"), {"vmxnet3-b0"}),
    ],
)
def test_a_device_has_its_own_registers_and_no_others(model: DeviceModel, own: set[str]) -> None:
    names = (
        "ide piix-bmdma bmdma ahci ahci-idp nvme virtio-pci-notify-virtio-blk virtio-pci-notify-virtio-scsi "
        "lsi-mmio mptsas-mmio pvscsi-io e1000-mmio e1000-io e1000e-mmio virtio-pci-notify-virtio-net "
        "vmxnet3-b0 apic-msi serial virtio-pci-notify"
    )
    everything = dict.fromkeys(names.split(), 1)
    assert model.regions is not None
    assert trace_log.of_device(everything, model.regions).keys() == own


def test_a_device_that_is_not_known_has_no_pattern() -> None:
    assert disk_buses.model_of("scsi", "unheard-of").regions is None
    assert network_cards.model_of("ne2k_pci").regions is None
