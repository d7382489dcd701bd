"""Words that several pages share."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.language import Language, Text, said
from provisioner.model import kinds, measurable
from provisioner.model.enums import Accel
from provisioner.model.hardware.interfaces import EMULATED
from provisioner.model.lab import Guest

EMULATED_WORD = Text(EMULATED, "エミュレーション")
_ACCEL = {"kvm": Text("KVM"), "tcg": Text("emulation (TCG)", "エミュレーション(TCG)")}
_MEASURED = Text("bench measures {}", "benchが測定するゲスト: {}")
_UNMEASURED = Text(
    "bench measures nothing in this lab: {}", "このラボには、benchが測定するものがありません({})"
)


def accel(name: str, language: Language) -> str:
    """What runs a guest."""
    return said(_ACCEL.get(name, Text(name)), language)


def runs(name: str, guest: Guest | None, language: Language) -> str:
    """What runs a guest. For a guest inside another: where it is, what it asked for there, and what runs
    that.

    ``name`` is the accelerator of the machine around it. Of a guest that is not known, nothing else is said.
    """
    outer = accel(name, language)
    if guest is None or guest.parent is None:
        return outer
    parent = guest.parent
    asked = guest.accel if kinds.of(guest.kind).chooses_accel else Accel.AUTO
    if asked is Accel.AUTO:
        return said(Text(f"in {parent}, on {outer}", f"{parent}の中、{outer}の上"), language)
    own = accel(asked, language)
    return said(Text(f"{own} in {parent}, on {outer}", f"{parent}の中の{own}、{outer}の上"), language)


def in_words(value: str, language: Language) -> str:
    """A value that guests told, with the language's word for imitated hardware, alone or in brackets."""
    word = said(EMULATED_WORD, language)
    return word if value == EMULATED else value.replace(f"[{EMULATED}]", f"[{word}]")


def measured(guests: Sequence[Guest], language: Language) -> str:
    """Which of these guests ``bench`` measures; where it measures none of them, why not."""
    comma = "、" if language is Language.JA else ", "
    if able := measurable.able(guests):
        return said(_MEASURED, language).format(comma.join(able))
    why = {guest.name: said(measurable.obstacle(guest), language) for guest in guests}
    told = [
        f"{comma.join(name for name in why if why[name] == each)}: {each}"
        for each in dict.fromkeys(why.values())
    ]
    return said(_UNMEASURED, language).format("; ".join(told))


def when(stamp: str) -> str:
    """An ISO time in UTC, written for people, to the minute."""
    return f"{stamp[:16].replace('T', ' ')} UTC"


def paragraphs(markdown: str) -> list[str]:
    """The paragraphs of a short Markdown text for a terminal, without the marks of emphasis."""
    return markdown.replace("**", "").split("\n\n")
