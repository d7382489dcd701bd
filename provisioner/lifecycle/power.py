"""``start`` and ``stop``: switches guests that exist on and off. Nothing is made or deleted.

Starting a guest starts those inside it, and stopping it stops them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends import choose
from provisioner.backends.session import Session
from provisioner.listener import Listener
from provisioner.model import naming
from provisioner.model.naming import Instance
from provisioner.model.observed import Member


def chosen(session: Session, instance: Instance, guest: str | None) -> list[Member]:
    """The guests that are meant: one, or all guests of the lab that are domains. Clones are not among
    them."""
    if guest is not None:
        return [choose.member(session, instance, guest)]
    observed = session.look(volumes=False).of(instance).domains
    return [domain for domain in observed if not naming.is_clone(domain.guest)]


def start(session: Session, guests: Sequence[Member], listener: Listener, *, timeout: float) -> None:
    """Starts guests and those inside them, and waits for each at most ``timeout`` seconds.

    Guests are started side by side; guests inside one are started in their order.
    """
    instances = {guest.instance for guest in guests if guest is guest.host}
    for network in session.look(volumes=False).networks:
        if not network.active and network.instance in instances:
            session.conn.network(network.name).start()

    def one(observed: Member) -> None:
        choose.backend(session, observed).start(listener, timeout=timeout)

    _for_each(guests, one, listener)


def stop(session: Session, guests: Sequence[Member], listener: Listener, *, timeout: float) -> None:
    """Shuts guests down, side by side. One that takes longer than ``timeout`` seconds is switched off."""

    def one(observed: Member) -> None:
        if not observed.is_active:
            listener.done(observed.guest, f"is {observed.state} already")
            return
        choose.backend(session, observed).stop(listener, timeout=timeout)

    _for_each(guests, one, listener)


def _for_each(guests: Sequence[Member], action: Callable[[Member], None], listener: Listener) -> None:
    """Does it with all guests, side by side. Raises all errors together when the last guest is done."""

    def attempt(observed: Member) -> errors.VirtlabError | None:
        try:
            action(observed)
        except errors.VirtlabError as error:
            listener.failed(observed.guest, error.message.splitlines()[0])
            return error
        return None

    problems = side_by_side.run([partial(attempt, guest) for guest in guests])
    errors.raise_all([each for each in problems if each], "not all guests could be started or stopped")
