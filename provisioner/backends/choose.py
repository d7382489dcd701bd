"""Finds the guest that is meant, and the backend for it."""

from __future__ import annotations

from provisioner import errors
from provisioner.backends.guest_backend import Backend
from provisioner.backends.hosted_backend import HostedGuest
from provisioner.backends.machine_backend import LibvirtMachine
from provisioner.backends.session import Session
from provisioner.language import msg
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, ObservedInner


def member(session: Session, instance: Instance, guest: str) -> Member:
    """A guest of an instance that is up. Raises InputError where the instance has none of that name."""
    observed = session.look(volumes=False).of(instance)
    meant = observed.member(guest)
    if meant is None:
        origin = observed.origin()
        if origin is not None and guest in origin.choices.left_out:
            raise errors.InputError(
                msg("{name}/{guest} is not up: it is optional", name=instance.name, guest=guest),
                hint=origin.with_guest(guest),
            )
        known = ", ".join(each.label for each in observed.members())
        raise errors.InputError(
            msg(
                "{name} has no guest {guest}{doubts}",
                name=instance.name,
                guest=repr(guest),
                doubts=observed.doubts(part=guest),
            ),
            hint=msg("its guests: {known}", known=known) if known else None,
        )
    return meant


def backend(session: Session, guest: Member) -> Backend:
    """What starts, reaches and stops the guest. This is the only place that decides between the ways."""
    if isinstance(guest, ObservedInner):
        return HostedGuest(guest, backend(session, guest.parent))
    return LibvirtMachine(session, guest)
