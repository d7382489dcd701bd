"""Words that several pages share."""

from __future__ import annotations

from provisioner.lab.model import Text
from provisioner.language import Language, said

_ACCEL = {"kvm": Text("KVM"), "tcg": Text("emulation (TCG)", "エミュレーション(TCG)")}


def accel(name: str, language: Language) -> str:
    """What runs a guest."""
    return said(_ACCEL.get(name, Text(name)), language)


def when(stamp: str) -> str:
    """An ISO time of UTC for people, to the minute."""
    return f"{stamp[:16].replace('T', ' ')} UTC"


def paragraphs(markdown: str) -> list[str]:
    """The paragraphs of a short text in Markdown, as a terminal shows them: without the marks of emphasis."""
    return markdown.replace("**", "").split("\n\n")
