"""Stacks of guests inside others: what is shared, what stands below, and the way of a request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import HOST, facts, sample

from provisioner.model.enums import Accel, GuestKind
from provisioner.observe import stack
from provisioner.observe.stack import Frame, Picture, Ring, Section, Stack
from provisioner.observe.stack_inside import StackGuest, of_all

VIRTIO = facts(("virtio_blk", "virtio-pci"), ("virtio_net", "virtio-pci"))
FRONT = replace(facts(("vbd",), ("vif",)), detected="Xen PV")
NESTED = replace(VIRTIO, signature="KVMKVMKVM")


def machine(name: str, **more: object) -> StackGuest:
    return StackGuest(sample(name, **more), "tcg", VIRTIO)


def inside(name: str, kind: str, parent: str, told: object = VIRTIO, **more: object) -> StackGuest:
    return StackGuest(sample(name, kind=GuestKind(kind), parent=parent, **more), "tcg", told)  # type: ignore[arg-type]


def picture(of: Stack, path: str = "disk") -> Picture:
    found = of.picture(path)
    assert found is not None
    return found


def parts(of: Picture) -> list[str]:
    return [step.part for step in stack.steps(of)]


def sections(frame: Frame) -> list[tuple[str, Section]]:
    """Each section with its frame's part, outer ones first."""
    found = []
    for section in frame.sections:
        found.append((frame.part, section))
        for item in section.inside:
            if isinstance(item, Frame):
                found += sections(item)
    return found


def text(of: Picture) -> str:
    return "\n".join(
        [section.title.en for _, section in sections(of.frame)] + [step.text.en for step in stack.steps(of)]
    )


def test_a_machine_alone_is_drawn_as_ever() -> None:
    one = machine("one")
    assert of_all([one], host=HOST) == {"one": stack.of(one.guest, "tcg", VIRTIO, host=HOST)}


def test_a_container_has_programs_and_no_kernel() -> None:
    stacks = of_all([machine("host"), inside("ve", "container", "host", disks=())], host=HOST)
    drawn = picture(stacks["ve"])
    kernels = [frame for frame, section in sections(drawn.frame) if section.ring is Ring.KERNEL]
    assert kernels == ["guest"]
    assert [section.ring for frame, section in sections(drawn.frame) if frame == "container"] == [
        Ring.PROGRAM
    ]
    # from its host's kernel on, its way is the same as of any program there
    assert parts(drawn) == parts(picture(stacks["host"]))
    assert [s.text for s in stack.steps(drawn)][1:] == [s.text for s in stack.steps(picture(stacks["host"]))][
        1:
    ]
    assert parts(picture(stacks["ve"], "network"))[:3] == ["program", "veth", "system"]
    assert stacks["ve"].guest == "ve"


def test_a_container_without_a_network_has_no_way_of_a_packet() -> None:
    lone = inside("ve", "container", "host", interfaces=())
    assert of_all([machine("host"), lone], host=HOST)["ve"].picture("network") is None


def test_a_read_in_domain_u_goes_through_domain_0() -> None:
    stacks = of_all([machine("dom0"), inside("pv", "xen", "dom0", FRONT)], host=HOST)
    drawn = picture(stacks["pv"])
    assert parts(drawn) == [
        "program",
        "system",
        "driver",
        "crossing",
        "device",
        "below-system",
        "below-driver",
        "below-crossing",
        "below-device",
        "backend",
        "host",
        "host-driver",
    ]
    said = {step.part: step.text.en for step in stack.steps(drawn)}
    assert said["driver"] == "driver vbd"
    assert "blkback" in said["device"]
    assert said["below-driver"] == "driver virtio_blk → virtio-pci"
    rings = [(frame, section.ring) for frame, section in sections(drawn.frame)]
    assert rings.index(("guest", Ring.HYPERVISOR)) < rings.index(("domain-u", Ring.KERNEL))
    assert rings.index(("domain-u", Ring.KERNEL)) < rings.index(("domain-0", Ring.KERNEL))
    own = {frame: section for frame, section in sections(drawn.frame) if section.ring is Ring.KERNEL}
    assert own["domain-u"].mode is not None
    assert "ring 3" in own["domain-u"].mode.en
    # Domain 0 itself stands on Xen, too
    zero = [(frame, section.ring) for frame, section in sections(picture(stacks["dom0"]).frame)]
    assert ("guest", Ring.HYPERVISOR) in zero
    assert ("domain-0", Ring.KERNEL) in zero


def test_a_disk_in_domain_0s_memory_ends_there() -> None:
    stacks = of_all([machine("dom0", disks=()), inside("pv", "xen", "dom0", FRONT)], host=HOST)
    assert parts(picture(stacks["pv"]))[-2:] == ["device", "below-system"]
    assert "in the memory of dom0" in text(picture(stacks["pv"]))


def test_a_nested_machine_has_a_qemu_in_its_host() -> None:
    stacks = of_all([machine("kvm"), inside("nest", "nested", "kvm", NESTED)], host=HOST)
    drawn = picture(stacks["nest"])
    emulators = [section.title.en for _, section in sections(drawn.frame) if section.ring is Ring.EMULATOR]
    assert emulators == ["QEMU 7.2.22, a process", "QEMU, a process of kvm"]
    assert parts(drawn)[:7] == [
        "program",
        "system",
        "driver",
        "crossing",
        "device",
        "inner-backend",
        "below-system",
    ]
    modes = [section.mode.en for f, section in sections(drawn.frame) if section.mode and f == "guest"]
    assert "guest kernel mode, non-root" in modes  # by the inner KVM
    assert "guest kernel mode" in modes  # the machine around it is emulated


def test_deeper_and_unknown() -> None:
    deep = of_all(
        [machine("kvm"), inside("nest", "nested", "kvm"), inside("ve", "container", "nest", None, disks=())],
        host=None,
    )
    assert parts(picture(deep["ve"]))[:4] == ["program", "system", "driver", "crossing"]
    assert parts(picture(deep["ve"])).count("below-driver") == 1
    assert of_all([inside("lost", "container", "nobody")], host=None) == {}


@pytest.mark.parametrize("kind", ["container", "xen", "nested"])
@pytest.mark.parametrize("told", [None, VIRTIO])
def test_every_step_has_its_number_and_its_text_in_both_languages(kind: str, told: object) -> None:
    for one in of_all([machine("host"), inside("in", kind, "host", told)], host=None).values():
        for drawn in one.pictures:
            found = stack.steps(drawn)
            assert [step.number for step in found] == list(range(1, len(found) + 1))
            assert all(step.text.ja and step.text.en for step in found)
            names = [step.part for step in found]
            assert len(set(names)) == len(names)


def test_a_kernel_that_recognized_another_hypervisor_is_told_apart() -> None:
    shown = {"kvm": NESTED, "hyperv": replace(NESTED, signature="Microsoft Hv", detected="Microsoft Hyper-V")}
    guests = [inside(name, "nested", "host", told, accel=Accel.KVM) for name, told in shown.items()]
    stacks = of_all([machine("host"), *guests], host=HOST)
    assert stack.differing([picture(stacks[name]) for name in shown]) == {"guise"}
    said = [
        item.text.en
        for _, section in sections(picture(stacks["hyperv"]).frame)
        for item in section.inside
        if isinstance(item, stack.Remark) and item.part == "guise"
    ]
    assert len(said) == 1
    assert "Hyper-V" in said[0]
    assert said[0].endswith("KVM is what answers")
