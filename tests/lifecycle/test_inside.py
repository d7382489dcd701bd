"""Guests inside guests, brought up, stopped and taken back on the daemon in memory."""

from __future__ import annotations

import time

import pytest

from provisioner import errors
from provisioner.lifecycle import power
from tests.fakes.guests import RUNNING
from tests.fakes.world import World

NODE = """\
virtlab: 1
name: pair
defaults:
  profile: virtio
  memory: 96 MiB
  disks: []
guests:
  node: {image: vz, memory: 320 MiB}
  ve1: {kind: container, parent: node, image: vz}
  ve2: {kind: container, parent: node, image: vz}
  vm: {}
"""


def inside(world: World) -> dict[str, str]:
    return world.daemon.domains[world.domain("node")].processes.inside


def test_they_come_up_with_the_guest_that_hosts_them(world: World) -> None:
    result = world.up(NODE)
    assert [(each.guest.name, each.error) for each in result.inner] == [("ve1", None), ("ve2", None)]
    assert inside(world) == {"ve1": "running", "ve2": "running"}
    assert all(not each.is_new for each in world.up(NODE).inner)
    world.down()
    assert not world.states()


def test_one_that_fails_takes_all_of_the_run_back(world: World) -> None:
    world.daemon.behaviours["ve2"] = "fails"
    with pytest.raises(errors.GuestError, match="pair/ve2 did not start in pair/node: no memory for ve2"):
        world.up(NODE)
    assert not world.states()
    assert not world.daemon.networks


def test_in_a_guest_that_stays_only_what_this_run_started_is_stopped(world: World) -> None:
    world.up(NODE)
    inside(world)["ve1"] = "stopped"
    del inside(world)["ve2"]
    world.daemon.behaviours["ve2"] = "fails"
    with pytest.raises(errors.GuestError):
        world.up(NODE)
    assert world.states() == {"node": RUNNING, "vm": RUNNING}
    assert inside(world) == {"ve1": "stopped"}


def test_cancelled_while_one_starts(world: World) -> None:
    world.daemon.behaviours["ve1"] = "silent"
    # after the two pings: the states are asked for with two calls, then both starts are begun
    world.daemon.on("domain.agent", world.cancelled.set, after=6)
    began = time.monotonic()
    with pytest.raises(errors.Cancelled):
        world.up(NODE, timeout=60.0)
    assert time.monotonic() - began < 10
    assert not world.states()


def test_one_that_never_answers_is_tried_twice(world: World) -> None:
    world.daemon.behaviours["ve1"] = "silent"
    with pytest.raises(errors.NotReady, match="pair/ve1 did not start in pair/node") as caught:
        world.up(NODE, timeout=0.5)
    assert caught.value.message.endswith("\n  | the last words of ve1")
    assert any("starting it once more" in line for line in world.told.lines)
    assert not world.states()


def test_they_go_and_come_with_start_and_stop(world: World) -> None:
    world.up(NODE)
    for action in (power.stop, power.start):
        guests = power.chosen(world.session, world.instance, "ve1")
        action(world.session, guests, world.told, timeout=0.5, cancelled=world.cancelled)
        state = "stopped" if action is power.stop else "running"
        assert inside(world) == {"ve1": state, "ve2": "running"}
    power.stop(
        world.session,
        power.chosen(world.session, world.instance, None),
        world.told,
        timeout=0.5,
        cancelled=world.cancelled,
    )
    assert inside(world) == {}
    power.start(
        world.session,
        power.chosen(world.session, world.instance, None),
        world.told,
        timeout=0.5,
        cancelled=world.cancelled,
    )
    assert inside(world) == {"ve1": "running", "ve2": "running"}


def test_a_connection_that_breaks_while_they_start(world: World) -> None:
    world.daemon.on("domain.agent", world.line.cut, after=5)
    with pytest.raises(errors.VirtlabError):
        world.up(NODE)
    world.reconnect()
    world.up(NODE)
    assert inside(world) == {"ve1": "running", "ve2": "running"}
    world.down()
    assert not world.states()
