"""Networks on the daemon in memory: ranges that others take, and what is left where one can't be made."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from provisioner import errors, paths
from provisioner.lifecycle import host_checks
from provisioner.model import ranges
from tests.fakes.daemon import failure
from tests.fakes.networks import StoredNetwork
from tests.fakes.world import TWO, World

TWO_NETWORKS = TWO.replace("  lab:\n", "  lab: {mode: isolated}\n  other:\n")


def someone(world: World, subnet: str, *, name: str = "office", bridge: str = "virbr9") -> None:
    """Another user's network, which takes a range."""
    gateway = next(IPv4Network(subnet).hosts())
    xml = (
        f"<network><name>{name}</name><uuid>{name}</uuid><bridge name='{bridge}'/>"
        f"<ip address='{gateway}' prefix='24'/></network>"
    )
    world.daemon.networks[name] = StoredNetwork(name, name, xml, active=True)


@pytest.fixture
def settings_file(world: World) -> Path:
    """The person's settings; the folder for it is there."""
    file = paths.config_file()
    file.parent.mkdir(parents=True)
    return file


def first_choice(world: World) -> str:
    """The range that the lab's network takes where nobody else wants it."""
    return str(next(ranges.subnets(world.instance, "lab", [])))


def subnet_of(world: World, network: str = "lab") -> str:
    (found,) = [n for n in world.session.look().networks if n.network == network]
    assert found.active
    return found.metadata.subnet


def test_a_free_range_is_taken_and_kept(world: World) -> None:
    wanted = first_choice(world)
    world.up()
    assert subnet_of(world) == wanted
    someone(world, "192.168.250.0/24")
    world.up(TWO.replace("96 MiB", "128 MiB"))
    assert subnet_of(world) == wanted


def test_a_range_that_another_network_has_is_left_to_it(world: World) -> None:
    wanted = first_choice(world)
    someone(world, wanted)
    world.up()
    assert subnet_of(world) != wanted


def test_a_range_that_the_host_reaches_elsewhere_is_left_to_it(world: World) -> None:
    world.host.taken = [IPv4Network(first_choice(world)).supernet(prefixlen_diff=1)]
    world.up()
    assert not IPv4Network(subnet_of(world)).overlaps(world.host.taken[0])


@pytest.mark.parametrize("moment", ["connect.networkDefineXML", "network.create"])
def test_a_range_that_is_taken_in_the_same_moment(world: World, moment: str) -> None:
    wanted = first_choice(world)
    world.daemon.on(moment, lambda: someone(world, wanted))
    world.up()
    assert subnet_of(world) != wanted
    assert len(world.daemon.networks) == 2
    addresses = {a.address for d in world.session.look().domains for a in d.metadata.addresses}
    assert all(IPv4Network(subnet_of(world)).supernet_of(IPv4Network(a, strict=False)) for a in addresses)


def take_each(world: World, times: int) -> None:
    """Somebody takes the range that was chosen, in the moment between choice and start, so many times."""

    def take(number: int) -> None:
        (ours,) = [n for n in world.daemon.networks.values() if n.name.startswith("virtlab.")]
        someone(world, str(ours.ranges()[0].network), name=f"other{number}", bridge=f"virbr{10 + number}")

    for number in range(times):
        world.daemon.on("network.create", lambda number=number: take(number), after=number)  # type: ignore[misc]


def test_twenty_ranges_that_are_taken_one_after_the_other(world: World) -> None:
    take_each(world, 20)
    world.up()
    others = [n for name, n in world.daemon.networks.items() if name.startswith("other")]
    assert subnet_of(world) not in {str(other.ranges()[0].network) for other in others}
    assert len(world.daemon.networks) == 21


def test_ranges_that_are_taken_until_none_is_left(world: World, settings_file: Path) -> None:
    settings_file.write_text('ranges = ["10.77.0.0/22"]')
    take_each(world, 4)
    with pytest.raises(errors.HypervisorError, match="no range of addresses is free") as caught:
        world.up()
    told = caught.value.message
    assert "in 10.77.0.0/22 network other" in told
    assert told.endswith(", and so on (4 in all)")
    assert sorted(world.daemon.networks) == [f"other{number}" for number in range(4)]
    assert not world.states()


def test_between_two_choices_it_can_be_cancelled(world: World) -> None:
    take_each(world, 3)
    world.daemon.on("network.create", world.cancelled.set, after=1)
    with pytest.raises(errors.Cancelled):
        world.up()
    assert sorted(world.daemon.networks) == ["other0", "other1"]


@pytest.mark.parametrize(
    ("routes", "block"),
    [
        (["0.0.0.0/1", "128.0.0.0/1"], "192.168.128.0/17"),
        (["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"], "192.168.128.0/17"),
        (["192.168.122.0/24", "172.17.0.0/16"], "192.168.128.0/17"),
        (["192.168.0.0/16"], "172.16.0.0/12"),
        (["192.168.128.0/17", "172.16.0.0/12", "128.0.0.0/1"], "10.0.0.0/8"),
    ],
)
def test_a_range_is_found_beside_what_vpns_and_others_have(
    world: World, routes: list[str], block: str
) -> None:
    """A VPN that takes the default route over does so by halves, which are no claim on private addresses."""
    world.host.taken = [IPv4Network(route) for route in routes]
    world.up()
    found = IPv4Network(subnet_of(world))
    assert found.subnet_of(IPv4Network(block))
    assert not any(found.overlaps(route) for route in world.host.taken if route.prefixlen >= 8)


def test_no_range_is_free(world: World) -> None:
    world.host.taken = [IPv4Network(text) for text in ("192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8")]
    someone(world, "192.168.250.0/24")
    with pytest.raises(errors.HypervisorError) as caught:
        world.up()
    assert caught.value.message == (
        "no range of addresses is free for network lab: "
        "in 192.168.128.0/17 a route over tun0 has 192.168.0.0/16; "
        "in 172.16.0.0/12 a route over tun0 has 172.16.0.0/12; "
        "in 10.0.0.0/8 a route over tun0 has 10.0.0.0/8"
    )
    assert 'ranges = ["10.77.0.0/16"]' in (caught.value.hint or "")
    assert sorted(world.daemon.networks) == ["office"]
    assert not world.states()


def test_a_range_that_was_set_is_taken_though_a_wide_route_covers_it(
    world: World, settings_file: Path
) -> None:
    settings_file.write_text('ranges = ["10.77.4.0/23", "10.99.0.0/16"]')
    world.host.taken = [IPv4Network("10.0.0.0/8"), IPv4Network("10.77.4.0/24")]
    world.up()
    assert subnet_of(world) == "10.77.5.0/24"


def test_a_failure_that_is_no_race_is_raised_at_once(world: World) -> None:
    def refuse() -> None:
        raise failure("INTERNAL_ERROR", "internal error: Child process (dnsmasq) exit status 5", "NETWORK")

    world.daemon.on("network.create", refuse)
    with pytest.raises(errors.HypervisorError, match="dnsmasq"):
        world.up()
    assert world.daemon.calls.count("network.create") == 1
    assert not world.daemon.networks


def test_where_the_second_network_fails_the_first_goes_too(world: World) -> None:
    def refuse() -> None:
        raise failure("INTERNAL_ERROR", "internal error: no more bridges", "NETWORK")

    world.daemon.on("network.create", refuse, after=1)
    text = TWO_NETWORKS.replace("  one:\n", "  one:\n    interfaces: [{network: lab}, {network: other}]\n")
    with pytest.raises(errors.HypervisorError, match="no more bridges"):
        world.up(text)
    assert not world.daemon.networks


def test_a_network_that_somebody_stopped_starts_again_and_keeps_its_range(world: World) -> None:
    world.up()
    before = subnet_of(world)
    world.daemon.networks[world.instance.network("lab")].active = False
    world.up()
    assert subnet_of(world) == before


def test_a_new_guest_becomes_known_to_a_running_network(world: World) -> None:
    world.up(TWO.partition("  two:")[0])
    world.up()
    xml = world.daemon.networks[world.instance.network("lab")].xml
    assert "<hostname>one</hostname>" in xml
    assert "<hostname>two</hostname>" in xml


def test_a_network_of_that_name_that_is_not_ours(world: World) -> None:
    name = world.instance.network("lab")
    someone(world, "10.1.2.0/24", name=name)
    with world.unchanged(), pytest.raises(errors.HypervisorError, match="already exists with uuid"):
        world.up()


def test_half_a_network_that_a_killed_run_left_is_replaced(world: World) -> None:
    world.up()
    name = world.instance.network("lab")
    world.down()
    world.daemon.on("network.create", lambda: world.line.cut())
    with pytest.raises(errors.VirtlabError):
        world.reconnect_and_up()
    assert [n.active for n in world.daemon.networks.values()] == [False]
    world.reconnect_and_up()
    assert world.daemon.networks[name].active


def test_a_bridge_of_our_name_that_was_left_behind_is_left_alone_and_told(world: World) -> None:
    left = world.instance.bridge("lab")
    world.host.network = replace(world.host.network, interfaces=frozenset({"lo", left}))
    world.up()
    (ours,) = world.daemon.networks.values()
    assert ours.bridge == world.instance.bridge("lab", 1) != left
    assert f"note: there is an interface {left} already" in world.told.text()
    (check,) = host_checks.bridges(world.session)
    assert (check.good, check.needed) == (False, False)
    assert f"sudo ip link delete {left}" in (check.remedy or "")


def test_a_network_that_was_stopped_and_whose_range_somebody_took_meanwhile(world: World) -> None:
    world.up()
    subnet = subnet_of(world)
    world.daemon.networks[world.instance.network("lab")].active = False
    someone(world, subnet)
    with pytest.raises(errors.ConflictError) as caught:
        world.up()
    assert caught.value.message == f"network lab can't start again: network office has its range, {subnet}"
    assert "down pair" in (caught.value.hint or "")
