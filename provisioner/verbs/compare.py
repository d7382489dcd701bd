"""``compare``: the guests of an instance side by side: their facts, their definitions, their stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner import errors
from provisioner.backends.prompts import is_asked_there
from provisioner.backends.session import Session
from provisioner.language import Text
from provisioner.lifecycle import running
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, ObservedDomain
from provisioner.observe import beside
from provisioner.observe.beside import Compared
from provisioner.store import results
from provisioner.verbs import kept

if TYPE_CHECKING:
    from provisioner.observe.stack import Stack
    from provisioner.observe.xml_comparison import Difference


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the guests told, and what the host sees of them."""

    compared: Compared
    concept: Text | None  # what the lab's lesson is about, in Markdown
    problems: tuple[errors.GuestError, ...]  # of guests that should have told something, and did not


@dataclass(frozen=True, slots=True)
class Definitions:
    """What differs between the definitions of guests."""

    guests: tuple[str, ...]  # those that libvirt has a definition of
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Stacks:
    """What each guest stands on."""

    instance: str
    stacks: tuple[Stack, ...]
    problems: tuple[errors.GuestError, ...]  # as of a ``Comparison``


def compare(target: str, connect: str | None, *, timeout: float = 30.0) -> Comparison | Definitions:
    """The facts that the guests tell within ``timeout`` seconds. They are kept for ``report``.

    Where no guest has an agent to ask, the result is their definitions instead. ``target`` is the
    name of an instance, or the folder or file of its lab. Raises NotFound where no such instance is up, and
    GuestError where it has no guest.
    """
    with running.lab_up(connect, target) as (session, instance, members):
        if all(map(is_asked_there, members)):
            return _definitions(session, instance, members)
        compared = beside.look(session, instance, members, timeout=timeout)
    if any(one.facts for one in compared.inside):
        data, sets = kept.comparison_data(compared), members[0].metadata.origin.choices.sets
        kept.problem_of(lambda: results.save("compare", compared.instance, compared.source, data, sets))
    problems = tuple(beside.problems(compared, members))
    return Comparison(compared, beside.concept(members), problems)


def definitions(target: str, connect: str | None) -> Definitions:
    """What differs between the definitions of the guests, and what it means. Errors as of ``compare``."""
    with running.lab_up(connect, target) as (session, instance, members):
        return _definitions(session, instance, members)


def stacks(target: str, connect: str | None, *, timeout: float = 30.0) -> Stacks:
    """What each guest stands on, from what it and the host tell. Errors as of ``compare``."""
    from provisioner.observe import stack_pictures

    with running.lab_up(connect, target) as (session, instance, members):
        compared = beside.look(session, instance, members, timeout=timeout)
        of_guests = stack_pictures.stacks(session, compared.inside)
    return Stacks(instance.name, tuple(of_guests), tuple(beside.problems(compared, members)))


def _definitions(session: Session, instance: Instance, members: Sequence[Member]) -> Definitions:
    from provisioner.observe import definitions

    differences = definitions.compared(session, instance, members)
    guests = (member.guest for member in members if isinstance(member, ObservedDomain))
    return Definitions(tuple(guests), tuple(differences))
