"""What is looked at before anything is made: memory, disk, networks."""

from __future__ import annotations

import pytest

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.hypervisor.uris import SESSION, Choice
from provisioner.lifecycle import preflight
from provisioner.units import MIB
from tests.fakes.world import TWO, World

ROOM = 2 * (96 * MIB + 64 * MIB)  # what the two guests of the lab take
NOTHING = {"domains": {}, "networks": {}, "filters": {}, "volumes": set()}


def test_memory_that_just_suffices(world: World) -> None:
    world.host.memory = ROOM
    world.up()
    assert len(world.states()) == 2


def test_too_little_memory_is_told_before_anything_is_made(world: World) -> None:
    world.host.memory = ROOM - 1
    with pytest.raises(errors.HypervisorError, match="the guests need 320 MiB of memory") as caught:
        world.up()
    assert "end labs that nobody needs" in (caught.value.hint or "")
    assert world.picture() == NOTHING
    assert not world.builder.built
    assert not world.daemon.pools


def test_less_memory_is_proposed_only_where_guests_can_do_with_less(world: World) -> None:
    world.builder.least = 80 * MIB
    world.up()
    world.down()
    for memory, proposed in ((ROOM - 30 * MIB, "; or give the guests 30 MiB less"), (ROOM - 33 * MIB, "")):
        world.host.memory = memory
        with pytest.raises(errors.HypervisorError) as caught:
            world.up()
        hint = caught.value.hint or ""
        assert hint.startswith("end labs that nobody needs: {virtlab} status, {virtlab} down LAB" + proposed)
        assert ("less" in hint) == bool(proposed)


def test_memory_that_an_image_only_just_built_asks_for_counts(world: World) -> None:
    """The guests leave their memory to the profile, and the image turns out to need more."""
    text = TWO.replace("    memory: 96 MiB\n", "    title: A guest\n")
    guests = world.prepare(text).lab.top_level
    world.host.memory = preflight.memory_of(guests)
    world.builder.least = guests[0].memory + MIB
    with pytest.raises(errors.HypervisorError, match=r"the guests need .* of memory, and only"):
        world.up(text)
    assert world.builder.built == ["tiny"]
    assert world.picture() == NOTHING


def test_memory_that_the_file_sets_too_low_for_an_image_only_just_built(world: World) -> None:
    world.builder.least = 97 * MIB
    with pytest.raises(errors.LabFileError, match="96 MiB is too little for one"):
        world.up()
    assert world.picture() == NOTHING


def test_what_runs_already_has_its_memory(world: World) -> None:
    world.up(TWO.partition("  two:")[0])
    world.host.memory = ROOM // 2
    world.up()
    assert len(world.states()) == 2


def test_a_guest_that_is_restarted_needs_no_more_than_it_had(world: World) -> None:
    world.up()
    world.host.memory = 0
    world.up(TWO.replace("  two:\n", "  two:\n    machine: q35\n"))
    assert len(world.states()) == 2


def test_a_full_disk(world: World) -> None:
    world.host.disk = 255 * MIB
    with pytest.raises(errors.HypervisorError, match="only 255 MiB is free in /var/lib/libvirt/images"):
        world.up()
    assert world.picture() == NOTHING
    assert not world.builder.built


def test_a_host_of_which_nothing_is_known_is_tried(world: World) -> None:
    world.host.memory = world.host.disk = None
    world.up()
    assert len(world.states()) == 2


def test_an_isolated_network_needs_the_systems_libvirt(world: World) -> None:
    own = Session(world.session.conn, Choice(SESSION, "a test"), world.host, "learner")
    with pytest.raises(errors.InputError, match="network lab is isolated, which needs a bridge"):
        preflight.check_networks(own, world.prepare().lab)
    preflight.check_networks(world.session, world.prepare().lab)
