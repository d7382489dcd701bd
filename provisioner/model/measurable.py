"""What ``bench`` can measure: which guests, and why not the others."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.language import Text
from provisioner.model.enums import AgentPort
from provisioner.model.lab import Guest

INSIDE = Text(
    "inside another guest, and only guests of the host's libvirt can be cloned",
    "別のゲストの中で動いています。複製できるのは、ホストのlibvirtが動かすゲストだけです",
)
NO_AGENT = Text("no guest agent to measure with", "測定に使うゲストエージェントがありません")


def obstacle(guest: Guest) -> Text | None:
    """Why ``bench`` can't measure a guest, whatever state it is in. None where it can."""
    if guest.parent is not None:
        return INSIDE
    return NO_AGENT if guest.agent is AgentPort.NONE else None


def able(guests: Iterable[Guest]) -> list[str]:
    """The names of those that ``bench`` can measure, in their order."""
    return [guest.name for guest in guests if obstacle(guest) is None]
