"""Which accelerator a guest gets, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner import errors
from provisioner.language import msg
from provisioner.model.enums import Accel


@dataclass(frozen=True, slots=True)
class KvmFacts:
    """What is known of KVM on the hypervisor's host. None stands for what can't be known from here."""

    exists: bool | None  # /dev/kvm is there
    opens: bool | None  # the user that QEMU runs as can open it
    offered: bool | None  # libvirt lists it
    hardware: str | None  # "vmx" or "svm", or "" where the processor shows neither
    qemu_user: str | None = None  # the user whom "opens" is about


@dataclass(frozen=True, slots=True)
class Decision:
    """``accel`` is kvm or tcg. ``why`` is the reason, in one line that is shown beside measured numbers."""

    accel: str
    why: str
    fell_back: bool = False  # KVM was tried before, and failed


def obstacle(facts: KvmFacts) -> str | None:
    """The reason why KVM can't work here, or None where nothing is known against it."""
    if facts.exists is False:
        return msg("this host has no /dev/kvm")
    if facts.hardware == "":
        if facts.exists:
            return msg(
                "/dev/kvm is there, but the processor shows neither vmx nor svm, so it is not real KVM"
            )
        return msg("the processor shows neither vmx nor svm")
    if facts.opens is False:
        if facts.qemu_user:
            return msg("/dev/kvm can't be opened by {user}, the user that QEMU runs as", user=facts.qemu_user)
        return msg("/dev/kvm can't be opened")
    if facts.offered is False:
        return msg("libvirt does not offer KVM")
    return None


def decide(wanted: Accel, facts: KvmFacts) -> Decision:
    """The accelerator to use: as wanted, and for ``auto`` KVM only where nothing is known against it."""
    if wanted is Accel.KVM:
        return Decision("kvm", msg("asked for"))
    if wanted is Accel.TCG:
        return Decision("tcg", msg("asked for"))
    reason = obstacle(facts)
    if reason is not None:
        return Decision("tcg", reason)
    if facts.hardware and facts.opens:
        return Decision(
            "kvm", msg("/dev/kvm opens and the processor has {hardware}", hardware=facts.hardware)
        )
    return Decision("kvm", msg("nothing is known against KVM on that host"))


def checked(guest: str, decision: Decision, *, needs_kvm: bool) -> Decision:
    """The same decision. Raises InputError where the guest of that name needs KVM and would be emulated."""
    if needs_kvm and decision.accel != "kvm":
        raise errors.InputError(
            msg(
                "{guest} has hyperv, kvm or hypervclock, which only KVM offers, and would be "
                "emulated ({why}): nothing would come of it, and no word said",
                guest=guest,
                why=decision.why,
            ),
            hint=msg("take these keys out of the lab file, or go to a host with KVM"),
        )
    return decision
