"""A lab, or what is up of one, in which bench can measure nothing: it is said, before anything is done."""

from __future__ import annotations

import dataclasses

import pytest

from provisioner import errors
from provisioner.lifecycle import lab_files, power
from provisioner.measure import benchmark
from provisioner.model import measurable
from provisioner.model.lab import Guest
from provisioner.model.measured import Bench
from tests.fakes.world import TWO, World

AGENTLESS = TWO.replace("  profile: virtio\n", "  profile: virtio\n  agent: none\n")


def bench(world: World) -> tuple[Bench, errors.VirtlabError | None]:
    guests = power.chosen(world.session, world.instance, None)
    return benchmark.run(
        world.session, world.instance, guests, world.told, quick=True, cancelled=world.cancelled
    )


@pytest.mark.parametrize(
    ("text", "stopped", "told", "hint"),
    [
        (AGENTLESS, False, "one, two: no guest agent to measure with", "{virtlab} check pair"),
        (TWO, True, "one, two: stopped", "{virtlab} start pair"),
    ],
)
def test_bench_of_it_ends_at_once_with_the_reason(
    world: World, text: str, stopped: bool, told: str, hint: str
) -> None:
    world.up(text)
    if stopped:
        up = power.chosen(world.session, world.instance, None)
        power.stop(world.session, up, world.told, timeout=0.4, cancelled=world.cancelled)
    with world.unchanged(), pytest.raises(errors.GuestError) as caught:
        bench(world)
    assert caught.value.message == f"there is nothing in pair that bench can measure: {told}"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("lab", "able"),
    [
        ("demo-guest-os", []),
        ("demo-kvm", ["host"]),
        ("demo-hosted", ["host", "desk"]),
        ("demo-paravirt", ["full", "virtio", "vmware"]),
    ],
)
def test_a_lab_says_what_can_be_measured_in_it(lab: str, able: list[str]) -> None:
    guests = lab_files.load(*lab_files.locate(lab)).guests
    assert sorted(measurable.able(guests)) == sorted(able)
    for guest in guests:
        assert (measurable.obstacle(guest) is None) == (guest.name in able)


def test_a_reason_is_in_both_languages() -> None:
    (guest, *_) = lab_files.load(*lab_files.locate("demo-guest-os")).guests
    assert isinstance(guest, Guest)
    for each in (guest, dataclasses.replace(guest, parent="host")):
        why = measurable.obstacle(each)
        assert why is not None
        assert why.ja
