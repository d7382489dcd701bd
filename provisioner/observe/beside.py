"""Looks at guests from inside and from outside, at the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from provisioner import errors
from provisioner.backends import prompts
from provisioner.backends.session import Session
from provisioner.language import Text, msg
from provisioner.lifecycle import running
from provisioner.model.naming import Instance
from provisioner.model.observed import Member
from provisioner.observe import collect, host_side
from provisioner.observe.collect import GuestFacts
from provisioner.observe.host_side import Outside


@dataclass(frozen=True, slots=True)
class Compared:
    """``inside`` and ``outside`` are of the same guests, in the same order."""

    instance: str
    lab: str
    source: str  # see lab.model.Lab.source
    taken: str  # UTC, ISO 8601
    inside: tuple[GuestFacts, ...]
    outside: tuple[Outside, ...]


def look(
    session: Session, instance: Instance, domains: Sequence[Member], *, timeout: float = 30.0
) -> Compared:
    """Asks every guest, and the host about each. Raises GuestError where the lab has no guest."""
    if not domains:
        raise errors.GuestError(
            msg("{name} has no guests: a run did not end", name=instance.name),
            hint=f"{{virtlab}} down {instance.name}",
        )
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    inside = collect.facts(session, domains, timeout=timeout)
    outside = host_side.outside(session, domains)
    origin = domains[0].metadata.origin
    return Compared(instance.name, origin.lab, origin.source, taken, tuple(inside), tuple(outside))


def concept(domains: Sequence[Member]) -> Text | None:
    """The concept of the lesson of the guests' lab, with the lab's name in it. None where it has none, or its
    files are gone or wrong."""
    from provisioner.labfile import lesson

    try:
        taught = lesson.load(running.lab_of(domains))
    except errors.InputError:
        return None
    return domains[0].metadata.origin.typed.text(taught.concept) if taught else None


def problems(compared: Compared, domains: Sequence[Member]) -> list[errors.GuestError]:
    """What was wrong with the guests that told nothing, though facts were expected of them."""
    silent = {domain.guest for domain in domains if prompts.is_asked_there(domain)}
    return [
        errors.GuestError(one.error, hint=one.hint)
        for one in compared.inside
        if one.facts is None and one.guest not in silent
    ]
