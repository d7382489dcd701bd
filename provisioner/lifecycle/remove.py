"""``down``: takes an instance away. What libvirt shows decides, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.language import msg
from provisioner.lifecycle import shield
from provisioner.listener import Listener
from provisioner.model.naming import Instance
from provisioner.model.observed import ObservedDomain

_MOST = 16  # that are removed at the same time


def chosen(
    sessions: Sequence[Session], names: Sequence[str], *, every: bool
) -> list[tuple[Session, Instance]]:
    """The instances that are meant: those of the names, or ``every`` one, or else the only one that is up.

    Names of instances that are not up are ignored, so that a second ``down`` is no error. Raises Ambiguous
    where several are up and none is named.
    """
    present = [(session, instance) for session in sessions for instance in session.look().instances()]
    if names:
        return [(session, instance) for session, instance in present if instance.name in names]
    if len(present) > 1 and not every:
        listed = ", ".join(sorted({instance.name for _, instance in present}))
        raise errors.Ambiguous(
            msg("several labs are up: {listed}", listed=listed),
            hint=msg("{virtlab} down LAB, or {virtlab} down --all"),
        )
    return present


def take_down(session: Session, instance: Instance, listener: Listener, cancelled: Cancellation) -> None:
    """Takes all of an instance away: guests and networks side by side.

    Goes on after a failure, and raises all failures together. Raises ConflictError, and touches nothing,
    where a later virtlab made any part of it. Where ``cancelled`` is set, what is under way is finished,
    nothing else is begun, and Cancelled is raised; ``cancelled`` knows what is left then. The caller holds
    the instance's lock.
    """
    conn, observed = session.conn, session.look().of(instance)
    observed.check_version(instance)
    away: errors.PoolAway | None = None
    try:
        pool = session.pool()
    except errors.PoolAway as error:
        pool, away = None, error

    def remove(guest: ObservedDomain) -> None:
        if away is not None and guest.volumes:
            conn.domain(guest.name).destroy()
            # its definition stays, which proves whose the disks are
            told = msg("{label} is switched off, and stays until its disks can be deleted", label=guest.label)
            raise errors.PoolAway(msg("{told}: {message}", told=told, message=away.message), hint=away.hint)
        conn.remove_domain(guest.name, pool)

    def attempt(name: str, action: Callable[[], object]) -> errors.VirtlabError | None:
        listener.phase(name, msg("removing"))
        try:
            action()
        except errors.VirtlabError as error:
            listener.failed(name, error.message)
            return error
        listener.done(name, msg("removed"))
        cancelled.pay(name)
        return None

    work: list[tuple[str, Callable[[], object]]] = [
        (domain.label, partial(remove, domain)) for domain in observed.domains
    ]
    # the networks at the same time, because libvirt takes as long for one as for a guest
    work += [
        (
            msg("{name} network {network}", name=instance.name, network=network.network),
            partial(conn.remove_network, network.name),
        )
        for network in observed.networks
    ]
    filters = [
        msg("{name} filter of network {network}", name=instance.name, network=each.network)
        for each in observed.filters
    ]
    cancelled.owe(f"{{virtlab}} down {instance.name}", *(name for name, _ in work), *filters)
    problems = side_by_side.run(
        [partial(attempt, name, action) for name, action in work], cancelled=cancelled, most=_MOST
    )
    failures = [each for each in problems if each]
    if not failures:  # else a guest may still have one
        failures = shield.take_down(session, observed.filters)
        cancelled.pay(*filters)
    errors.raise_all(
        failures,
        msg("not all of {name} could be removed", name=instance.name),
        hint=f"{{virtlab}} down {instance.name}",
    )
