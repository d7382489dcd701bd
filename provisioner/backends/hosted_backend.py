"""Guests inside other guests, of each kind: a program in the parent runs them (docs/guests-inside.md)."""

from __future__ import annotations

from dataclasses import replace

from provisioner import errors
from provisioner.backends import inner
from provisioner.backends.guest_backend import Backend, ConsolePort
from provisioner.cancellation import Cancellation
from provisioner.language import msg
from provisioner.listener import Listener
from provisioner.model import enums
from provisioner.model.observed import ObservedInner
from provisioner.transport import parent
from provisioner.transport.executor import Transport
from provisioner.transport.parent import ParentTransport

_LEAST_STOP = 10.0  # seconds to stop in, at least: only its parent could switch the guest off


class HostedGuest:
    """``Backend`` of a guest in another one. ``above`` is that of its parent."""

    def __init__(self, member: ObservedInner, above: Backend) -> None:
        self._member = member
        self._above = above

    def start(self, listener: Listener, *, timeout: float, cancelled: Cancellation) -> None:
        """See ``Backend``."""
        member = self._member
        guests = [member.metadata.guest, *inner.guests_inside(member)]
        host, way = member.parent.guest, self._above.reach()
        started = inner.ensure(host, way, guests, listener, timeout=timeout, cancelled=cancelled)
        own = started[0]
        if not own.is_new and own.error is None:
            listener.done(member.guest, msg("is running already"))
        inner.raise_failures(started)

    def stop(self, listener: Listener, *, timeout: float) -> None:
        """See ``Backend``. The guest has at least 10 seconds."""
        above = self._above.reach()
        limit = max(timeout, _LEAST_STOP)
        inner.stop(self._member.guest, self._member.label, above, listener, timeout=limit)

    def reach(self) -> Transport:
        """See ``Backend``. Raises GuestError where its definition says that there is no way into it."""
        member = self._member
        if member.metadata.guest.transport is enums.Transport.NONE:
            raise errors.GuestError(
                msg("there is no way into {label}: its definition says transport: none", label=member.label),
                hint=errors.look_at(member.parent.label),
            )
        return ParentTransport(self._above.reach(), member.guest)

    def is_off(self) -> bool:
        """See ``Backend``."""
        if self._above.is_off():
            return True
        try:
            states = parent.states(self._above.reach(), parent.STATE_SECONDS)
        except errors.GuestError:
            return False
        return states.get(self._member.guest) == parent.STOPPED

    def console(self) -> ConsolePort:
        """See ``Backend``: the way leads over the console of the machine that it is in, and its shell."""
        port = self._above.console()
        way = port.way if port.way is not None else self._above.reach()
        return replace(port, way=way, typed=port.typed + parent.typed_for_console(self._member.guest))
