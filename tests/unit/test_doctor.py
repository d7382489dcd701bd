"""Whether a lab can run here."""

from __future__ import annotations

import pytest
from worlds import guest, lab, network

from provisioner.accel import KvmFacts
from provisioner.engine.doctor import LabVerdict, verdict
from provisioner.lab.enums import Accel, NetworkMode
from provisioner.lab.model import Lab
from provisioner.units import MIB

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
) -> LabVerdict:
    return verdict(of, found, is_session=is_session, memory=memory, obstacles=obstacles)


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
