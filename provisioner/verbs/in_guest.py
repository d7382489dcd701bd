"""Verbs about one guest that runs: ``exec`` and ``console``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from provisioner import errors
from provisioner.backends import choose, interactive
from provisioner.backends.guest_backend import Backend
from provisioner.backends.session import instance_up
from provisioner.language import msg
from provisioner.lifecycle import shield
from provisioner.transport.following import Heard
from provisioner.transport.result import Result

_GOING_OFF = 4.0  # seconds that a system may need to go off, once its agent has ended
_PAUSE = 0.2
# how it shows that a guest went off in the middle; nothing of the kind is meant by the second
_MAYBE_OFF = (errors.NotReady, errors.CutShort, errors.HypervisorError)
_NOT_OFF = (errors.QemuStopped, errors.Busy, errors.ConnectionFailed)


def run(
    guest: str,
    command: Sequence[str],
    connect: str | None,
    *,
    read_input: Callable[[], bytes] | None = None,
    timeout: float = 60.0,
    max_output: int = 1024 * 1024,
    heard: Heard | None = None,
) -> Result:
    """Runs a command in a guest, which is given as INSTANCE/GUEST, and returns how it ended.

    ``read_input`` is called once the guest is found, and gives the command's standard input. The command is
    ended after ``timeout`` seconds. ``max_output`` bytes of standard output, and of standard error, are kept.
    ``heard`` is called with them, piece by piece, while it runs. The command ends with the caller, within
    some seconds also where that is killed. Raises InputError where there is no such guest, NotFound where the
    instance is not up, and GuestError where the guest can't run it, or goes off meanwhile.
    """
    instance_name, guest_name = split(guest)
    with instance_up(connect, instance_name, patience=timeout) as (session, instance):
        shield.refresh(session, instance)
        backend = choose.backend(session, choose.member(session, instance, guest_name))
        transport = backend.reach()
        given = read_input() if read_input is not None else None
        try:
            return transport.run(
                list(command),
                input=given,
                timeout=timeout,
                max_output=max_output,
                heard=heard or (lambda _stdout, _stderr: None),
            )
        except _MAYBE_OFF as error:
            if isinstance(error, _NOT_OFF) or not _goes_off(backend):
                raise
            told = msg("{label} has gone off; how the command ended was not seen", label=guest)
            raise errors.GuestError(told, hint=errors.start_it(guest)) from error


def _goes_off(backend: Backend) -> bool:
    """Whether a guest that answers no more is off, or goes off within a moment."""
    deadline = time.monotonic() + _GOING_OFF
    while not (is_off := backend.is_off()) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return is_off


def console(guest: str, connect: str | None, tell: Callable[[str], None]) -> None:
    """Connects the terminal of this process with the serial console of a guest, given as INSTANCE/GUEST.

    ``tell`` is called with what a person at the console should know. Raises Busy where somebody else has the
    console, and what ``run`` raises.
    """
    instance_name, guest_name = split(guest)
    with instance_up(connect, instance_name) as (session, instance):
        shield.refresh(session, instance)
        interactive.sit_at_console(session, choose.member(session, instance, guest_name), say=tell)


def split(label: str) -> tuple[str, str]:
    """INSTANCE and GUEST of ``INSTANCE/GUEST``. Raises InputError for anything else."""
    instance, slash, guest = label.partition("/")
    if not (instance and slash and guest):
        raise errors.InputError(
            msg("{label} names no guest: write LAB/GUEST", label=repr(label)),
            hint=msg("see which there are: {virtlab} status"),
        )
    return instance, guest
