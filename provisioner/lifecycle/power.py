"""``start`` and ``stop``: guests that exist, on and off. Nothing is made or deleted.

A guest that comes up starts those inside it; with one that goes they go, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from provisioner import errors
from provisioner.backends import inner, transports
from provisioner.backends.launch import await_ready
from provisioner.backends.session import Session
from provisioner.hypervisor.events import DomainWatch
from provisioner.listener import Listener
from provisioner.model import naming
from provisioner.model.lab import guest_from_data
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, ObservedDomain, ObservedInner

_AGENT_TIMEOUT = 3.0
_INNER_STOP = 10.0  # seconds that a guest inside another has at least: nobody else can switch it off


def chosen(session: Session, instance: Instance, guest: str | None) -> list[Member]:
    """The guests that are meant: one, or all of the lab that are domains. The twins of a bench are none
    of them."""
    if guest is not None:
        return [transports.seen_guest(session, instance, guest)]
    observed = session.look(volumes=False).of(instance).domains
    return [domain for domain in observed if not naming.is_clone(domain.guest)]


def start(session: Session, guests: Sequence[Member], listener: Listener, *, timeout: float) -> None:
    """Starts guests, and all those inside them, and waits for each, at most ``timeout`` seconds.

    Guests stand side by side; those inside one are started in their order.
    """
    instances = {guest.instance for guest in guests if isinstance(guest, ObservedDomain)}
    for network in session.look(volumes=False).networks:
        if not network.active and network.instance in instances:
            session.conn.network(network.name).start()

    def one(observed: Member) -> None:
        if isinstance(observed, ObservedDomain):
            if observed.is_active and observed.state != "paused":
                listener.done(observed.guest, f"is {observed.state} already")
            else:
                domain = session.conn.domain(observed.name)
                guest = guest_from_data(observed.metadata.definition)
                await_ready(domain, guest, observed.label, listener, timeout=timeout)
                observed = replace(observed, state="running")
        started = _start_inside(session, observed, listener, timeout)
        if isinstance(observed, ObservedInner) and started and not started[0].is_new and not started[0].error:
            listener.done(observed.guest, "is running already")
        errors.raise_all([each.error for each in started if each.error], "not all guests inside it came up")

    _side_by_side(guests, one, listener)


def stop(session: Session, guests: Sequence[Member], listener: Listener, *, timeout: float) -> None:
    """Shuts guests down side by side; one that takes longer than ``timeout`` seconds is switched off."""

    def one(observed: Member) -> None:
        if not observed.is_active:
            listener.done(observed.guest, f"is {observed.state} already")
            return
        if isinstance(observed, ObservedInner):
            above = transports.transport(session, observed.parent)
            inner.stop(observed.guest, observed.label, above, listener, timeout=max(timeout, _INNER_STOP))
            return
        domain = session.conn.domain(observed.name)
        listener.phase(observed.guest, "shutting down")
        with DomainWatch(domain) as watch:
            deadline = time.monotonic() + timeout
            if timeout:
                _ask(session, observed)
            changes = watch.changes
            while watch.stopped is None and watch.wait(changes, deadline):
                changes = watch.changes
            if watch.stopped is None:
                domain.destroy()
                listener.done(observed.guest, "switched off: it did not shut down in time")
            else:
                listener.done(observed.guest, "stopped")

    _side_by_side(guests, one, listener)


def _start_inside(
    session: Session, observed: Member, listener: Listener, timeout: float
) -> list[inner.Started]:
    """Starts a guest that is inside another, and whatever is inside it."""
    host: Member = observed
    members = _inside(observed)
    if isinstance(observed, ObservedInner):
        host, members = observed.parent, [observed, *members]
    if not members:
        return []
    guests = [guest_from_data(member.metadata.definition) for member in members]
    return inner.ensure(host.guest, transports.transport(session, host), guests, listener, timeout=timeout)


def _inside(observed: Member) -> list[Member]:
    """The guests inside a guest, at any depth, a parent first."""
    found: list[Member] = [observed]
    for member in observed.host.members():
        if isinstance(member, ObservedInner) and member.parent in found:
            found.append(member)
    return found[1:]


def _ask(session: Session, observed: ObservedDomain) -> None:
    """Asks the guest's system to shut down: through its agent, else by the power button."""
    try:
        transports.transport(session, observed).shutdown(_AGENT_TIMEOUT)
    except errors.GuestError:
        session.conn.domain(observed.name).press_power_button()
    except errors.HypervisorError:
        return  # it went down while it was asked; the watch tells


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
