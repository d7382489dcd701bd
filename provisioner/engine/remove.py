"""``down``: takes an instance away, from what libvirt shows and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from provisioner import errors
from provisioner.engine.monitor import Monitor
from provisioner.engine.session import Session
from provisioner.hypervisor import apply
from provisioner.naming import Instance
from provisioner.seen import Seen


def chosen(
    sessions: Sequence[Session], names: Sequence[str], *, every: bool
) -> list[tuple[Session, Instance]]:
    """Which instances are meant by names, by ``every``, or by neither: then the one that is up.

    Raises NotFound for a name that is not up, and Ambiguous where several are and none is named.
    """
    present = [(session, instance) for session in sessions for instance in session.look().instances()]
    listed = ", ".join(sorted({instance.name for _, instance in present}))
    if names:
        unknown = [name for name in names if name not in {instance.name for _, instance in present}]
        if unknown:
            raise errors.NotFound(
                f"no lab {', '.join(map(repr, unknown))} of yours is up",
                hint=f"what is up: {listed}" if listed else "nothing is up: there is nothing to do",
            )
        return [(session, instance) for session, instance in present if instance.name in names]
    if len(present) > 1 and not every:
        raise errors.Ambiguous(f"several labs are up: {listed}", hint="{virtlab} down LAB, or --all")
    return present


def remove_guest(conn: Any, seen: Seen, guest: str) -> None:
    """Takes one guest away, and the volumes whose names say that they are its own."""
    for domain in seen.domains:
        if domain.guest == guest:
            apply.remove_domain(conn, domain.name)
    for volume in seen.volumes:
        if volume.part.partition(".")[0] == guest:
            apply.remove_volume(conn, volume.name)


def take_down(session: Session, instance: Instance, monitor: Monitor) -> None:
    """Takes all of an instance away: guests and networks side by side.

    Goes on after a failure; raises all of them together. The caller holds the instance's lock.
    """
    conn, seen = session.conn, session.look().of(instance)
    guests = sorted({d.guest for d in seen.domains} | {v.part.partition(".")[0] for v in seen.volumes})
    problems: list[errors.VirtlabError] = []

    def attempt(name: str, action: Callable[[], object]) -> None:
        monitor.phase(name, "removing")
        try:
            action()
        except errors.VirtlabError as error:
            problems.append(error)
            monitor.failed(name, error.message)
        else:
            monitor.done(name, "removed")

    work: list[tuple[str, Callable[[], object]]] = [
        (f"{instance.name}/{guest}", partial(remove_guest, conn, seen, guest)) for guest in guests
    ]
    # the networks go at the same time: it takes libvirt as long as ending a guest
    work += [
        (f"{instance.name} network {network.network}", partial(apply.remove_network, conn, network.name))
        for network in seen.networks
    ]
    if work:
        with ThreadPoolExecutor(max_workers=min(16, len(work))) as threads:
            for name, action in work:
                threads.submit(attempt, name, action)
    errors.raise_all(problems, f"not all of {instance.name} could be removed", hint="{virtlab} down")
