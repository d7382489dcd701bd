"""A guest's console in the user's terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from provisioner import errors
from provisioner.backends import transports
from provisioner.backends.session import Session
from provisioner.hypervisor.streams import open_console
from provisioner.model.enums import AgentPort
from provisioner.model.observed import Member, ObservedInner
from provisioner.transport import console
from provisioner.transport.executor import Transport
from provisioner.transport.parent import INNER
from provisioner.transport.script import LEAVE, PROMPT, RESIZE

_AGENT_TIMEOUT = 5.0
_TYPE_TIMEOUT = 5.0


def sit_at_console(session: Session, member: Member, *, say: Callable[[str], None]) -> None:
    """Joins the terminal with a guest's first serial port. Raises Busy where somebody else has it.

    A guest inside another is reached from the console of the one that hosts it, where what leads inside
    is typed; it is left again in the end.
    """
    host = member.host
    if not host.is_active:
        raise errors.GuestError(f"{host.label} is {host.state}", hint=f"{{virtlab}} start {host.label}")
    domain = session.conn.domain(host.name)
    has_agent = isinstance(member, ObservedInner) or host.metadata.definition["agent"] != AgentPort.NONE
    way = transports.transport(session, host) if has_agent else None

    def resize(rows: int, columns: int) -> None:
        if way is not None:
            way.run(["sh", "-c", RESIZE, "resize", str(rows), str(columns)], timeout=_AGENT_TIMEOUT)

    def opener(on_data: Callable[[bytes], None], on_end: Callable[[], None]) -> console.Stream:
        stream = open_console(domain, "serial0", label=host.label, on_data=on_data, on_end=on_end)
        if isinstance(member, ObservedInner):
            stream.write(_way_in(member), time.monotonic() + _TYPE_TIMEOUT)
        return stream

    if way is not None and isinstance(member, ObservedInner):
        _expect_prompt(way, host.label)
        say(f"{member.label} has its console inside {host.label}: when it ends, you are there.")
    try:
        console.interact(opener, label=member.label, say=say, resize=resize)
    finally:
        if way is not None and isinstance(member, ObservedInner):
            with suppress(errors.GuestError, errors.HypervisorError):
                way.run(["sh", "-c", LEAVE], timeout=_AGENT_TIMEOUT)


def _way_in(member: ObservedInner) -> bytes:
    """What is typed at the console of the machine: a line for each guest on the way."""
    path = [member.guest]
    above = member.parent
    while isinstance(above, ObservedInner):
        path.insert(0, above.guest)
        above = above.parent
    # Ctrl-U first, which takes away what somebody left half typed
    return b"".join(f"\x15{INNER} console {name}; stty sane\r".encode() for name in path)


def _expect_prompt(way: Transport, label: str) -> None:
    """Raises Busy where a program runs at a machine's console: it would get what is typed."""
    if way.run(["sh", "-c", PROMPT], timeout=_AGENT_TIMEOUT).exit_code != 0:
        raise errors.Busy(
            f"something runs at the console of {label}, and a shell is needed there",
            hint=f"end it first: {{virtlab}} console {label}",
        )
