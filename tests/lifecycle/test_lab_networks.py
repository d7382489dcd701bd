"""Networks on the daemon in memory: ranges that others take, and what is left where one can't be made."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from provisioner import errors
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


def first_choice(world: World) -> str:
    """The range that the lab's network takes where nobody else wants it."""
    from provisioner.model import plan

    return str(next(plan.subnets(world.instance, "lab", [])))


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


def test_ranges_that_are_taken_again_and_again(world: World) -> None:
    """After eight tries it is enough; nothing of ours is left."""

    def take(number: int) -> None:
        (ours,) = [n for n in world.daemon.networks.values() if n.name.startswith("virtlab.")]
        someone(world, str(ours.ranges()[0].network), name=f"other{number}", bridge=f"virbr{10 + number}")

    for number in range(8):
        world.daemon.on("network.create", lambda number=number: take(number), after=number)  # type: ignore[misc]
    with pytest.raises(errors.HypervisorError, match="Network is already in use by interface virbr17"):
        world.up()
    assert sorted(world.daemon.networks) == [f"other{number}" for number in range(8)]
    assert not world.states()


def test_no_range_is_free(world: World) -> None:
    world.host.taken = [IPv4Network("192.168.0.0/16")]
    with pytest.raises(errors.HypervisorError, match="no free range for network lab"):
        world.up()
    assert not world.daemon.networks
    assert not world.states()


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
