"""``start`` and ``stop``: switches guests that exist on and off. Nothing is made or deleted.

Starting a guest starts those inside it, and stopping it stops them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends import choose
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.language import msg
from provisioner.lifecycle import pool_access, preflight, shield
from provisioner.lifecycle.image_upload import Images
from provisioner.listener import Listener
from provisioner.model import naming
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, state_words


def chosen(session: Session, instance: Instance, guest: str | None) -> list[Member]:
    """The guests that are meant: one, or all guests of the lab that are domains. Clones are not among
    them."""
    if guest is not None:
        return [choose.member(session, instance, guest)]
    observed = session.look(volumes=False).of(instance).domains
    return [domain for domain in observed if not naming.is_clone(domain.guest)]


def start(
    session: Session,
    guests: Sequence[Member],
    listener: Listener,
    *,
    timeout: float,
    cancelled: Cancellation,
) -> None:
    """Starts guests and those inside them, and waits for each at most ``timeout`` seconds.

    Guests are started side by side; guests inside one are started in their order. Where ``cancelled`` is set,
    those of the host's libvirt that do not answer yet are switched off again, and Cancelled is raised.
    """
    _check_files(session, guests, listener)
    for instance in {guest.instance for guest in guests if guest is guest.host}:
        observed = session.look(volumes=False).of(instance)
        for network in observed.networks:
            if not network.active:
                session.conn.network(network.name).start()
        if not all(domain.metadata.origin.trusted for domain in observed.domains):
            shield.put_up(session, observed.networks)

    def one(observed: Member) -> None:
        choose.backend(session, observed).start(listener, timeout=timeout, cancelled=cancelled)

    def switch_off() -> None:
        for guest in guests:
            if guest is guest.host and guest.label in cancelled.owed:
                with suppress(errors.HypervisorError):
                    session.conn.domain(guest.name).destroy()

    work = [partial(_attempt, one, guest, listener, cancelled) for guest in guests]
    _raise(side_by_side.run(work, cancelled=cancelled, end=switch_off))


def _check_files(session: Session, guests: Sequence[Member], listener: Listener) -> None:
    """Sees that what QEMU is about to read is there and whole. An image that is not is uploaded again.

    Raises HypervisorError where the file of a disk was deleted or there is no room for it, and ImageError
    where an image can't be made as it was.
    """
    if any(guest.host.out_of_space for guest in guests):
        preflight.check_disk(session, session.pool_folder)
    pool = session.pool()
    starting = {guest.host.name: guest.host for guest in guests if not guest.is_active}
    if pool is None or not starting:
        return
    pool_access.check(session)
    problems = [
        errors.HypervisorError(
            msg("the file of disk {index} of {label} was deleted", index=index, label=domain.label),
            hint=msg("to make an empty one: {command}", command=domain.metadata.origin.typed.up()),
        )
        for domain in starting.values()
        for index, volume in enumerate(domain.volumes)
        if not pool.has(volume)
    ]
    errors.raise_all(
        problems, msg("files of several disks were deleted"), hint=problems[0].hint if problems else None
    )
    store = Images(session, pool, listener)
    for text in sorted({text for domain in starting.values() for text in domain.metadata.images.values()}):
        store.mend(text)


def stop(
    session: Session,
    guests: Sequence[Member],
    listener: Listener,
    *,
    timeout: float,
    cancelled: Cancellation,
) -> None:
    """Shuts guests down, side by side. One that takes longer than ``timeout`` seconds is switched off.

    Where ``cancelled`` is set, nobody waits any more, and Cancelled is raised.
    """

    def one(observed: Member) -> None:
        if not observed.is_active:
            listener.done(observed.guest, msg("is {state} already", state=state_words(observed.state)))
            return
        choose.backend(session, observed).stop(listener, timeout=timeout)

    work = [partial(_attempt, one, guest, listener, cancelled) for guest in guests]
    try:
        problems = side_by_side.run(work, cancelled=cancelled, abandon=True)
    except errors.Cancelled:
        listener.note(msg("guests that were asked to shut down may still do so: {virtlab} status"))
        raise
    _raise(problems)


def _attempt(
    action: Callable[[Member], None], guest: Member, listener: Listener, cancelled: Cancellation
) -> errors.VirtlabError | None:
    """Does it with one guest. Returns what went wrong, which is told where it did."""
    try:
        action(guest)
    except errors.VirtlabError as error:
        why = msg("interrupted") if cancelled.is_set() else errors.brief(error)
        listener.failed(guest.guest, why)
        return error
    return None


def _raise(problems: Sequence[errors.VirtlabError | None]) -> None:
    errors.raise_all([each for each in problems if each], msg("not all guests could be started or stopped"))
