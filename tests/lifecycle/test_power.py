"""``start`` and ``stop`` on the daemon in memory."""

from __future__ import annotations

from collections.abc import Callable

import libvirt
import pytest

from provisioner import errors
from provisioner.backends import choose
from provisioner.lifecycle import power
from provisioner.measure.paused_guests import PausedGuests
from tests.fakes.daemon import failure
from tests.fakes.guests import OFF, PAUSED, RUNNING, StoredDomain
from tests.fakes.world import GIB, World


@pytest.fixture
def up(world: World) -> World:
    world.up()
    world.told.lines.clear()
    return world


def stored(world: World, guest: str) -> StoredDomain:
    return world.daemon.domains[world.domain(guest)]


def stop(world: World, guest: str | None = None, timeout: float = 0.4) -> None:
    guests = power.chosen(world.session, world.instance, guest)
    power.stop(world.session, guests, world.told, timeout=timeout, cancelled=world.cancelled)


def start(world: World, guest: str | None = None) -> None:
    guests = power.chosen(world.session, world.instance, guest)
    power.start(world.session, guests, world.told, timeout=0.4, cancelled=world.cancelled)


def test_guests_stop_and_start_again(up: World) -> None:
    stop(up)
    assert up.states() == {"one": OFF, "two": OFF}
    assert {"done one: stopped", "done two: stopped"} <= set(up.told.lines)
    assert len(up.volumes()) == 2
    start(up)
    assert up.states() == {"one": RUNNING, "two": RUNNING}


def test_one_guest_alone(up: World) -> None:
    stop(up, "two")
    assert up.states() == {"one": RUNNING, "two": OFF}
    with pytest.raises(errors.InputError, match="pair has no guest 'three'"):
        stop(up, "three")


def test_twice_is_fine(up: World) -> None:
    start(up)
    assert "done one: is running already" in up.told.lines
    stop(up)
    stop(up)
    assert "done one: is stopped already" in up.told.lines


def test_one_that_does_not_listen_is_switched_off(up: World) -> None:
    stored(up, "two").behaviour = "deaf"
    stop(up)
    assert up.states() == {"one": OFF, "two": OFF}
    assert "done two: switched off: it did not shut down in time" in up.told.lines
    assert "done one: stopped" in up.told.lines


def test_one_whose_agent_is_silent_gets_the_power_button(up: World) -> None:
    stored(up, "two").behaviour = "silent"
    stop(up, "two")
    assert "domain.shutdownFlags" in up.daemon.calls
    assert "done two: stopped" in up.told.lines


def test_one_whose_qemu_is_stopped_is_switched_off(up: World) -> None:
    stored(up, "two").behaviour = "silent"

    def hold() -> None:
        text = "Timed out during operation: cannot acquire state change lock"
        raise failure("OPERATION_TIMEOUT", text)

    up.daemon.on("domain.shutdownFlags", hold)
    stop(up, "two")
    assert up.states()["two"] == OFF
    assert "done two: switched off: it did not shut down in time" in up.told.lines


@pytest.fixture
def stuck(up: World) -> World:
    """The QEMU of guest two was stopped, and the host sees that."""
    stored(up, "two").behaviour = "silent"
    up.host.stopped[up.domain("two")] = 4711
    return up


STUCK = "pair/two: its QEMU, process 4711, was stopped by a signal or a debugger"


def test_a_qemu_that_was_stopped_is_named_by_whoever_asks_its_guest(stuck: World) -> None:
    (two,) = power.chosen(stuck.session, stuck.instance, "two")
    backend = choose.backend(stuck.session, two)
    for ask in (lambda: backend.reach().run(["true"], timeout=0.4), backend.console):
        with pytest.raises(errors.QemuStopped, match=STUCK) as caught:
            ask()
        assert "kill -CONT 4711" in (caught.value.hint or "")
        assert "{virtlab} stop --timeout 0 pair/two" in (caught.value.hint or "")
    with pytest.raises(errors.QemuStopped, match=STUCK):
        start(stuck, "two")


@pytest.mark.parametrize("state", [RUNNING, PAUSED])
def test_up_does_not_wait_for_a_qemu_that_was_stopped(stuck: World, state: int) -> None:
    stored(stuck, "two").state = state
    stuck.daemon.calls.clear()
    with pytest.raises(errors.QemuStopped, match=STUCK):
        stuck.up()
    assert stuck.states() == {"one": RUNNING, "two": state}
    assert "domain.resume" not in stuck.daemon.calls


def test_bench_pauses_nobody_where_a_qemu_was_stopped(stuck: World) -> None:
    paused = PausedGuests(stuck.session, stuck.instance, stuck.cancelled)
    with pytest.raises(errors.QemuStopped, match=STUCK):
        paused.pause(stuck.session.look().of(stuck.instance).domains)
    assert "domain.suspend" not in stuck.daemon.calls
    assert stuck.states() == {"one": RUNNING, "two": RUNNING}


def test_a_qemu_that_was_stopped_is_switched_off_at_once(stuck: World) -> None:
    stuck.daemon.calls.clear()
    stop(stuck, "two", timeout=60.0)
    assert stuck.states()["two"] == OFF
    assert "domain.shutdownFlags" not in stuck.daemon.calls
    told = "done two: switched off: its QEMU was stopped by a signal or a debugger"
    assert told in stuck.told.lines


def test_without_patience_nobody_is_asked(up: World) -> None:
    stop(up, timeout=0)
    assert up.states() == {"one": OFF, "two": OFF}
    assert "domain.shutdownFlags" not in up.daemon.calls
    assert not any(": stopped" in line for line in up.told.lines)


def test_one_that_stops_while_it_is_asked(up: World) -> None:
    def gone() -> None:
        up.line.guest(up.domain("one")).destroy()

    up.daemon.on("domain.agent", gone)
    stop(up, "one")
    assert "done one: stopped" in up.told.lines


def test_one_that_is_removed_while_it_is_stopped(up: World) -> None:
    guests = power.chosen(up.session, up.instance, "one")
    del up.daemon.domains[up.domain("one")]
    with pytest.raises(errors.NotFound):
        power.stop(up.session, guests, up.told, timeout=0.4, cancelled=up.cancelled)


def test_one_that_does_not_start_holds_up_no_other(up: World) -> None:
    stop(up)
    stored(up, "one").behaviour = "crashes"
    with pytest.raises(errors.GuestError, match="pair/one stopped before it was ready"):
        start(up)
    assert up.states() == {"one": OFF, "two": RUNNING}
    assert any(line.startswith("failed one: ") for line in up.told.lines)


def test_all_that_failed_is_told(up: World) -> None:
    stop(up)
    for guest in ("one", "two"):
        stored(up, guest).behaviour = "crashes"
    with pytest.raises(errors.SeveralErrors) as caught:
        start(up)
    assert len(caught.value.causes) == 2


@pytest.mark.parametrize("listed", [True, False])
def test_a_disk_that_was_deleted_is_said_with_the_verb_that_mends_it(up: World, listed: bool) -> None:
    stop(up)
    pool, name = up.daemon.pools["virtlab"], up.instance.volume("one", 0)
    if listed:
        pool.deleted.add(name)
    else:
        del pool.volumes[name]
    with pytest.raises(errors.HypervisorError, match="the file of disk 0 of pair/one was deleted") as caught:
        start(up)
    assert caught.value.hint == f"to make an empty one: {{virtlab}} up {up.folder / 'lab.yaml'}"
    assert up.states() == {"one": OFF, "two": OFF}
    up.up()
    assert up.states() == {"one": RUNNING, "two": RUNNING}


def test_a_network_that_stands_still_is_started_first(up: World) -> None:
    stop(up)
    network = up.daemon.networks[up.instance.network("lab")]
    network.active = False
    start(up)
    assert network.active
    assert up.states() == {"one": RUNNING, "two": RUNNING}


def test_a_network_that_is_gone(up: World) -> None:
    stop(up)
    up.daemon.networks.clear()
    with pytest.raises(errors.SeveralErrors) as caught:
        start(up)
    assert {type(cause) for cause in caught.value.causes} == {errors.NotFound}
    assert up.states() == {"one": OFF, "two": OFF}


def test_one_that_is_paused_goes_on(up: World) -> None:
    stored(up, "one").state = PAUSED
    start(up, "one")
    assert up.states() == {"one": RUNNING, "two": RUNNING}


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (libvirt.VIR_DOMAIN_PAUSED_IOERROR, "pair/one is paused: there is no room for what it writes"),
        (libvirt.VIR_DOMAIN_PAUSED_USER, "pair/one is paused$"),
    ],
)
def test_nobody_waits_for_a_guest_that_is_paused(up: World, reason: int, told: str) -> None:
    stored(up, "one").state, stored(up, "one").reason = PAUSED, reason
    (one,) = power.chosen(up.session, up.instance, "one")
    with pytest.raises(errors.GuestError, match=told) as caught:
        choose.backend(up.session, one).reach()
    assert "{virtlab} start pair/one" in (caught.value.hint or "")


def test_one_whose_disk_is_full_goes_on_when_there_is_room(up: World) -> None:
    stored(up, "one").state, stored(up, "one").reason = PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR
    up.host.disk = 0
    with pytest.raises(errors.HypervisorError, match="is free in /var/lib/libvirt/images/virtlab"):
        start(up)
    assert up.states()["one"] == PAUSED
    up.host.disk = 8 * GIB
    start(up)
    assert up.states() == {"one": RUNNING, "two": RUNNING}


@pytest.mark.parametrize(("action", "call"), [(start, "domain.resume"), (stop, "domain.agent")])
def test_a_connection_that_breaks_in_the_middle(
    up: World, action: Callable[[World], None], call: str
) -> None:
    if action is start:
        stop(up)
    up.daemon.on(call, up.line.cut)
    with pytest.raises(errors.VirtlabError) as caught:
        action(up)
    causes = caught.value.causes if isinstance(caught.value, errors.SeveralErrors) else [caught.value]
    assert {type(cause) for cause in causes} == {errors.ConnectionFailed}
    up.reconnect()
    action(up)
    assert set(up.states().values()) == {RUNNING if action is start else OFF}
