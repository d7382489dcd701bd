"""Signals in the middle of each verb that changes something, on the daemon in memory: once, and again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from provisioner import errors
from provisioner.cancellation import Cancellation
from provisioner.cli import interrupt
from provisioner.lifecycle import power, remove
from provisioner.measure import benchmark, clock
from provisioner.model import naming
from tests.fakes.guests import OFF, PAUSED, RUNNING
from tests.fakes.world import World

NOTHING = {"domains": {}, "networks": {}, "filters": {}, "volumes": set()}
TAKEN_BACK = ("domain.destroy", "connect.lookupByName", "volume.delete", "network.undefine")


@pytest.fixture
def signalled(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose person is at a terminal, from which signals come."""
    # a second signal ends a program that has put all in order already, as it should; but not these tests
    monkeypatch.setattr(os, "_exit", lambda _code: None)
    with interrupt.handled(), interrupt.cancellable(world.told.note) as world.cancelled:
        yield world


def send(
    world: World, call: str, number: int = signal.SIGINT, *, after: int = 0, again: str | None = None
) -> None:
    """Sends a signal before that call, and Ctrl-C before the next call ``again``."""

    def act() -> None:
        if again is not None:
            send(world, again)
        signal.raise_signal(number)

    world.daemon.on(call, act, after=after)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("again", TAKEN_BACK)
def test_up_is_taken_back_whatever_comes_meanwhile(signalled: World, first: int, again: str) -> None:
    signalled.daemon.behaviours[signalled.domain("two")] = "silent"
    send(signalled, "domain.resume", first, after=1, again=again)
    with pytest.raises(errors.Cancelled):
        signalled.up(timeout=60.0)
    assert signalled.picture() == NOTHING
    assert not signalled.cancelled.owed


def test_up_that_failed_is_taken_back_though_a_signal_comes(signalled: World) -> None:
    signalled.daemon.behaviours[signalled.domain("two")] = "crashes"
    send(signalled, "volume.delete")
    with pytest.raises(errors.GuestError, match="pair/two stopped before it was ready"):
        signalled.up()
    assert signalled.picture() == NOTHING


def test_a_signal_after_the_last_guest_answered_changes_nothing(signalled: World) -> None:
    signalled.up()
    signal.raise_signal(signal.SIGINT)
    assert list(signalled.states().values()) == [RUNNING, RUNNING]


def test_what_up_has_begun_is_known(signalled: World) -> None:
    known: list[str] = []
    signalled.daemon.on("domain.resume", lambda: known.extend(signalled.cancelled.owed), after=1)
    signalled.up()
    assert known == ["pair network lab", "pair/one", "pair/two"]
    assert not signalled.cancelled.owed


def test_down_finishes_what_is_under_way_and_knows_the_rest(
    signalled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    signalled.up()
    monkeypatch.setattr(remove, "_MOST", 1)

    def interrupt_slowly() -> None:
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0.3)  # until whoever waits has heard of it

    signalled.daemon.on("domain.undefineFlags", interrupt_slowly)
    with pytest.raises(errors.Cancelled):
        remove.take_down(signalled.session, signalled.instance, signalled.told, signalled.cancelled)
    assert signalled.states() == {"two": RUNNING}
    assert set(signalled.cancelled.owed) == {"pair/two", "pair network lab", "pair filter of network lab"}
    assert set(signalled.cancelled.owed.values()) == {"{virtlab} down pair"}
    signalled.down()
    assert signalled.picture() == NOTHING


def test_down_that_has_removed_all_but_the_filters_says_so(signalled: World) -> None:
    """It said "interrupted", and nothing of what was left."""
    signalled.up()

    def interrupt_slowly() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.3)

    signalled.daemon.on("network.undefine", interrupt_slowly)
    with pytest.raises(errors.Cancelled):
        remove.take_down(signalled.session, signalled.instance, signalled.told, signalled.cancelled)
    assert signalled.states() == {}
    assert signalled.cancelled.owed == {"pair filter of network lab": "{virtlab} down pair"}
    again = Cancellation()
    remove.take_down(signalled.session, signalled.instance, signalled.told, again)
    assert signalled.picture() == NOTHING
    assert not again.owed


def test_start_switches_off_what_does_not_answer(signalled: World) -> None:
    signalled.up()
    guests = power.chosen(signalled.session, signalled.instance, None)
    power.stop(signalled.session, guests, signalled.told, timeout=0, cancelled=signalled.cancelled)
    guests = power.chosen(signalled.session, signalled.instance, None)
    signalled.daemon.domains[signalled.domain("two")].behaviour = "silent"
    send(signalled, "domain.resume", signal.SIGHUP, after=1)
    began = time.monotonic()
    with pytest.raises(errors.Cancelled):
        power.start(signalled.session, guests, signalled.told, timeout=60.0, cancelled=signalled.cancelled)
    assert time.monotonic() - began < 5
    assert signalled.states()["two"] == OFF
    assert "failed two: interrupted" in signalled.told.lines
    assert not signalled.cancelled.owed


def test_stop_waits_no_longer(signalled: World) -> None:
    signalled.up()
    signalled.daemon.domains[signalled.domain("two")].behaviour = "deaf"
    guests = power.chosen(signalled.session, signalled.instance, "two")
    send(signalled, "domain.agent", signal.SIGTERM)
    began = time.monotonic()
    with pytest.raises(errors.Cancelled):
        power.stop(signalled.session, guests, signalled.told, timeout=60.0, cancelled=signalled.cancelled)
    assert time.monotonic() - began < 5
    assert (
        "note: guests that were asked to shut down may still do so: {virtlab} status" in signalled.told.lines
    )


@pytest.mark.parametrize(
    "again", ["domain.destroy", "domain.undefineFlags", "volume.delete", "domain.resume"]
)
@pytest.mark.parametrize("call", ["domain.suspend", "connect.defineXMLFlags", "domain.openConsole"])
def test_bench_puts_all_back(
    signalled: World, call: str, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_SECONDS", 0.0)
    signalled.up()
    guests = power.chosen(signalled.session, signalled.instance, None)
    before = signalled.picture()
    signalled.daemon.behaviours[signalled.domain(naming.clone("two"))] = "silent"
    send(signalled, call, signal.SIGHUP, again=again)
    with pytest.raises(errors.Cancelled):
        benchmark.run(
            signalled.session,
            signalled.instance,
            guests,
            signalled.told,
            quick=True,
            cancelled=signalled.cancelled,
        )
    assert signalled.picture() == before
    assert PAUSED not in signalled.states().values()
    assert not signalled.cancelled.owed
