"""Waits for a guest's agent until a deadline, and on failure says how far the guest came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from provisioner import errors
from provisioner.transport.channel import AgentChannel, Watch
from provisioner.transport.console_log import ConsoleLog
from provisioner.units import format_seconds

_SHOWN_LINES = 5
_LOOK_SECONDS = 0.05
_NUDGE_SECONDS = 1.5  # QEMU takes up to a second to notice that somebody listens


@dataclass(frozen=True, slots=True)
class Ready:
    """``seconds`` from the start of the wait until the agent answered; ``marks`` as in ConsoleLog."""

    seconds: float
    marks: tuple[tuple[str, float], ...]


def wait_ready(
    channel: AgentChannel, watch: Watch, timeout: float, console: ConsoleLog | None = None
) -> Ready:
    """Return when the guest's agent answers. Sleeps while it waits.

    ``watch`` must watch the same domain, and must have begun before it was resumed. ``console`` gives the
    boot phase and the last lines for the messages of errors. Raises NotReady after ``timeout`` seconds,
    GuestError where the guest stops first, and HypervisorError where libvirt fails.
    """
    begin = time.monotonic()
    try:
        channel.wait_agent(begin + timeout, watch, console.agent_hint if console else None)
    except errors.NotReady as error:
        phase = _phase(console)
        raise errors.NotReady(
            f"{channel.label} was not ready after {format_seconds(timeout)} ({phase}){_last_words(console)}",
            hint=f"look at it with: {{virtlab}} console {channel.label}; or give it more time with --timeout",
        ) from error
    except errors.TooMuch as error:
        raise errors.NotReady(
            f"{error.message} ({_phase(console)}){_last_words(console)}",
            hint=f"look at it with: {{virtlab}} console {channel.label}",
        ) from error
    except errors.GuestError as error:
        raise errors.GuestError(
            f"{error.message} ({_phase(console)}){_last_words(console)}", hint=error.hint
        ) from error
    return Ready(time.monotonic() - begin, console.marks if console else ())


def wait_prompted(
    label: str, watch: Watch, timeout: float, console: ConsoleLog, nudge: Callable[[], None] | None = None
) -> Ready:
    """Return when a guest without an agent waits for a line at its console. Sleeps while it waits.

    ``nudge`` presses Enter, for a guest that may have printed its prompt before ``console`` listened.
    Raises NotReady after ``timeout`` seconds and GuestError where the guest stops first.
    """
    begin = time.monotonic()
    next_nudge = begin
    while not console.prompted.wait(_LOOK_SECONDS):
        if watch.stopped:
            why = f"{watch.stopped} ({_phase(console)}){_last_words(console)}"
            raise errors.GuestError(f"{label} stopped before it was ready: {why}", hint="{virtlab} status")
        now = time.monotonic()
        if now - begin >= timeout:
            why = f"{format_seconds(timeout)} ({_phase(console)}){_last_words(console)}"
            raise errors.NotReady(
                f"{label} was not ready after {why}",
                hint=f"look at it with: {{virtlab}} console {label}; or give it more time with --timeout",
            )
        if nudge is not None and now >= next_nudge:
            nudge()
            next_nudge = now + _NUDGE_SECONDS
    return Ready(time.monotonic() - begin, console.marks)


def _phase(console: ConsoleLog | None) -> str:
    if console is None:
        return "waiting for its agent"
    if console.marks:
        name, seconds = console.marks[-1]
        return f"it last reported '{name}', {format_seconds(seconds)} after its start"
    if console.received:
        return "its system had not started"
    return "nothing came on its console"


def _last_words(console: ConsoleLog | None) -> str:
    lines = console.tail(_SHOWN_LINES) if console else []
    return "".join(f"\n  | {line}" for line in lines)
