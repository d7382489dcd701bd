"""Which guests of an instance can be measured as it is now."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner import errors
from provisioner.language import joined, msg, of_text
from provisioner.model import measurable
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, ObservedDomain, state_words


def obstacle(guest: Member) -> str:
    """Why a guest can't be measured now. Empty where it can."""
    if why := measurable.obstacle(guest.metadata.guest):
        return of_text(why)
    return "" if isinstance(guest, ObservedDomain) and guest.is_active else state_words(guest.state)


def require_some(instance: Instance, guests: Sequence[Member]) -> None:
    """Raises GuestError where not one of the guests can be measured."""
    reasons = {guest.guest: obstacle(guest) for guest in guests}
    if not all(reasons.values()):
        return
    told = [
        joined(": ", (", ".join(guest for guest, why in reasons.items() if why == each), each))
        for each in dict.fromkeys(reasons.values())
    ]
    later = measurable.able(guest.metadata.guest for guest in guests)
    raise errors.GuestError(
        msg(
            "there is nothing in {name} that bench can measure: {told}",
            name=instance.name,
            told=joined("; ", told),
        ),
        hint=f"{{virtlab}} {'start' if later else 'check'} {instance.name}",
    )
