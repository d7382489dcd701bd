"""``start`` and ``stop``: guests that exist, on and off. Nothing is made or deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from provisioner import errors, naming
from provisioner.engine import reach
from provisioner.engine.launch import await_ready
from provisioner.engine.monitor import Monitor
from provisioner.engine.session import Session
from provisioner.hypervisor import apply
from provisioner.hypervisor.events import DomainWatch
from provisioner.lab.model import guest_from_data
from provisioner.naming import Instance
from provisioner.seen import SeenDomain

_AGENT_TIMEOUT = 3.0


def chosen(session: Session, instance: Instance, guest: str | None) -> list[SeenDomain]:
    """The guests that are meant: one, or all of the lab. The twins of a bench are none of them."""
    if guest is not None:
        return [reach.seen_guest(session, instance, guest)]
    seen = session.look(volumes=False).of(instance).domains
    return [domain for domain in seen if not naming.is_twin(domain.guest)]


def start(session: Session, guests: Sequence[SeenDomain], monitor: Monitor, *, timeout: float) -> None:
    """Starts guests side by side and waits for each, at most ``timeout`` seconds."""
    for network in session.look(volumes=False).networks:
        if not network.active and network.instance in {g.instance for g in guests}:
            apply.start_network(session.conn, network.name)

    def one(seen: SeenDomain) -> None:
        if seen.is_active and seen.state != "paused":
            monitor.done(seen.guest, f"is {seen.state} already")
            return
        dom = apply.domain(session.conn, seen.name)
        label = f"{seen.instance.name}/{seen.guest}"
        await_ready(dom, guest_from_data(seen.stamp.definition), label, monitor, timeout=timeout)

    _side_by_side(guests, one, monitor)


def stop(session: Session, guests: Sequence[SeenDomain], monitor: Monitor, *, timeout: float) -> None:
    """Shuts guests down side by side; one that takes longer than ``timeout`` seconds is switched off."""

    def one(seen: SeenDomain) -> None:
        if not seen.is_active:
            monitor.done(seen.guest, f"is {seen.state} already")
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


def _ask(session: Session, seen: SeenDomain) -> None:
    """Asks the guest's system to shut down: through its agent, else by the power button."""
    try:
        reach.transport(session, seen).shutdown(_AGENT_TIMEOUT)
    except errors.GuestError:
        apply.power_button(apply.domain(session.conn, seen.name))
    except errors.HypervisorError:
        return  # it went down while it was asked; the watch tells


def _side_by_side(
    guests: Sequence[SeenDomain], action: Callable[[SeenDomain], None], monitor: Monitor
) -> None:
    """One thread for each guest. Raises what failed, all of it, when the last one is done."""
    problems: list[errors.VirtlabError] = []
    lock = threading.Lock()

    def run(seen: SeenDomain) -> None:
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
