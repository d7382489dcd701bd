"""Words that several pages share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.language import Language, Text, said
from provisioner.model import kinds
from provisioner.model.enums import Accel, GuestKind

_ACCEL = {"kvm": Text("KVM"), "tcg": Text("emulation (TCG)", "エミュレーション(TCG)")}


def accel(name: str, language: Language) -> str:
    """What runs a guest."""
    return said(_ACCEL.get(name, Text(name)), language)


def runs(name: str, definition: Mapping[str, Any], language: Language) -> str:
    """What runs a guest; of one inside another, where it is, what it asked for there, and what runs that.

    ``definition`` is ``lab.model.to_data`` of the guest, ``name`` the accelerator of its outermost host.
    """
    outer, parent = accel(name, language), definition.get("parent")
    if not parent:
        return outer
    kind = kinds.of(GuestKind(definition["kind"]))
    asked = str(definition.get("accel")) if kind.chooses_accel else Accel.AUTO
    if asked == Accel.AUTO:
        return said(Text(f"in {parent}, on {outer}", f"{parent}の中、{outer}の上"), language)
    own = accel(asked, language)
    return said(Text(f"{own} in {parent}, on {outer}", f"{parent}の中の{own}、{outer}の上"), language)


def when(stamp: str) -> str:
    """An ISO time of UTC for people, to the minute."""
    return f"{stamp[:16].replace('T', ' ')} UTC"


def paragraphs(markdown: str) -> list[str]:
    """The paragraphs of a short text in Markdown, as a terminal shows them: without the marks of emphasis."""
    return markdown.replace("**", "").split("\n\n")
