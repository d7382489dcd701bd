"""Which accelerator a guest gets, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from provisioner import errors
from provisioner.language import Message, msg, stored
from provisioner.model.enums import Accel

_VMX = msg("/dev/kvm opens and the processor has vmx")
_SVM = msg("/dev/kvm opens and the processor has svm")


@dataclass(frozen=True, slots=True)
class KvmFacts:
    """What is known of KVM on the hypervisor's host. None stands for what can't be known from here."""

    exists: bool | None  # /dev/kvm is there
    opens: bool | None  # the user that QEMU runs as can open it
    offered: bool | None  # libvirt lists it
    hardware: str | None  # "vmx" or "svm", or "" where the processor shows neither
    qemu_user: str | None = None  # the user whom "opens" is about


class Asker(StrEnum):
    """Who left no choice."""

    FLAG = "flag"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Decision:
    """``accel`` is kvm or tcg. ``why`` is the reason, in one line that is shown beside measured numbers."""

    accel: str
    why: str
    fell_back: bool = False  # KVM was tried before, and failed
    asked: Asker | None = None  # who asked for it; None where virtlab chose


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
            return _closed(facts.qemu_user)
        return msg("/dev/kvm can't be opened")
    if facts.offered is False:
        return msg("libvirt does not offer KVM")
    return None


def asked(said: Accel, flag: str | None) -> Decision | None:
    """The accelerator that was asked for: by ``--accel`` or, where that was not given, by the lab file.

    None where that leaves the choice to virtlab.
    """
    wanted = Accel(flag or said)
    if wanted is Accel.AUTO:
        return None
    if flag:
        return Decision(str(wanted), _flag(wanted), asked=Asker.FLAG)
    return Decision(str(wanted), _file(wanted), asked=Asker.FILE)


def decide(said: Accel, facts: KvmFacts, flag: str | None = None) -> Decision:
    """The accelerator to use: as ``asked``; where nobody did, KVM only where nothing is known against it."""
    if found := asked(said, flag):
        return found
    reason = obstacle(facts)
    if reason is not None:
        return Decision("tcg", reason)
    if facts.hardware and facts.opens:
        return Decision("kvm", _SVM if facts.hardware == "svm" else _VMX)
    return Decision("kvm", msg("nothing is known against KVM on that host"))


def checked(guest: str, decision: Decision, *, needs_kvm: bool, facts: Callable[[], KvmFacts]) -> Decision:
    """The same decision. Raises InputError where the guest of that name needs KVM and would be emulated.

    ``facts`` are asked for only then: what helps depends on whether the host has KVM.
    """
    if needs_kvm and decision.accel != "kvm":
        lacks = obstacle(facts()) is not None
        remedy = msg("go to a host with KVM") if lacks else msg("say --accel auto: KVM can run it here")
        raise errors.InputError(
            msg(
                "{guest} has hyperv, kvm or hypervclock, which only KVM offers, and would be "
                "emulated ({why}): nothing would come of it, and no word said",
                guest=guest,
                why=decision.why,
            ),
            hint=msg("{remedy}; or take these keys out of the lab file", remedy=remedy),
        )
    return decision


def tried(reason: str) -> Message:
    """Why a guest is emulated with which KVM was tried."""
    return msg("KVM was tried and failed: {reason}", reason=reason)


def kept(why: str) -> Message:
    """A reason of this module of which only the English was kept."""
    return stored(why, (made("").template for made in (_flag, _file, _closed, tried)))


def _flag(accel: str) -> Message:
    return msg("--accel {accel} was given", accel=accel)


def _file(accel: str) -> Message:
    return msg("its lab file says accel: {accel}", accel=accel)


def _closed(user: str) -> Message:
    return msg("/dev/kvm can't be opened by {user}, the user that QEMU runs as", user=user)
