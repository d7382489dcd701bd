"""Whether a lab can run here."""

from __future__ import annotations

import dataclasses

import pytest
from worlds import disk, guest, lab, network

from provisioner.language import Text
from provisioner.lifecycle.lab_files import images_of
from provisioner.model.accel import KvmFacts
from provisioner.model.enums import Accel, GuestKind, NetworkMode, Transport
from provisioner.model.lab import Expectation, How, Lab, Observation
from provisioner.units import MIB
from provisioner.verbs.doctor import LabVerdict, verdict

KVM = KvmFacts(exists=True, opens=True, offered=True, hardware="vmx")
NO_KVM = KvmFacts(exists=False, opens=None, offered=None, hardware="vmx")
PLAIN = lab(guest("one"))
ISOLATED = lab(guest("one"), networks=(network(mode=NetworkMode.ISOLATED),))


def judged(
    of: Lab,
    found: KvmFacts = KVM,
    *,
    is_session: bool = False,
    memory: int | None = None,
    obstacles: tuple[str, ...] = (),
    nested: bool | None = None,
) -> LabVerdict:
    return verdict(of, found, is_session=is_session, memory=memory, obstacles=obstacles, nested=nested)


@pytest.mark.parametrize(
    ("given", "how"),
    [
        (judged(PLAIN), "kvm"),
        (judged(PLAIN, NO_KVM), "emulated"),
        (judged(lab(guest("one", accel=Accel.TCG))), "emulated"),
        (judged(ISOLATED), "kvm"),
        (judged(PLAIN, memory=300 * MIB), "kvm"),
    ],
)
def test_it_runs(given: LabVerdict, how: str) -> None:
    assert given.how == how


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (judged(lab(guest("one", accel=Accel.KVM)), NO_KVM), "it wants KVM: this host has no /dev/kvm"),
        (
            judged(ISOLATED, is_session=True),
            "network lab is isolated, which qemu:///session can't do",
        ),
        (judged(PLAIN, obstacles=("no such packages",)), "no such packages"),
        (judged(PLAIN, memory=16 * MIB), "it takes 256 MiB of memory"),
    ],
)
def test_it_does_not_run(given: LabVerdict, why: str) -> None:
    assert (given.how, given.why) == ("not", why)


def test_checks_that_need_kvm_are_counted() -> None:
    def item(name: str, *needs: str) -> Observation:
        return Observation(name, Text(name), ("one",), "kernel", (), "", Expectation(How.IS, ()), needs, None)

    of = dataclasses.replace(PLAIN, observe=(item("a"), item("b", "kvm"), item("c", "tcg")))
    assert judged(of, NO_KVM).why.startswith("slower, and 1 of 3 checks need KVM: ")
    assert "need KVM" not in judged(PLAIN, NO_KVM).why
    assert judged(of).why.endswith(", and 1 of 3 checks need emulation")
    mixed = dataclasses.replace(of, guests=(guest("one"), guest("two", accel=Accel.TCG)))
    assert "need KVM" not in judged(mixed).why
    networked = dataclasses.replace(PLAIN, observe=(item("a"), item("b", "network")))
    assert "need" not in judged(networked).why
    assert "1 of 2 checks need a network of the lab's own" in judged(networked, is_session=True).why


def test_what_the_lab_file_has_emulated_speaks_for_no_other_guest() -> None:
    mixed = lab(guest("host"), guest("direct", accel=Accel.TCG))
    found = judged(mixed)
    assert (found.how, found.why) == (
        "kvm",
        "/dev/kvm opens and the processor has vmx; direct emulated, as the lab file says",
    )
    found = judged(mixed, NO_KVM)
    assert (found.how, found.why) == ("emulated", "slower: this host has no /dev/kvm")
    found = judged(lab(guest("direct", accel=Accel.TCG)))
    assert (found.how, found.why) == ("emulated", "slower: its lab file says accel: tcg")


@pytest.mark.parametrize(
    ("accel", "nested", "how"),
    [
        (Accel.KVM, False, "not"),
        (Accel.KVM, True, "kvm"),
        (Accel.KVM, None, "kvm"),
        (Accel.AUTO, False, "kvm"),
    ],
)
def test_kvm_in_a_guest_wants_a_host_that_gives_it(accel: Accel, nested: bool | None, how: str) -> None:
    inner = guest("in", kind=GuestKind.NESTED, parent="one", transport=Transport.PARENT, accel=accel)
    assert judged(lab(guest("one"), inner), nested=nested).how == how
    assert judged(lab(guest("one"), inner), NO_KVM, nested=nested).how == "emulated"


def test_only_images_that_libvirt_is_to_have_are_asked_for() -> None:
    inner = guest("in", kind=GuestKind.XEN, parent="one", transport=Transport.PARENT, image="xen-domu")
    of = lab(guest("one", image="xen", disks=(disk(image="notes"),)), inner)
    assert images_of([of, PLAIN]) == ["xen", "notes", "tiny"]
