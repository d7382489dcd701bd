"""``start`` and ``stop``: guests that exist, on and off. Nothing is made or deleted.

A guest that comes up starts those inside it; with one that goes they go, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from provisioner import errors, naming
from provisioner.engine import inner, reach
from provisioner.engine.launch import await_ready
from provisioner.engine.monitor import Monitor
from provisioner.engine.session import Session
from provisioner.hypervisor import apply
from provisioner.hypervisor.events import DomainWatch
from provisioner.lab.model import guest_from_data
from provisioner.naming import Instance
from provisioner.seen import Member, SeenDomain, SeenInner

_AGENT_TIMEOUT = 3.0
_INNER_STOP = 10.0  # seconds that a guest inside another has at least: nobody else can switch it off


def chosen(session: Session, instance: Instance, guest: str | None) -> list[Member]:
    """The guests that are meant: one, or all of the lab that are domains. The twins of a bench are none
    of them."""
    if guest is not None:
        return [reach.seen_guest(session, instance, guest)]
    seen = session.look(volumes=False).of(instance).domains
    return [domain for domain in seen if not naming.is_twin(domain.guest)]


def start(session: Session, guests: Sequence[Member], monitor: Monitor, *, timeout: float) -> None:
    """Starts guests, and all those inside them, and waits for each, at most ``timeout`` seconds.

    Guests stand side by side; those inside one are started in their order.
    """
    instances = {guest.instance for guest in guests if isinstance(guest, SeenDomain)}
    for network in session.look(volumes=False).networks:
        if not network.active and network.instance in instances:
            apply.start_network(session.conn, network.name)

    def one(seen: Member) -> None:
        if isinstance(seen, SeenDomain):
            if seen.is_active and seen.state != "paused":
                monitor.done(seen.guest, f"is {seen.state} already")
            else:
                dom = apply.domain(session.conn, seen.name)
                guest = guest_from_data(seen.stamp.definition)
                await_ready(dom, guest, seen.label, monitor, timeout=timeout)
                seen = replace(seen, state="running")
        started = _start_inside(session, seen, monitor, timeout)
        if isinstance(seen, SeenInner) and started and not started[0].is_new and not started[0].error:
            monitor.done(seen.guest, "is running already")
        errors.raise_all([each.error for each in started if each.error], "not all guests inside it came up")

    _side_by_side(guests, one, monitor)


def stop(session: Session, guests: Sequence[Member], monitor: Monitor, *, timeout: float) -> None:
    """Shuts guests down side by side; one that takes longer than ``timeout`` seconds is switched off."""

    def one(seen: Member) -> None:
        if not seen.is_active:
            monitor.done(seen.guest, f"is {seen.state} already")
            return
        if isinstance(seen, SeenInner):
            above = reach.transport(session, seen.parent)
            inner.stop(seen.guest, seen.label, above, monitor, timeout=max(timeout, _INNER_STOP))
            return
        dom = apply.domain(session.conn, seen.name)
        monitor.phase(seen.guest, "shutting down")
        with DomainWatch(dom) as watch:
            deadline = time.monotonic() + timeout
            if timeout:
                _ask(session, seen)
            changes = watch.changes
            while watch.stopped is None and watch.wait(changes, deadline):
                changes = watch.changes
            if watch.stopped is None:
                apply.destroy(dom)
                monitor.done(seen.guest, "switched off: it did not shut down in time")
            else:
                monitor.done(seen.guest, "stopped")

    _side_by_side(guests, one, monitor)


def _start_inside(session: Session, seen: Member, monitor: Monitor, timeout: float) -> list[inner.Started]:
    """Starts a guest that is inside another, and whatever is inside it."""
    host: Member = seen
    members = _inside(seen)
    if isinstance(seen, SeenInner):
        host, members = seen.parent, [seen, *members]
    if not members:
        return []
    guests = [guest_from_data(member.stamp.definition) for member in members]
    return inner.ensure(host.guest, reach.transport(session, host), guests, monitor, timeout=timeout)


def _inside(seen: Member) -> list[Member]:
    """The guests inside a guest, at any depth, a parent first."""
    found: list[Member] = [seen]
    for member in seen.host.members():
        if isinstance(member, SeenInner) and member.parent in found:
            found.append(member)
    return found[1:]


def _ask(session: Session, seen: SeenDomain) -> None:
    """Asks the guest's system to shut down: through its agent, else by the power button."""
    try:
        reach.transport(session, seen).shutdown(_AGENT_TIMEOUT)
    except errors.GuestError:
        apply.power_button(apply.domain(session.conn, seen.name))
    except errors.HypervisorError:
        return  # it went down while it was asked; the watch tells


def _side_by_side(guests: Sequence[Member], action: Callable[[Member], None], monitor: Monitor) -> None:
    """One thread for each guest. Raises what failed, all of it, when the last one is done."""
    problems: list[errors.VirtlabError] = []
    lock = threading.Lock()

    def run(seen: Member) -> None:
        try:
            action(seen)
        except errors.VirtlabError as error:
            monitor.failed(seen.guest, error.message.splitlines()[0])
            with lock:
                problems.append(error)

    if guests:
        with ThreadPoolExecutor(max_workers=len(guests)) as threads:
            list(threads.map(run, guests))
    errors.raise_all(problems, "not all guests did as they were told")
