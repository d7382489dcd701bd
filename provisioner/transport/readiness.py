"""Waits for a guest's agent until a deadline, and on failure says how far the guest came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from provisioner import errors
from provisioner.language import msg
from provisioner.transport import causes
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
    boot phase, the cause and the last lines for the messages of errors. Raises NotReady after ``timeout``
    seconds, GuestError where the guest stops first or its kernel ends, LacksMemory where its console says
    that it has too little, and HypervisorError where libvirt fails.
    """
    begin, label = time.monotonic(), channel.label
    hint, hopeless = (console.agent_hint, console.gave_up) if console else (None, None)
    try:
        channel.wait_agent(begin + timeout, watch, hint, hopeless)
    except errors.Broken as error:
        raise _failed(error.message, label, console, error.hint) from error
    except errors.NotReady as error:
        raise _not_ready(label, timeout, console) from error
    except errors.TooMuch as error:
        raise errors.NotReady(
            msg(
                "{message} ({phase}){words}",
                message=error.message,
                phase=_phase(console),
                words=_last_words(console),
            ),
            hint=errors.look_at(label),
        ) from error
    except errors.GuestError as error:
        raise _failed(error.message, label, console, error.hint) from error
    return Ready(time.monotonic() - begin, console.marks if console else ())


def wait_prompted(
    label: str, watch: Watch, timeout: float, console: ConsoleLog, nudge: Callable[[], None] | None = None
) -> Ready:
    """Return when a guest without an agent waits for a line at its console. Sleeps while it waits.

    ``nudge`` presses Enter, for a guest that may have printed its prompt before ``console`` listened.
    Raises what ``wait_ready`` raises.
    """
    begin = time.monotonic()
    next_nudge = begin
    while not console.prompted.wait(_LOOK_SECONDS):
        if watch.stopped:
            raise _failed(
                msg("{label} stopped before it was ready: {stopped}", label=label, stopped=watch.stopped),
                label,
                console,
            )
        now = time.monotonic()
        if now - begin >= timeout or console.gave_up.is_set():
            raise _not_ready(label, timeout, console)
        if nudge is not None and now >= next_nudge:
            nudge()
            next_nudge = now + _NUDGE_SECONDS
    return Ready(time.monotonic() - begin, console.marks)


def _not_ready(label: str, timeout: float, console: ConsoleLog | None) -> errors.GuestError:
    """The error about a guest that did not answer in time, or that never will."""
    if console is not None and console.gave_up.is_set():
        return _failed(msg("{label} gave up while it started", label=label), label, console)
    about = msg("{label} was not ready after {timeout}", label=label, timeout=format_seconds(timeout))
    if (cause := _cause(console)) and cause.lacks_memory:
        return _failed(about, label, console)
    return errors.NotReady(
        msg(
            "{about} ({phase}){words}",
            about=about,
            phase=_phase(console),
            words=_last_words(console),
        ),
        hint=errors.of_guest(
            label,
            msg(
                "look at it with: {virtlab} console {label}; or give it more time with --timeout", label=label
            ),
        ),
    )


def _failed(about: str, label: str, console: ConsoleLog | None, hint: str | None = None) -> errors.GuestError:
    """The error about a guest that ended, or that says why it can't come up."""
    message = f"{about} ({_phase(console)}){_last_words(console)}"
    if (cause := _cause(console)) and cause.lacks_memory:
        return errors.LacksMemory(message, hint=causes.more_memory(label.rpartition("/")[2]))
    return errors.GuestError(message, hint=hint or msg("see what its lab file gives it, its kernel-args too"))


def _cause(console: ConsoleLog | None) -> causes.Cause | None:
    return None if console is None else causes.of(console.lines())


def _phase(console: ConsoleLog | None) -> str:
    if console is None:
        return msg("waiting for its agent")
    if console.marks:
        name, seconds = console.marks[-1]
        return msg(
            "it last reported '{name}', {seconds} after its start", name=name, seconds=format_seconds(seconds)
        )
    if console.received:
        return msg("its system had not started")
    return msg("nothing came on its console")


def _last_words(console: ConsoleLog | None) -> str:
    """The last lines, below one that names the cause where that is further up."""
    lines = console.lines() if console else []
    cause, shown = causes.of(lines), lines[-_SHOWN_LINES:]
    if cause and not any(cause.line in line for line in shown):
        shown = (
            [cause.line, *shown] if cause.line in lines[-_SHOWN_LINES - 1 :] else [cause.line, "...", *shown]
        )
    return "".join(f"\n  | {line}" for line in shown)
