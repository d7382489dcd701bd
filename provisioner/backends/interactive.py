"""A guest's console in the user's terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends import choose
from provisioner.backends.session import Session
from provisioner.hypervisor.streams import open_console
from provisioner.language import msg
from provisioner.model.observed import Member
from provisioner.transport import console
from provisioner.transport.executor import Transport
from provisioner.transport.script import LEAVE, PROMPT, RESIZE

_AGENT_TIMEOUT = 5.0
_TYPE_TIMEOUT = 5.0


def sit_at_console(session: Session, member: Member, *, say: Callable[[str], None]) -> None:
    """Connects the terminal with a guest's console. Raises Busy where somebody else has it.

    ``say`` gets text in which ``{virtlab}`` stands for the command, as in hints.

    A guest inside another is reached from the console of the machine around it: a command is typed there that
    leads inside, and at the end it is left again.
    """
    port = choose.backend(session, member).console()
    machine, way = port.machine, port.way
    domain = session.conn.domain(machine.name)

    def resize(rows: int, columns: int) -> None:
        if way is not None:
            way.run(["sh", "-c", RESIZE, "resize", str(rows), str(columns)], timeout=_AGENT_TIMEOUT)

    def opener(on_data: Callable[[bytes], None], on_end: Callable[[], None]) -> console.Stream:
        stream = open_console(domain, "serial0", label=machine.label, on_data=on_data, on_end=on_end)
        if port.typed:
            stream.write(port.typed, time.monotonic() + _TYPE_TIMEOUT)
        return stream

    if way is not None and port.typed:
        _expect_prompt(way, machine.label)
        say(
            msg(
                "{label} has its console inside {host}: when it ends, you are there.",
                label=member.label,
                host=machine.label,
            )
        )
    asked = None if way is None else side_by_side.begin(partial(_silence, way))
    try:
        console.interact(opener, label=member.label, say=say, resize=resize)
        if asked is not None and asked.ended(0) and (silent := asked.result()):
            say(
                msg(
                    "{message}. Where it is not still starting, {hint}",
                    message=silent.message,
                    hint=silent.hint,
                )
            )
    finally:
        if way is not None and port.typed:
            with suppress(errors.GuestError, errors.HypervisorError):
                way.run(["sh", "-c", LEAVE], timeout=_AGENT_TIMEOUT)


def _silence(way: Transport) -> errors.Broken | None:
    """Why a machine's agent does not answer. At its console a system that has crashed only shows nothing."""
    try:
        way.ping(_AGENT_TIMEOUT)
    except errors.Broken as error:
        return error
    except errors.VirtlabError:  # somebody else talks to it, or it ended: that is seen anyway
        return None
    return None


def _expect_prompt(way: Transport, label: str) -> None:
    """Raises Busy where a program runs at a machine's console, because it would get what is typed."""
    if way.run(["sh", "-c", PROMPT], timeout=_AGENT_TIMEOUT).exit_code != 0:
        raise errors.Busy(
            msg("something runs at the console of {label}, and a shell is needed there", label=label),
            hint=errors.of_guest(label, msg("end it first: {virtlab} console {label}", label=label)),
        )
