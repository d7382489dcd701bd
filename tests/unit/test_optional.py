"""Guests that are only there when somebody asks for them."""

from __future__ import annotations

import dataclasses

import pytest
from worlds import NOTHING, after, guest, lab, origin, told

from provisioner.errors import InputError
from provisioner.model import plan, selection
from provisioner.model.enums import GuestKind, Transport
from provisioner.model.lab import Guest
from provisioner.model.metadata import Choices
from provisioner.model.plan import Verb


def inside(name: str, parent: str, **changes: object) -> Guest:
    return guest(name, kind=GuestKind.CONTAINER, parent=parent, transport=Transport.PARENT, **changes)


LAB = lab(
    guest("always"),
    guest("extra", optional=True),
    inside("in-extra", "extra"),
    inside("more", "always", optional=True),
    inside("below", "more", optional=True),
)


def names(asked: tuple[str, ...]) -> list[str]:
    return [each.name for each in selection.chosen(LAB, asked).guests]


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ((), ["always"]),
        (("extra",), ["always", "extra", "in-extra"]),
        (("in-extra",), ["always", "extra", "in-extra"]),
        (("more",), ["always", "more"]),
        (("below",), ["always", "more", "below"]),
        (("extra", "below"), ["always", "extra", "in-extra", "more", "below"]),
    ],
)
def test_who_is_there(asked: tuple[str, ...], there: list[str]) -> None:
    assert names(asked) == there


def test_who_can_be_asked_for() -> None:
    assert selection.names(LAB) == ["extra", "in-extra", "more", "below"]
    assert selection.names(lab(guest("always"))) == []


def test_choices_are_kept_and_taken_back() -> None:
    small, first = selection.settled(LAB, Choices("tcg"), ["extra"], [])
    assert first == Choices("tcg", guests=("extra",), left_out=("more", "below"))
    assert [each.name for each in small.guests] == ["always", "extra", "in-extra"]
    _, second = selection.settled(LAB, first, ["more"], [])
    assert second.guests == ("extra", "more")
    _, third = selection.settled(LAB, second, [], ["extra"])
    assert (third.guests, third.left_out) == (("more",), ("extra", "in-extra", "below"))


def test_a_choice_that_the_lab_file_no_longer_has_is_forgotten() -> None:
    _, choices = selection.settled(lab(guest("always")), Choices(guests=("extra",)), [], [])
    assert choices == Choices()


@pytest.mark.parametrize(
    ("add", "drop", "message", "hint"),
    [
        (
            ["nobody"],
            [],
            "--with nobody: demo has no such guest",
            "optional guests: extra, in-extra, more, below",
        ),
        ([], ["nobody"], "--without nobody: demo has no such guest", "optional guests: "),
        (["always"], [], "--with always: that guest is always there", "optional guests: "),
        (["extra"], ["extra"], "extra is asked for both --with and --without", "say one of the two"),
    ],
)
def test_what_can_not_be_asked_for(add: list[str], drop: list[str], message: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        selection.settled(LAB, Choices(), add, drop)
    assert raised.value.message == message
    assert str(raised.value.hint).startswith(hint)


def test_where_there_is_nothing_to_choose_it_says_so() -> None:
    with pytest.raises(InputError) as raised:
        selection.settled(lab(guest("always")), Choices(), ["extra"], [])
    assert raised.value.hint == "this lab has no optional guests"


def test_one_that_is_asked_for_is_made_and_one_that_is_not_any_more_is_removed() -> None:
    two = lab(guest("one"), guest("extra", optional=True))
    small, without = selection.settled(two, Choices(), [], [])
    large, with_it = selection.settled(two, Choices(), ["extra"], [])
    accels = {"one": "tcg", "extra": "tcg"}
    before = dataclasses.replace(origin(two), choices=without)
    later = dataclasses.replace(origin(two), choices=with_it)

    made = plan.make(small, before, NOTHING, accels, session=True)
    assert [(step.verb, step.name) for step in made.guests] == [(Verb.CREATE, "one")]

    made = plan.make(large, later, after(small), accels, session=True)
    assert [(step.verb, step.name) for step in made.guests] == [(Verb.UPDATE, "one"), (Verb.CREATE, "extra")]
    assert told(made.guest("one")) == ("choices: none → --with extra",)
    assert not made.losses

    made = plan.make(small, before, after(large), accels, session=True)
    gone = made.guest("extra")
    assert (gone.verb, gone.reason) == (Verb.REMOVE, "it is optional, and left out now")
    assert gone.loses
