"""Optional guests, which are made only when somebody asks for them with ``up --with``. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from provisioner.errors import InputError
from provisioner.language import msg
from provisioner.model.lab import Guest, Lab
from provisioner.model.metadata import Choices


def names(lab: Lab) -> list[str]:
    """The guests that can be asked for: the optional ones, and guests inside those."""
    return [guest.name for guest in lab.guests if any(each.optional for each in _chain(lab, guest))]


def chosen(lab: Lab, asked: Collection[str] = ()) -> Lab:
    """The lab without the optional guests that nobody asked for, and without the guests inside them.

    Asking for a guest inside another one asks for that one, too.
    """
    wanted = {each.name for name in asked for each in _chain(lab, lab.guest(name))}
    return replace(
        lab,
        guests=tuple(
            guest
            for guest in lab.guests
            if all(each.name in wanted for each in _chain(lab, guest) if each.optional)
        ),
    )


def settled(lab: Lab, choices: Choices, add: Sequence[str], drop: Sequence[str]) -> tuple[Lab, Choices]:
    """The lab with the guests that are to be made, and the choices behind it: the earlier ones, then these.

    Raises InputError for a name of a guest that nobody can choose.
    """
    known = names(lab)
    for flag, given in (("--with", add), ("--without", drop)):
        for name in given:
            if name not in known:
                raise InputError(f"{flag} {name}: {_refusal(lab, name)}", hint=_hint(known))
    if both := sorted(set(add) & set(drop)):
        told = msg("{guest} is asked for both --with and --without", guest=both[0])
        raise InputError(told, hint=msg("say one of the two"))
    asked = tuple(n for n in dict.fromkeys((*choices.guests, *add)) if n in known and n not in drop)
    smaller = chosen(lab, asked)
    present = {guest.name for guest in smaller.guests}
    left_out = tuple(guest.name for guest in lab.guests if guest.name not in present)
    return smaller, replace(choices, guests=asked, left_out=left_out)


def _chain(lab: Lab, guest: Guest) -> Iterator[Guest]:
    """The guest, and those that host it."""
    yield guest
    while guest.parent is not None:
        guest = lab.guest(guest.parent)
        yield guest


def _refusal(lab: Lab, name: str) -> str:
    is_there = any(guest.name == name for guest in lab.guests)
    return msg("that guest is always there") if is_there else msg("{name} has no such guest", name=lab.name)


def _hint(known: Sequence[str]) -> str:
    return (
        msg("optional guests: {known}", known=", ".join(known))
        if known
        else msg("this lab has no optional guests")
    )
