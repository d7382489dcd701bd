"""Which guests are asked for their facts."""

from __future__ import annotations

from typing import cast

from worlds import after, guest, lab

from provisioner.backends.session import Session
from provisioner.model.enums import AgentPort, Transport
from provisioner.observe import collect

NOBODY = cast(Session, None)  # who would be needed to reach a guest


def test_a_system_that_is_typed_to_at_its_console_is_not_asked() -> None:
    grub = guest("one", image="grub", agent=AgentPort.NONE, transport=Transport.NONE, interfaces=())
    (found,) = collect.facts(NOBODY, after(lab(grub)).domains)
    assert found.facts is None
    assert found.error == "demo/one runs a system that tells nothing of itself in this form"
    assert found.hint == "see what it answers at its console: {virtlab} check demo"
