"""What libvirt's test driver can't do: removal, networks and volumes on the system's real daemon."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import libvirt
import pytest
from marked import domain_xml, guest_metadata

from provisioner import errors, render
from provisioner.host.local_host import LocalHost
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.storage import Pool
from provisioner.model import metadata, ranges
from provisioner.model.enums import NetworkMode
from provisioner.model.lab import Network
from provisioner.model.metadata import Address, GuestMetadata, NetworkMetadata
from provisioner.model.naming import Instance
from provisioner.model.ranges import Taken

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def system() -> Iterator[Connection]:
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        opened = Connection(libvirt.open("qemu:///system"))
    except libvirt.libvirtError as error:
        pytest.skip(f"qemu:///system can't be used: {error.get_error_message()}")
    yield opened
    opened.close()


@pytest.fixture
def mine(system: Connection) -> Iterator[Instance]:
    """An instance that nobody else has; all that has its name goes at the end."""
    instance = Instance(f"test{uuid.uuid4().hex[:8]}", "demo")
    yield instance
    for dom in system.handle.listAllDomains():
        if dom.name().startswith(instance.prefix):
            with suppress(libvirt.libvirtError):
                dom.destroy()
            dom.undefine()
    for net in system.handle.listAllNetworks():
        if net.name().startswith(instance.prefix):
            with suppress(libvirt.libvirtError):
                net.destroy()
            net.undefine()


def mark_of(mine: Instance, guest: str) -> GuestMetadata:
    return guest_metadata(guest, user=mine.owner, instance=mine.name)


def define(system: Connection, name: str, mark: str | None) -> Domain:
    plain = domain_xml(name, mark).replace("type='test'", "type='qemu'")
    return system.define_domain(plain.replace("<memory>4096", "<memory unit='MiB'>16"))


@pytest.mark.parametrize("running", [False, True])
def test_a_domain_of_ours_goes_and_no_other(system: Connection, mine: Instance, running: bool) -> None:
    ours = define(system, mine.domain("one"), metadata.dumps(mark_of(mine, "one")))
    unmarked = define(system, mine.domain("two"), None)
    borrowed = define(system, mine.domain("three"), metadata.dumps(mark_of(mine, "one")))
    if running:
        ours.start_paused()
    assert [d.guest for d in system.look().of(mine).domains] == ["one"]
    assert system.remove_domain(mine.domain("one"), None) is True
    assert system.remove_domain(mine.domain("one"), None) is False
    for other in (unmarked, borrowed):
        assert system.remove_domain(other.name, None) is False
        with pytest.raises(errors.ConflictError):
            system.require_ours(other.name)
    assert {d.name() for d in system.handle.listAllDomains()} >= {unmarked.name, borrowed.name}
    ours.destroy()  # it is gone: no error


def test_a_domain_that_crashes_at_its_start(system: Connection, mine: Instance) -> None:
    text = domain_xml(mine.domain("one"), metadata.dumps(mark_of(mine, "one"))).replace(
        "<type>hvm</type>", "<type>hvm</type><kernel>/no/such/kernel</kernel>"
    )
    dom = system.define_domain(text.replace("type='test'", "type='qemu'"))
    with pytest.raises(errors.HypervisorError, match=f"QEMU does not start {mine.domain('one')}: "):
        dom.start_paused()
    assert system.remove_domain(dom.name, None) is True


class Net:
    """A network of the instance, in a range that is free here."""

    def __init__(self, system: Connection, mine: Instance, name: str = "lab") -> None:
        taken = [*system.ranges_in_use(), *(LocalHost().routes() or [])]
        self.subnet = next(ranges.subnets(mine, name, taken))
        self.name = mine.network(name)
        network = Network(name, None, NetworkMode.ISOLATED)
        origin = guest_metadata(user=mine.owner, instance=mine.name).origin
        self.mark = NetworkMetadata(origin, network, str(self.subnet))
        hosts = [(f"g{i}", self.address(i)) for i in (1, 2)]
        self.xml = render.network_xml(network, self.mark, hosts)

    def address(self, number: int, mac: int | None = None) -> Address:
        text = f"{self.subnet[10 + number]}/24"
        return Address("lab", f"52:54:00:00:00:{mac or number:02x}", text, None)

    def host(self, name: str, number: int, mac: int | None = None) -> tuple[str, str, str]:
        address = self.address(number, mac)
        return address.mac, name, address.address.partition("/")[0]


def test_a_network_of_ours_goes_and_no_other(system: Connection, mine: Instance) -> None:
    net = Net(system, mine)
    system.create_network(net.xml)
    system.network(net.name).start()  # it is running: no error
    unmarked = system.handle.networkDefineXML(f"<network><name>{mine.network('two')}</name></network>")
    (observed,) = system.look().of(mine).networks
    assert (observed.network, observed.active, observed.metadata) == ("lab", True, net.mark)
    assert Taken(net.subnet, f"network {net.name}") in system.ranges_in_use()
    assert system.remove_network(net.name) is True
    assert system.remove_network(net.name) is False
    assert system.remove_network(unmarked.name()) is False
    assert unmarked.name() in [n.name() for n in system.handle.listAllNetworks()]


def test_a_network_that_can_not_start_is_not_left_behind(system: Connection, mine: Instance) -> None:
    net = Net(system, mine)
    system.create_network(net.xml)
    clone = net.xml.replace(net.name, mine.network("twin")).replace(
        mine.uuid("network", "lab"), mine.uuid("network", "twin")
    )
    other_bridge = clone.replace(mine.bridge("lab"), mine.bridge("twin"))
    with pytest.raises(errors.HypervisorError, match=f"can't start network {mine.network('twin')}: "):
        system.create_network(other_bridge)  # its range is in use
    assert mine.network("twin") not in [n.name() for n in system.handle.listAllNetworks()]


def test_addresses_of_a_network_change_while_it_runs(system: Connection, mine: Instance) -> None:
    from lxml import etree

    net = Net(system, mine)
    system.create_network(net.xml)

    def known(flags: int) -> set[tuple[str | None, ...]]:
        root = etree.fromstring(system.handle.networkLookupByName(net.name).XMLDesc(flags))
        names = {(h.findtext("hostname"), h.get("ip")) for h in root.iterfind("dns/host")}
        leases = {(h.get("mac"), h.get("name"), h.get("ip")) for h in root.iterfind("ip/dhcp/host")}
        assert names == {(name, address) for _, name, address in leases}
        return leases

    both = (0, libvirt.VIR_NETWORK_XML_INACTIVE)
    steps = [
        [net.host("g1", 1), net.host("g2", 2)],  # as it is
        [net.host("g1", 1), net.host("g2", 2), net.host("g3", 3)],  # one more
        [net.host("g1", 1), net.host("g2", 4), net.host("g3", 3)],  # another address
        [net.host("g1", 1, mac=9), net.host("g2", 4), net.host("g3", 3)],  # another card
        [net.host("new", 1, mac=9), net.host("g2", 4), net.host("g3", 3)],  # another name
    ]
    for hosts in steps:
        system.network(net.name).set_hosts(hosts)
        for flags in both:
            assert known(flags) == set(hosts)


def test_what_is_there_is_never_overwritten(system: Connection, mine: Instance) -> None:
    path = Path("/var/lib/libvirt/images") / f"virtlab-{mine.owner}"
    xml = render.pool_xml(str(path)).replace(">virtlab<", f">{path.name}<")
    raw = system.handle.storagePoolDefineXML(xml)
    try:
        raw.build()
        raw.create()
        pool, name, unknown = Pool(raw), mine.volume("one", 0), mine.volume("one", 1)
        pool.create_volume(name, render.volume_xml(name, 1 << 20, fmt="qcow2"))
        Path(path, unknown).write_text("a file that libvirt does not know")
        for taken in (name, unknown):
            with pytest.raises(errors.ConflictError, match="there is one of that name, which is left alone"):
                pool.create_volume(taken, render.volume_xml(taken, 2 << 20, fmt="qcow2"))
        assert raw.storageVolLookupByName(name).info()[1] == 1 << 20
        assert Path(path, unknown).read_text() == "a file that libvirt does not know"
        Path(path, name).unlink()  # libvirt still lists it
        assert name in pool.volume_names()
        assert not pool.has(name)
        pool.create_volume(name, render.volume_xml(name, 2 << 20, fmt="qcow2"))
        assert pool.has(name)
        pool.replace_volume(name, render.volume_xml(name, 3 << 20, fmt="qcow2"))
        assert raw.storageVolLookupByName(name).info()[1] == 3 << 20
        Path(path, unknown).unlink()
        pool.remove_volume(name)
    finally:
        with suppress(libvirt.libvirtError):
            raw.destroy()
            raw.delete()
        raw.undefine()
