"""A network that somebody stopped and started again: its bridge is another one, and guests are not on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.host.local_host import LocalHost
from provisioner.host.unknown_host import UnknownHost
from provisioner.hypervisor.uris import SESSION
from provisioner.model.plan import Verb
from tests.fakes.world import World


@pytest.fixture
def up(world: World) -> World:
    """Both guests run, each with an interface of the host's."""
    world.up()
    for guest in ("one", "two"):
        stored = world.daemon.domains[world.domain(guest)]
        stored.xml = stored.xml.replace("<mac ", f"<target dev='tap-{guest}'/><mac ")
        assert "tap-" in stored.xml
    return world


def ports(world: World, *names: str) -> None:
    (network,) = world.daemon.networks.values()
    world.host.ports = {network.bridge: frozenset(names)}


def cut_off(world: World) -> list[tuple[str, ...]]:
    return [guest.cut_off for guest in world.session.look().domains]


def test_up_starts_the_guests_anew_that_are_cut_off(up: World) -> None:
    ports(up, "tap-one")
    assert cut_off(up) == [(), ("lab",)]
    steps = {step.name: step for step in up.prepare().plan.guests}
    assert [steps["one"].verb, steps["two"].verb] == [Verb.KEEP, Verb.RESTART]
    assert steps["two"].reason == "it is cut off from its network lab, which was started again"
    assert steps["two"].loses == "what is in its memory"


def test_libvirt_is_asked_only_where_too_few_are_attached(up: World) -> None:
    up.daemon.calls.clear()
    ports(up, "tap-one", "tap-two")
    assert cut_off(up) == [(), ()]
    up.host.ports = {}  # nothing is seen of the bridge
    assert cut_off(up) == [(), ()]
    assert "domain.XMLDesc" not in up.daemon.calls


def test_a_guest_that_is_off_or_gone_is_not_cut_off(up: World) -> None:
    ports(up)
    up.line.guest(up.domain("one")).destroy()
    assert cut_off(up) == [(), ("lab",)]
    up.daemon.on("domain.XMLDesc", lambda: up.daemon.domains.pop(up.domain("two")) and None)
    assert cut_off(up) == [(), ()]


def test_user_mode_has_no_bridges(up: World) -> None:
    ports(up)
    mine = up.session_of(up.user, uri=SESSION)
    assert [guest.cut_off for guest in mine.look().domains] == [(), ()]


def test_bridges_of_this_machine() -> None:
    bridges = [folder.parent for folder in Path("/sys/class/net").glob("*/brif")]
    for bridge in bridges:
        assert LocalHost().bridge_ports(bridge.name) is not None
    assert LocalHost().bridge_ports("no-such-bridge") is None
    assert UnknownHost().bridge_ports("x") is None
