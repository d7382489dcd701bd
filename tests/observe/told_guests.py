"""What real guests told, and changes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisioner.model.facts import Facts
from provisioner.observe import parse

_TOLD = Path(__file__).parent / "told"
TCG = b"\x01\x00\x00\x40TCGTCGTCGTCG" + bytes(16)


def answer(guest: str, *changes: tuple[str, str], cpuid: bytes = TCG) -> bytes:
    """What facts.sh wrote in a guest of demo-paravirt; each change replaces a text that is there."""
    text = (_TOLD / f"{guest}.txt").read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode() + b"@cpuid\n" + cpuid + b"\n@end\n"


def facts(guest: str, *changes: tuple[str, str], cpuid: bytes = TCG) -> Facts:
    return parse.facts_of(answer(guest, *changes, cpuid=cpuid))


@dataclass
class Told:
    """One column of a comparison."""

    facts: Facts | None
