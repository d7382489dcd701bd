"""``start`` and ``stop``: switches guests of an instance on and off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from provisioner.backends.session import Session, instance_up
from provisioner.cancellation import Cancellation
from provisioner.host import lock
from provisioner.lifecycle import power
from provisioner.listener import Listener
from provisioner.model import kinds
from provisioner.model.observed import Member


@dataclass(frozen=True, slots=True)
class Meant:
    """The guests that a target means."""

    instance: str
    guests: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        """Each as INSTANCE/GUEST."""
        return [f"{self.instance}/{guest}" for guest in self.guests]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What comes of a stop."""

    meant: Meant
    loses_files: bool  # whether the guests' files were only in memory, and are lost


def start(
    target: str,
    connect: str | None,
    listener: Listener,
    *,
    timeout: float = 120.0,
    cancelled: Cancellation | None = None,
) -> Meant:
    """Starts guests that were stopped, and those inside them, and waits until each answers.

    ``target`` is INSTANCE or INSTANCE/GUEST, ``timeout`` the seconds that a guest may take to answer.
    Setting ``cancelled`` ends the run: guests that do not answer yet are switched off again, and Cancelled
    is raised. Raises NotFound where the instance is not up, InputError where it has no such guest, and
    GuestError where one does not come up.
    """
    cancelled = cancelled or Cancellation()
    with _guests(target, connect, listener, timeout, cancelled) as (session, guests):
        power.start(session, guests, listener, timeout=timeout, cancelled=cancelled)
    return _meant(target, guests)


def stop(
    target: str,
    connect: str | None,
    listener: Listener,
    *,
    timeout: float = 10.0,
    cancelled: Cancellation | None = None,
) -> Stopped:
    """Shuts guests down. One that takes longer than ``timeout`` seconds is switched off instead.

    Setting ``cancelled`` ends the wait: Cancelled is raised, and guests that were asked to shut down may
    still do so. ``target`` and errors as with ``start``.
    """
    cancelled = cancelled or Cancellation()
    with _guests(target, connect, listener, timeout, cancelled) as (session, guests):
        power.stop(session, guests, listener, timeout=timeout, cancelled=cancelled)
    return Stopped(
        _meant(target, guests),
        loses_files=all(kinds.of(guest.metadata.guest.kind).is_top_level for guest in guests),
    )


def _meant(target: str, guests: Sequence[Member]) -> Meant:
    return Meant(target.partition("/")[0], tuple(guest.guest for guest in guests))


@contextmanager
def _guests(
    target: str, connect: str | None, listener: Listener, patience: float, cancelled: Cancellation
) -> Iterator[tuple[Session, Sequence[Member]]]:
    """The guests that are meant, and their connection. Inside it, the instance's lock is held."""
    name, _, guest = target.partition("/")
    with (
        instance_up(connect, name, patience=patience, cancelled=cancelled) as (session, instance),
        lock.held(session.lock_name(instance.name), listener, timeout=lock.LONG),
    ):
        for doubtful in session.look(volumes=False).of(instance).doubtful:
            listener.note(doubtful.told)
        yield session, power.chosen(session, instance, guest or None)
