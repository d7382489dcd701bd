"""``start`` and ``stop``: guests that exist, on and off. Nothing is made or deleted.

A guest that comes up starts those inside it; with one that goes they go, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from provisioner import errors
from provisioner.backends import choose
from provisioner.backends.session import Session
from provisioner.listener import Listener
from provisioner.model import naming
from provisioner.model.naming import Instance
from provisioner.model.observed import Member


def chosen(session: Session, instance: Instance, guest: str | None) -> list[Member]:
    """The guests that are meant: one, or all of the lab that are domains. The clones of a bench are none
    of them."""
    if guest is not None:
        return [choose.member(session, instance, guest)]
    observed = session.look(volumes=False).of(instance).domains
    return [domain for domain in observed if not naming.is_clone(domain.guest)]


def start(session: Session, guests: Sequence[Member], listener: Listener, *, timeout: float) -> None:
    """Starts guests, and all those inside them, and waits for each, at most ``timeout`` seconds.

    Guests stand side by side; those inside one are started in their order.
    """
    instances = {guest.instance for guest in guests if guest is guest.host}
    for network in session.look(volumes=False).networks:
        if not network.active and network.instance in instances:
            session.conn.network(network.name).start()

    def one(observed: Member) -> None:
        choose.backend(session, observed).start(listener, timeout=timeout)

    _side_by_side(guests, one, listener)


def stop(session: Session, guests: Sequence[Member], listener: Listener, *, timeout: float) -> None:
    """Shuts guests down side by side; one that takes longer than ``timeout`` seconds is switched off."""

    def one(observed: Member) -> None:
        if not observed.is_active:
            listener.done(observed.guest, f"is {observed.state} already")
            return
        choose.backend(session, observed).stop(listener, timeout=timeout)

    _side_by_side(guests, one, listener)


def _side_by_side(guests: Sequence[Member], action: Callable[[Member], None], listener: Listener) -> None:
    """One thread for each guest. Raises what failed, all of it, when the last one is done."""
    problems: list[errors.VirtlabError] = []
    lock = threading.Lock()

    def run(observed: Member) -> None:
        try:
            action(observed)
        except errors.VirtlabError as error:
            listener.failed(observed.guest, error.message.splitlines()[0])
            with lock:
                problems.append(error)

    if guests:
        with ThreadPoolExecutor(max_workers=len(guests)) as threads:
            list(threads.map(run, guests))
    errors.raise_all(problems, "not all guests did as they were told")
