"""The guests of a lab, which are paused while their clones are measured."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.hypervisor.domain import Domain
from provisioner.model.naming import Instance
from provisioner.model.observed import ObservedDomain


class PausedGuests:
    """Those that were paused here. ``cancelled`` is told of them."""

    def __init__(self, session: Session, instance: Instance, cancelled: Cancellation) -> None:
        self._session = session
        self._remedy = f"{{virtlab}} start {instance.name}"
        self._cancelled = cancelled
        self._paused: dict[str, Domain] = {}

    def pause(self, guests: Sequence[ObservedDomain]) -> bool:
        """Pauses those that run. Whether there were any.

        Raises QemuStopped, and pauses nobody, where the QEMU of one would not hear it.
        """
        for guest in guests:
            if guest.is_active:
                self._session.require_qemu(guest.name, guest.label)
        for guest in guests:
            if guest.is_active:
                what, own = f"{guest.label} (paused)", self._session.conn.domain(guest.name)
                self._cancelled.owe(self._remedy, what)
                self._paused[what] = own  # before it is: this may be interrupted in between
                if not own.pause():
                    del self._paused[what]
                    self._cancelled.pay(what)
        return bool(self._paused)

    def resume(self) -> list[errors.VirtlabError]:
        """Lets them go on, and returns what went wrong."""
        problems: list[errors.VirtlabError] = []
        for what, own in self._paused.items():
            try:
                own.unpause()
            except errors.VirtlabError as error:
                problems.append(error)
            else:
                self._cancelled.pay(what)
        return problems
