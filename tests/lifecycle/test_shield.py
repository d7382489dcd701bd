"""Filters between guests and their host, on the daemon in memory: made, kept up to date, and taken away."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from xml.etree import ElementTree

import pytest

from provisioner import errors
from provisioner.host import lock
from provisioner.lifecycle import power, remove, shield
from provisioner.measure import clock
from provisioner.measure.clone import Clones
from provisioner.model import naming
from provisioner.model.metadata import Choices
from provisioner.model.naming import Instance
from tests.fakes.daemon import failure
from tests.fakes.filters import StoredFilter
from tests.fakes.world import TWO, World
from tests.unit.worlds import told

NAT = TWO.replace("isolated", "nat")
OFFICE = IPv4Network("198.51.100.7/32")
VPN = IPv4Network("10.8.0.6/32")


def rules(world: World, network: str = "lab") -> list[tuple[str, dict[str, str]]]:
    """What the filter of a network does with what: (action and protocol, what it looks at)."""
    root = ElementTree.fromstring(world.daemon.filters[world.instance.filter(network)].xml)  # noqa: S314
    found = []
    for rule in root.iterfind("rule"):
        assert rule.get("direction") == "out"
        found += [(f"{rule.get('action')} {match.tag}", dict(match.attrib)) for match in rule]
    return found


def dropped(world: World) -> set[str]:
    """The ranges that a guest can't send to although it reaches the outside."""
    told = rules(world)
    own = next(
        (at for at, (action, _) in enumerate(told) if action == "accept ip" and "dstipmask" in told[at][1]), 0
    )
    return {
        f"{match['dstipaddr']}/{match['dstipmask']}" for action, match in told[own:] if action == "drop ip"
    }


def filters_of(world: World) -> set[str | None]:
    """The filters that the cards of the guests have."""
    return {
        None if (named := card.find("filterref")) is None else named.get("filter")
        for domain in world.daemon.domains.values()
        for card in domain.root.iterfind("devices/interface")
    }


def test_each_card_has_a_filter_that_names_every_address_of_the_host(world: World) -> None:
    world.host.own = [OFFICE, IPv4Network("127.0.0.0/8"), IPv4Network("192.0.2.255/32")]
    world.up(NAT)
    assert filters_of(world) == {world.instance.filter("lab")}
    assert {str(OFFICE), "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "192.0.2.255/32"} <= dropped(world)
    told = rules(world)
    assert told[-1] == ("drop mac", {})
    subnet = IPv4Network(world.session.look().networks[0].metadata.subnet)
    drops = (
        ("drop ip", {"dstipaddr": str(subnet[at]), "dstipmask": mask}) for at, mask in ((0, "30"), (-2, "31"))
    )
    at = [told.index(rule) for rule in drops]
    own = told.index(("accept ip", {"dstipaddr": str(subnet[0]), "dstipmask": "24"}))
    gateway = [match for action, match in told[: at[0]] if match.get("dstipaddr") == str(subnet[1])]
    assert max(at) < own < told.index(("accept ip", {}))
    assert [(m["protocol"], m.get("dstportstart"), m.get("dstportend")) for m in gateway] == [
        ("udp", "53", None),
        ("udp", "67", None),
        ("tcp", "53", None),
        ("icmp", None, None),
    ]


def test_an_isolated_network_leads_to_its_guests_only(world: World) -> None:
    world.host.own = [OFFICE]
    world.up()
    assert ("accept ip", {}) not in rules(world)
    assert dropped(world) == set()


def test_networks_of_others_are_no_outside(world: World) -> None:
    world.up(NAT)
    assert "192.168.128.0/17" in dropped(world)  # where the networks of labs are
    before = dict(world.daemon.filters)
    world.reconnect()
    world.up(NAT.replace("name: pair", "name: other"))
    assert before.items() <= world.daemon.filters.items()
    # where something else is there, they are named one by one
    world.host.taken = [IPv4Network("192.168.130.0/24")]
    world.up(NAT.replace("name: pair", "name: third"))
    nets = {n.instance.name: n.metadata.subnet for n in world.session.look().networks}
    assert {nets["other"], nets["third"]} <= dropped(world)
    assert not {nets["pair"], "192.168.128.0/17", "192.168.130.0/24"} & dropped(world)


def test_addresses_that_the_host_gets_later_are_closed_by_the_next_verb(world: World) -> None:
    world.up(NAT)
    world.host.own = [VPN]
    world.reconnect()
    world.up(NAT)  # with nothing to change
    assert str(VPN) in dropped(world)
    world.host.own = [OFFICE]
    observed = world.session.look().of(world.instance)
    power.start(world.session, list(observed.domains), world.told, timeout=1, cancelled=world.cancelled)
    assert str(OFFICE) in dropped(world)
    assert str(VPN) not in dropped(world)
    world.host.own = [VPN]
    world.up(NAT.replace("name: pair", "name: other"))
    assert str(VPN) in dropped(world)
    world.host.own = [OFFICE]
    shield.refresh(world.session, world.instance)  # as before each command in a guest
    assert str(OFFICE) in dropped(world)


def test_a_filter_is_written_only_where_it_has_changed(world: World) -> None:
    world.up(NAT)
    before = world.daemon.calls.count("connect.nwfilterDefineXML")
    world.reconnect()
    world.up(NAT)
    world.up(NAT.replace("96 MiB", "128 MiB"))
    assert world.daemon.calls.count("connect.nwfilterDefineXML") == before


def test_a_lab_on_which_another_virtlab_is_at_work_is_left_to_that_one(world: World) -> None:
    world.up(NAT)
    world.host.own = [VPN]
    with lock.held(world.session.lock_name("pair"), world.told, timeout=1):
        shield.refresh_others(world.session, Instance("learner", "other"))
        assert str(VPN) not in dropped(world)
    shield.refresh_others(world.session, Instance("learner", "other"))
    assert str(VPN) in dropped(world)


def test_down_and_a_failed_up_leave_no_filter(world: World) -> None:
    world.daemon.behaviours[world.domain("one")] = "silent"
    with pytest.raises(errors.NotReady):
        world.up()
    assert world.daemon.filters == {}
    world.daemon.behaviours.clear()
    world.up()
    world.down()
    assert world.daemon.filters == {}


def test_down_finds_a_filter_that_is_all_that_a_killed_run_left(world: World) -> None:
    world.up()
    world.daemon.domains.clear()
    world.daemon.networks.clear()
    world.reconnect()
    assert [i for _, i in remove.chosen([world.session], [], every=False)] == [world.instance]
    world.down()
    assert world.daemon.filters == {}


def test_a_filter_of_our_name_that_somebody_else_made_is_left_alone(world: World) -> None:
    name = world.instance.filter("lab")
    world.daemon.filters[name] = StoredFilter(name, "somebody", f"<filter name='{name}'/>")
    with pytest.raises(errors.ConflictError, match="not virtlab's: it is left alone"):
        world.up()
    world.down()
    assert world.daemon.filters[name].uuid == "somebody"


def test_a_filter_goes_with_its_network(world: World) -> None:
    two = NAT.replace("  lab:\n    mode: nat\n", "  lab: {}\n  more: {}\n").replace(
        "  two:\n", "  two:\n    interfaces: [{network: more}]\n"
    )
    world.up(two)
    assert set(world.daemon.filters) == {world.instance.filter("lab"), world.instance.filter("more")}
    world.up(NAT)
    assert set(world.daemon.filters) == {world.instance.filter("lab")}


def test_a_filter_that_was_deleted_by_hand_is_made_again(world: World) -> None:
    world.up()
    for domain in world.daemon.domains.values():
        domain.state = 5  # shut off
    world.daemon.filters.clear()
    power.start(
        world.session, list(world.session.look().domains), world.told, timeout=1, cancelled=world.cancelled
    )
    assert set(world.daemon.filters) == {world.instance.filter("lab")}


def test_a_lab_of_virtlabs_own_is_trusted_until_somebody_says_otherwise(world: World) -> None:
    origin = world.prepare(NAT).origin
    for source, trust, trusted in (
        ("catalog:demo-paravirt", None, True),
        ("catalog:demo-paravirt", False, False),
        ("/home/me/my-lab/lab.yaml", None, False),
        ("/home/me/my-lab/lab.yaml", True, True),
    ):
        assert replace(origin, source=source, choices=Choices(trust=trust)).trusted is trusted


def test_a_lab_that_is_trusted_has_no_filter(world: World) -> None:
    world.up(NAT, trust=True)
    assert (world.daemon.filters, filters_of(world)) == ({}, {None})
    world.up(NAT)  # the choice is kept
    assert filters_of(world) == {None}
    made = world.prepare(NAT, trust=False).plan
    assert {step.verb.name for step in made.guests} == {"RESTART"}
    assert told(made.guests[0]) == ("trusted: yes → no", "choices: --trust → --no-trust")
    world.up(NAT, trust=False)
    assert filters_of(world) == set(world.daemon.filters) == {world.instance.filter("lab")}
    world.up(NAT, trust=True)
    assert (world.daemon.filters, filters_of(world)) == ({}, {None})


@pytest.mark.parametrize("gone", ["ebtables", "the driver"])
def test_where_libvirt_can_keep_nobody_out_nothing_is_started(world: World, gone: str) -> None:
    if gone == "ebtables":
        world.host.missing = {"ebtables"}
    else:
        text = "this function is not supported by the connection driver: virNWFilterDefineXML"
        error = failure("NO_SUPPORT", text, domain="NONE")

        def refuse() -> None:
            raise error

        world.daemon.on("connect.nwfilterDefineXML", refuse)
    with pytest.raises(errors.HypervisorError) as caught, world.unchanged():
        world.up()
    assert "--trust" in (caught.value.hint or "")
    world.up(trust=True)


def test_the_far_end_of_a_bench_is_open_to_clones_for_its_port_and_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_SECONDS", 0.0)
    world.up(NAT)
    before = dict(world.daemon.filters)
    gateway = str(IPv4Network(world.session.look().networks[0].metadata.subnet)[1])
    with world.unchanged():
        clones = Clones(world.session, world.instance, world.told, world.cancelled, 1.0)
        clones.make(world.session.look().of(world.instance).domains)
        ports = {clone.port for clone in clones.running.values()}
        assert len(ports) == 2
        more = [rule for rule in rules(world, naming.clone("lab")) if rule not in rules(world)]
        assert sorted(
            (action, match["protocol"], match["dstipaddr"], match["dstportstart"]) for action, match in more
        ) == [("accept ip", "tcp", gateway, str(port)) for port in sorted(p for p in ports if p)]
        assert {name: stored for name, stored in world.daemon.filters.items() if name in before} == before
        assert filters_of(world) == {world.instance.filter("lab"), world.instance.filter(naming.clone("lab"))}
        clones.remove()


def test_what_a_killed_bench_left_open_goes_with_its_clones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_SECONDS", 0.0)
    world.up(NAT)
    before = set(world.daemon.filters)
    clones = Clones(world.session, world.instance, world.told, world.cancelled, 1.0)
    clones.make(world.session.look().of(world.instance).domains)
    world.reconnect()
    world.up(NAT)
    assert set(world.daemon.filters) == before


def test_where_nothing_is_closed_nothing_is_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_SECONDS", 0.0)
    world.up(NAT, trust=True)
    clones = Clones(world.session, world.instance, world.told, world.cancelled, 1.0)
    clones.make(world.session.look().of(world.instance).domains)
    assert world.daemon.filters == {}
