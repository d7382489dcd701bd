"""``down`` on the daemon in memory: half-made states, what is not ours, and failures in the middle."""

from __future__ import annotations

import threading

import pytest

from provisioner import errors, render
from provisioner.cancellation import Cancellation
from provisioner.lifecycle import remove
from tests.fakes.daemon import failure
from tests.fakes.guests import OFF, PAUSED, RUNNING
from tests.fakes.storage import StoredVolume
from tests.fakes.world import TWO, World

NOTHING = {"domains": {}, "networks": {}, "filters": {}, "volumes": set()}


@pytest.mark.parametrize("state", [RUNNING, PAUSED, OFF])
def test_all_goes_in_whatever_state_it_is(world: World, state: int) -> None:
    world.up()
    for domain in world.daemon.domains.values():
        domain.state = state
    world.daemon.networks[world.instance.network("lab")].active = state == RUNNING
    world.down()
    assert world.picture() == NOTHING
    world.down()  # twice is fine


@pytest.mark.parametrize("left", ["domains", "networks"])
def test_what_a_killed_run_left_goes(world: World, left: str) -> None:
    world.up()
    if left != "domains":
        world.daemon.domains.clear()
    if left != "networks":
        world.daemon.networks.clear()
    pool = world.daemon.pools["virtlab"]
    for name in world.volumes():
        del pool.volumes[name]
    assert world.picture() != NOTHING
    world.down()
    assert world.picture() == NOTHING


@pytest.mark.parametrize("call", ["domain.destroy", "volume.delete", "domain.undefineFlags"])
def test_wherever_it_is_killed_the_next_one_removes_the_rest(world: World, call: str) -> None:
    """The definition, which proves whose the disks are, goes after them."""

    def kill() -> None:
        raise errors.Cancelled

    world.up(TWO.partition("  two:")[0])
    world.daemon.on(call, kill)
    with pytest.raises(errors.Cancelled):
        world.down()
    world.down()
    assert world.picture() == NOTHING


def test_a_running_domain_that_somebody_undefined(world: World) -> None:
    world.up()
    world.daemon.domains[world.domain("one")].persistent = False
    world.down()
    assert world.picture() == NOTHING


def test_what_is_not_ours_stays(world: World) -> None:
    world.up()
    for number, name in enumerate(("extra", "one-more")):
        xml = f"<domain type='qemu'><name>{world.domain(name)}</name><uuid>{number}</uuid></domain>"
        world.line.defineXMLFlags(xml, 0)
    net = f"<network><name>{world.instance.network('extra')}</name><uuid>3</uuid></network>"
    world.line.networkDefineXML(net)
    foreign = {
        "foreign.qcow2",
        world.instance.volume("one", 1),  # of a disk that it does not have
        world.instance.volume("one", 0) + ".bak",
        world.instance.volume("three", 0),
    }
    world.daemon.pools["virtlab"].volumes |= {name: StoredVolume(1) for name in foreign}
    world.down()
    assert sorted(world.states()) == ["extra", "one-more"]
    assert list(world.daemon.networks) == [world.instance.network("extra")]
    assert foreign <= world.daemon.pools["virtlab"].volumes.keys()
    assert world.volumes() == foreign - {"foreign.qcow2"}


def test_the_same_lab_of_somebody_else_and_another_of_mine_stay(world: World) -> None:
    world.up()
    world.up(instance="second")
    other = world.session_of("somebody")
    mine, world.session = world.session, other
    world.up()
    world.session = mine
    before = len(world.daemon.domains)
    world.down()
    assert len(world.daemon.domains) == before - 2
    left = {name.partition(".")[2].rpartition(".")[0] for name in world.daemon.domains}
    assert left == {"learner.second", "somebody.pair"}
    assert len(world.daemon.networks) == 2


def test_what_goes_meanwhile_is_no_error(world: World) -> None:
    world.up()

    def somebody_else() -> None:
        world.daemon.domains.clear()
        world.daemon.networks.clear()
        for name in world.volumes():
            del world.daemon.pools["virtlab"].volumes[name]

    world.daemon.on("domain.destroy", somebody_else)
    world.down()
    assert world.picture() == NOTHING


def test_a_network_that_somebody_stops_meanwhile_goes_all_the_same(world: World) -> None:
    world.up()

    def somebody_else() -> None:
        (stored,) = world.daemon.networks.values()
        stored.active = False

    world.daemon.on("network.destroy", somebody_else)
    world.down()
    assert world.picture() == NOTHING


def test_after_a_failure_the_rest_goes_on(world: World) -> None:
    world.up()
    busy = failure("OPERATION_FAILED", "operation failed: Failed to terminate process 7 with SIGKILL")

    def refuse() -> None:
        raise busy

    world.daemon.on("domain.destroy", refuse)
    with pytest.raises(errors.HypervisorError, match=r"can't end .*: operation failed: Failed to terminate"):
        world.down()
    assert len(world.states()) == 1
    assert len(world.volumes()) == 1  # that guest's disk: nobody may take it from under a running QEMU
    assert not world.daemon.networks
    world.down()
    assert world.picture() == NOTHING


@pytest.mark.parametrize(
    "call",
    ["domain.destroy", "domain.undefineFlags", "network.undefine", "volume.delete", "connect.lookupByName"],
)
def test_a_connection_that_breaks_in_the_middle(world: World, call: str) -> None:
    world.up()
    world.reconnect()
    world.daemon.on(call, world.line.cut)
    with pytest.raises(errors.VirtlabError) as caught:
        remove.take_down(world.session, world.instance, world.told, world.cancelled)
    causes = caught.value.causes if isinstance(caught.value, errors.SeveralErrors) else [caught.value]
    assert {type(cause) for cause in causes} == {errors.ConnectionFailed}
    world.down()
    assert world.picture() == NOTHING


def test_two_at_once(world: World) -> None:
    """The lock lets only one in; where it does not, as on another host, both end well all the same."""
    world.up()
    sessions = [world.session_of("learner") for _ in range(2)]
    problems: list[Exception] = []

    def run(session: object) -> None:
        try:
            remove.take_down(session, world.instance, world.told, Cancellation())  # type: ignore[arg-type]
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert world.picture() == NOTHING


def test_volumes_of_a_pool_that_lies_elsewhere_are_not_touched(world: World) -> None:
    world.up()
    pool = world.daemon.pools["virtlab"]
    pool.xml = render.pool_xml("/somewhere/else")
    before = world.volumes()
    world.down()
    assert world.volumes() == before
    assert not world.states()


def test_a_pool_whose_disk_is_not_mounted_keeps_nobody_from_looking_and_ending(world: World) -> None:
    """The definitions stay, which prove whose the disks are, until those can be deleted."""
    world.up(TWO.replace("  two:\n", "  two:\n    disks: []\n"))
    pool, before = world.daemon.pools["virtlab"], world.volumes()
    pool.active, pool.away = False, True
    assert len(world.session.look().domains) == 2
    with pytest.raises(errors.PoolAway, match="pair/one is switched off, and stays until") as caught:
        world.down()
    assert "mount the disk that holds /var/lib/libvirt/images/virtlab" in (caught.value.hint or "")
    assert world.states() == {"one": OFF}
    assert not world.daemon.networks
    with pytest.raises(errors.PoolAway, match="can't open storage pool virtlab in /var/lib/libvirt"):
        world.up()
    pool.away = False
    assert world.volumes() == before
    world.down()
    assert world.picture() == NOTHING


def test_files_that_are_all_gone_at_once_are_not_taken_for_lost(world: World) -> None:
    """A disk that was unmounted below an active pool, which libvirt does not notice, may be mounted again."""
    world.up()
    pool, before = world.daemon.pools["virtlab"], world.volumes()
    pool.deleted |= pool.volumes.keys()
    assert [guest.lost_disks for guest in world.session.look().domains] == [(), ()]
    away = "none of the files of storage pool virtlab is in"
    for fails in (lambda: world.up(instance="second"), world.session.pool):
        with pytest.raises(errors.PoolAway, match=away) as caught:
            fails()
        assert "virsh pool-refresh virtlab" in (caught.value.hint or "")
    assert world.up().plan.changes_something is False
    with pytest.raises(errors.SeveralErrors, match="not all of pair could be removed") as several:
        world.down()
    assert "pair/one is switched off, and stays until its disks can be deleted" in str(several.value.causes)
    assert world.volumes() == before
    pool.deleted.clear()
    world.down()
    assert world.picture() == NOTHING


def test_which_one_is_meant(world: World) -> None:
    assert remove.chosen([world.session], (), every=False) == []
    world.up()
    assert remove.chosen([world.session], (), every=False) == [(world.session, world.instance)]
    world.up(instance="second")
    with pytest.raises(errors.Ambiguous, match="several labs are up: pair, second"):
        remove.chosen([world.session], (), every=False)
    assert len(remove.chosen([world.session], (), every=True)) == 2
    assert remove.chosen([world.session], ("pair", "gone"), every=False) == [(world.session, world.instance)]
