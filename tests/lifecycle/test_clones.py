"""The clones that ``bench`` measures, made and taken away on the daemon in memory."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from provisioner import errors
from provisioner.hypervisor.uris import SESSION
from provisioner.lifecycle import execution
from provisioner.measure import clock
from provisioner.measure.clone import Clones
from provisioner.model import naming
from tests.fakes.guests import OFF, RUNNING
from tests.fakes.world import TWO, World


@pytest.fixture
def up(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(clock, "_SECONDS", 0.0)
    world.up()
    return world


def clones_of(world: World, timeout: float = 0.4) -> Clones:
    return Clones(world.session, world.instance, world.told, world.cancelled, timeout)


def make(world: World, clones: Clones) -> None:
    there = world.session.look().of(world.instance).domains
    clones.make([domain for domain in there if not naming.is_clone(domain.guest)])


def test_they_are_made_beside_the_guests_and_leave_nothing(up: World) -> None:
    clones = clones_of(up)
    with up.unchanged():
        make(up, clones)
        assert sorted(clones.running) == ["one", "two"]
        assert not clones.failed
        assert list(up.states().values()) == [RUNNING] * 4
        assert len(up.volumes()) == 4
        addresses = [a.address for d in up.session.look().domains for a in d.metadata.addresses]
        assert len(set(addresses)) == 4
        clones.remove()


def test_only_one_runs_at_a_time(up: World) -> None:
    clones = clones_of(up)
    make(up, clones)
    clones.alone(clones.running["one"])
    states = up.states()
    assert states[naming.clone("one")] == RUNNING
    assert states[naming.clone("two")] != RUNNING
    clones.alone(clones.running["two"])
    assert up.states()[naming.clone("two")] == RUNNING


def test_one_that_fails_holds_up_no_other(up: World) -> None:
    up.daemon.behaviours[up.domain(naming.clone("two"))] = "crashes"
    clones = clones_of(up)
    make(up, clones)
    assert sorted(clones.running) == ["one"]
    assert "its clone did not come up" in clones.failed["two"]


def test_those_of_a_run_that_was_killed_go_first(up: World) -> None:
    make(up, clones_of(up))
    up.reconnect()
    clones = clones_of(up)
    make(up, clones)
    assert len(up.states()) == 4
    assert sorted(clones.running) == ["one", "two"]


def test_down_takes_them_away_with_the_rest(up: World) -> None:
    make(up, clones_of(up))
    up.down()
    assert not up.states()
    assert not up.volumes()


def test_cancelled_while_they_boot(up: World) -> None:
    up.daemon.behaviours[up.domain(naming.clone("two"))] = "silent"
    up.daemon.on("domain.resume", up.cancelled.set, after=1)
    clones = clones_of(up, timeout=60.0)
    began = time.monotonic()
    with up.unchanged():
        with pytest.raises(errors.Cancelled):
            make(up, clones)
        clones.remove()
    assert time.monotonic() - began < 5


def test_too_little_memory(up: World) -> None:
    up.host.memory = 0
    with (
        up.unchanged(),
        pytest.raises(errors.HypervisorError, match="the clones of the guests, which are measured, need"),
    ):
        make(up, clones_of(up))


def test_one_that_can_not_be_removed(up: World) -> None:
    clones = clones_of(up)
    make(up, clones)

    def stay() -> None:
        raise errors.HypervisorError("it does not end")

    up.daemon.on("domain.undefineFlags", stay)
    with pytest.raises(errors.HypervisorError, match="it does not end"):
        clones.remove()
    assert sorted(up.states().values()) == sorted([RUNNING, RUNNING, OFF])
    clones.remove()
    assert len(up.states()) == 2


@pytest.mark.parametrize(("source", "is_open"), [("catalog:pair", True), ("/home/me/pair/lab.yaml", False)])
def test_guests_and_clones_on_a_users_own_libvirt_reach_the_host_where_the_lab_is_virtlabs(
    world: World, source: str, is_open: bool
) -> None:
    """A user-mode network is open to everything or to nothing."""
    world.session = world.session_of(world.user, uri=SESSION)
    prepared = world.prepare(TWO.replace("isolated", "nat"))
    made = replace(prepared, origin=replace(prepared.origin, source=source))
    execution.execute(world.session, made, world.told, world.cancelled)
    there = world.session.look().of(world.instance).domains
    own = Clones(world.session, world.instance, world.told, world.cancelled, 1.0)
    own.make(there)
    assert all(
        (domain.root.find("{*}override") is None) is is_open for domain in world.daemon.domains.values()
    )
