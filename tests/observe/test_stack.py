"""The stack under a guest as data: nothing in it but what the metadata, the guest and the host told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stacks import DRIVERS, HOST, both, facts, sample, told

from provisioner.model.enums import GuestKind
from provisioner.model.lab import Disk, Interface
from provisioner.observe import stack, stack_inside
from provisioner.observe import stack_words as words
from provisioner.observe.stack import Frame, Picture, Remark, Ring, Section, Stack
from provisioner.observe.stack_inside import StackGuest

PARTS = ["program", "system", "driver", "crossing", "device", "backend", "host", "host-driver"]


def disk(one: Stack) -> Picture:
    picture = one.picture("disk")
    assert picture is not None
    return picture


def said(picture: Picture, part: str) -> str:
    return next(step.text.en for step in stack.steps(picture) if step.part == part)


def sections(frame: Frame) -> dict[str, Section]:
    found = {}
    for section in frame.sections:
        found[section.part] = section
        for item in section.inside:
            if isinstance(item, Frame):
                found |= sections(item)
    return found


@pytest.mark.parametrize("path", ["disk", "network"])
@pytest.mark.parametrize("name", ["full", "virtio"])
def test_a_request_goes_from_the_program_to_the_hosts_driver(name: str, path: str) -> None:
    picture = told(name).picture(path)
    assert picture is not None
    steps = stack.steps(picture)
    assert [step.part for step in steps] == PARTS
    assert [step.number for step in steps] == list(range(1, 9))
    assert all(step.text.ja for step in steps)


def test_what_the_guest_and_the_host_told_is_in_the_picture() -> None:
    full, virtio = (disk(one) for one in both())
    assert said(full, "driver") == "driver sd → ata_piix"
    assert "PIIX3" in said(full, "device")
    assert "I/O ports" in said(full, "crossing")
    assert said(virtio, "driver") == "driver virtio_blk → virtio-pci"
    assert "virtio-blk" in said(virtio, "device")
    assert "one notification" in said(virtio, "crossing")
    assert "cache=writeback" in said(full, "backend")
    assert "(ext4)" in said(full, "host")
    assert "sd → ahci" in said(full, "host-driver")
    parts = sections(full.frame)
    assert "6.1.0-44-amd64" in parts["kernel"].title.en
    assert "7.2.22" in parts["qemu"].title.en
    assert "Linux 6.12.0" in parts["host-kernel"].title.en
    assert "Some Processor" in parts["processor"].title.en


def test_what_differs_is_the_driver_and_the_device_and_what_passes_between_them() -> None:
    assert stack.differing([disk(one) for one in both()]) == {"driver", "crossing", "device"}
    assert stack.differing([disk(told("full"))]) == frozenset()


def test_a_guest_with_kvm_and_one_without_differ_in_who_runs_their_code() -> None:
    pictures = [disk(told("virtio", accel)) for accel in ("tcg", "kvm")]
    expected = {"vcpu", "module", "support", "programs", "kernel", "qemu", "host-kernel"}
    assert stack.differing(pictures) == expected


@pytest.mark.parametrize(
    ("accel", "modes"),
    [
        ("tcg", ["guest user mode", "guest kernel mode", "host user mode", "host kernel mode"]),
        (
            "kvm",
            [
                "guest user mode, non-root",
                "guest kernel mode, non-root",
                "host user mode, root",
                "host kernel mode, root",
            ],
        ),
    ],
)
def test_each_layer_says_its_mode(accel: str, modes: list[str]) -> None:
    parts = sections(disk(told("full", accel)).frame)
    found = [parts[name].mode for name in ("programs", "kernel", "qemu", "host-kernel")]
    assert [mode.en for mode in found if mode] == modes
    assert parts["processor"].mode is None


def test_a_guest_that_told_nothing_has_no_driver_in_its_picture() -> None:
    one = stack.of(sample("full"), "tcg", None, host=None)
    for picture in one.pictures:
        assert said(picture, "driver") == "driver not known: the guest did not tell"
    shown = str(one)
    assert not [name for name in ("ata_piix", "6.1.0", "ext4", "7.2.22") if name in shown]
    partly = stack.of(sample("full"), "tcg", facts(None, ("e1000",), ("disks",)), host=HOST)
    assert "not known" in said(disk(partly), "driver")


def test_what_is_not_known_is_no_difference() -> None:
    silent = stack.of(sample("full"), "tcg", None, host=HOST)
    assert stack.differing([disk(told("full")), disk(silent)]) == frozenset()
    assert stack.differing([disk(told("virtio")), disk(silent)]) == {"crossing", "device"}


def test_a_device_that_no_driver_took_is_told_as_such() -> None:
    foreign = stack.of(sample("virtio"), "tcg", facts(None, None), host=HOST)
    assert said(disk(foreign), "driver").startswith("no driver")


def test_the_driver_is_the_one_of_that_disk_and_not_of_another() -> None:
    one = stack.of(sample("full", bus="virtio"), "tcg", facts(*DRIVERS["full"]), host=HOST)
    assert said(disk(one), "driver").startswith("no driver")


def test_on_the_user_mode_network_no_bridge_is_drawn() -> None:
    session = stack.HostSide(user_network=True)
    picture = told("full", host=session).picture("network")
    unknown = told("full", host=None).picture("network")
    assert picture
    assert unknown
    assert "user-mode" in said(picture, "backend")
    assert "bridge" not in said(picture, "host")
    assert "bridge" not in said(unknown, "host")


@pytest.mark.parametrize(
    ("name", "accel", "expected"), [("virtio", "kvm", True), ("virtio", "tcg", False), ("full", "kvm", False)]
)
def test_the_hosts_kernel_may_serve_virtio_under_kvm(name: str, accel: str, expected: bool) -> None:
    picture = told(name, accel).picture("network")
    assert picture
    assert ("vhost-net" in said(picture, "backend")) is expected


def test_a_guest_without_devices_still_has_a_stack() -> None:
    bare = sample("bare", disks=(), interfaces=(), title=None)
    (picture,) = stack.of(bare, "kvm", None, host=None).pictures
    assert stack.steps(picture) == []
    assert list(sections(picture.frame)) == ["qemu", "programs", "kernel", "host-kernel", "processor"]


@pytest.mark.parametrize(
    ("bus", "controller", "interface"),
    [
        ("ide", None, "emulated"),
        ("sata", None, "emulated"),
        ("scsi", "lsilogic", "emulated"),
        ("scsi", "lsisas1068", "emulated"),
        ("scsi", "virtio-scsi", "virtio"),
        ("scsi", "vmpvscsi", "vmware"),
        ("nvme", None, "emulated"),
        ("virtio", None, "virtio"),
        ("xen", None, "xen"),
    ],
)
def test_each_disk_that_a_lab_can_have_is_known(bus: str, controller: str | None, interface: str) -> None:
    assert Disk(bus, 1 << 20, "none", controller).device.interface == interface


@pytest.mark.parametrize(
    ("model", "interface"),
    [
        ("e1000", "emulated"),
        ("e1000e", "emulated"),
        ("rtl8139", "emulated"),
        ("virtio", "virtio"),
        ("vmxnet3", "vmware"),
        ("xen", "xen"),
    ],
)
def test_each_card_that_a_lab_can_have_is_known(model: str, interface: str) -> None:
    assert Interface("lab", model).device.interface == interface


def test_a_device_of_another_version_gets_no_story() -> None:
    model = Disk("mmc", 1 << 20, "none").device
    assert (model.name.en, model.interface, model.drivers) == ("mmc", "", ())
    assert "not known" in model.crossing.en


def test_grub_has_no_kernel_of_its_own_and_no_user_mode() -> None:
    grub = sample("full", image="grub")
    for made in (
        stack.of(grub, "tcg", None, host=HOST),
        stack_inside.of_all(
            [
                StackGuest(sample("host"), "tcg", None),
                StackGuest(sample("full", image="grub", kind=GuestKind.NESTED, parent="host"), "tcg", None),
            ],
            host=HOST,
        )["full"],
    ):
        (picture,) = made.pictures  # none of a network, of which it knows nothing
        own = next(frame for frame in frames(picture.frame) if frame.title.en == "guest full")
        (section,) = own.sections
        assert (section.ring, section.title.en) == (Ring.KERNEL, "GRUB, with drivers of its own")
        assert section.inside[0] == Remark("plain", words.PLAIN)
        assert [step.text.en for step in stack.steps(picture)][:2] == [
            "a command reads from a disk",
            "driver pata, its own",
        ]


def test_a_request_ends_where_grub_has_no_driver() -> None:
    (picture,) = stack.of(sample("virtio", image="grub"), "tcg", None, host=HOST).pictures
    assert [step.part for step in stack.steps(picture)] == ["program", "driver"]
    assert "the request ends here" in stack.steps(picture)[1].text.en
    (by_firmware,) = stack.of(sample("virtio", image="grub-bios"), "tcg", None, host=HOST).pictures
    assert "firmware reads for it" in stack.steps(by_firmware)[1].text.en
    assert len(stack.steps(by_firmware)) == 7


def frames(frame: Frame) -> Iterator[Frame]:
    yield frame
    for section in frame.sections:
        for item in section.inside:
            if isinstance(item, Frame):
                yield from frames(item)
