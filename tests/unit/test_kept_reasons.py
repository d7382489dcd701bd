"""Why a guest has its accelerator: metadata keeps the English, and Japanese comes of it."""

from __future__ import annotations

import re

import pytest

from provisioner.language import Language, said
from provisioner.model import accel
from provisioner.model.accel import KvmFacts
from provisioner.model.enums import Accel

REASONS = [
    *(accel.decide(Accel.AUTO, KvmFacts(True, True, True, hardware)).why for hardware in ("vmx", "svm", "")),
    accel.decide(Accel.AUTO, KvmFacts(True, False, True, "vmx")).why,
    accel.decide(Accel.AUTO, KvmFacts(True, False, True, "vmx", "qemu")).why,
    accel.decide(Accel.TCG, KvmFacts(True, True, True, "vmx")).why,
    accel.decide(Accel.AUTO, KvmFacts(True, True, True, "vmx"), "tcg").why,
    accel.tried("this host has no /dev/kvm"),
]


@pytest.mark.parametrize("why", REASONS)
def test_a_reason_is_said_in_japanese_after_it_was_kept(why: str) -> None:
    kept = accel.kept(str.__str__(why))
    assert (kept, said(kept, Language.JA)) == (why, said(why, Language.JA).replace(*_TRIED))
    assert re.search("[ぁ-ん]", said(kept, Language.JA))


# what a reason quotes is a message only where it is kept
_TRIED = ("this host has no /dev/kvm", said(accel.kept("this host has no /dev/kvm"), Language.JA))
