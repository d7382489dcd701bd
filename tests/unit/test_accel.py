"""Which accelerator a guest gets: the whole table."""

from __future__ import annotations

from itertools import product

import pytest

from provisioner import errors
from provisioner.model.accel import Asker, Decision, KvmFacts, checked, decide, obstacle
from provisioner.model.enums import Accel

REAL = KvmFacts(exists=True, opens=True, offered=True, hardware="vmx", qemu_user="libvirt-qemu")


@pytest.mark.parametrize(
    ("facts", "decision"),
    [
        (REAL, Decision("kvm", "/dev/kvm opens and the processor has vmx")),
        (KvmFacts(True, True, True, "svm"), Decision("kvm", "/dev/kvm opens and the processor has svm")),
        (KvmFacts(False, None, None, "vmx"), Decision("tcg", "this host has no /dev/kvm")),
        (KvmFacts(False, None, None, ""), Decision("tcg", "this host has no /dev/kvm")),
        (
            KvmFacts(True, True, True, ""),
            Decision(
                "tcg", "/dev/kvm is there, but the processor shows neither vmx nor svm, so it is not real KVM"
            ),
        ),
        (KvmFacts(None, None, None, ""), Decision("tcg", "the processor shows neither vmx nor svm")),
        (
            KvmFacts(True, False, True, "vmx", "libvirt-qemu"),
            Decision("tcg", "/dev/kvm can't be opened by libvirt-qemu, the user that QEMU runs as"),
        ),
        (KvmFacts(True, False, True, "vmx"), Decision("tcg", "/dev/kvm can't be opened")),
        (KvmFacts(True, True, False, "vmx"), Decision("tcg", "libvirt does not offer KVM")),
        (KvmFacts(None, None, False, None), Decision("tcg", "libvirt does not offer KVM")),
    ],
)
def test_auto(facts: KvmFacts, decision: Decision) -> None:
    assert decide(Accel.AUTO, facts) == decision


ALL = [
    KvmFacts(*values)
    for values in product((None, False, True), (None, False, True), (None, False, True), (None, "", "vmx"))
]


def test_auto_takes_kvm_only_where_nothing_speaks_against_it() -> None:
    for facts in ALL:
        against = False in (facts.exists, facts.opens, facts.offered) or facts.hardware == ""
        found = decide(Accel.AUTO, facts)
        assert (found.accel == "tcg") == against == (obstacle(facts) is not None)
        assert found.why
        assert "\n" not in found.why
        assert "None" not in found.why


@pytest.mark.parametrize("accel", [Accel.KVM, Accel.TCG])
def test_what_is_named_is_taken(accel: Accel) -> None:
    said = Decision(str(accel), f"its lab file says accel: {accel}", asked=Asker.FILE)
    assert {decide(accel, facts) for facts in ALL} == {said}
    given = Decision(str(accel), f"--accel {accel} was given", asked=Asker.FLAG)
    assert {decide(said, facts, accel) for facts in ALL for said in Accel} == {given}
    assert decide(accel, ALL[0], "auto") == decide(Accel.AUTO, ALL[0])


def test_what_only_kvm_has_is_not_emulated() -> None:
    kvm, tcg = Decision("kvm", "a reason"), Decision("tcg", "--accel tcg was given")
    assert checked("a", kvm, needs_kvm=True, facts=pytest.fail) == kvm
    assert checked("a", tcg, needs_kvm=False, facts=pytest.fail) == tcg
    for facts, remedy in (
        (REAL, "say --accel auto: KVM can run it here"),
        (KvmFacts(False, None, None, ""), "go to a host with KVM"),
    ):
        with pytest.raises(errors.InputError, match=r"^a has hyperv.*emulated \(--accel tcg was") as caught:
            checked("a", tcg, needs_kvm=True, facts=lambda facts=facts: facts)
        assert caught.value.hint == f"{remedy}; or take these keys out of the lab file"
