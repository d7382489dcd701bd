"""The networks of the daemon in memory."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface
from xml.etree import ElementTree

import libvirt

from tests.fakes.daemon import Line, failure, identity, invalid


@dataclass
class StoredNetwork:
    name: str
    uuid: str
    xml: str
    active: bool = False

    @property
    def bridge(self) -> str:
        element = ElementTree.fromstring(self.xml).find("bridge")
        return "virbr0" if element is None else element.get("name", "")

    def ranges(self) -> list[IPv4Interface]:
        found = ElementTree.fromstring(self.xml).iterfind("ip")
        return [IPv4Interface(f"{ip.get('address')}/{ip.get('prefix')}") for ip in found]


def define(line: Line, xml: str) -> Net:
    """What ``networkDefineXML`` does."""
    name, uuid = identity(xml)
    with line.daemon.lock:
        there = line.daemon.networks.get(name)
        if there is not None and there.uuid != uuid:
            text = f"operation failed: network '{name}' already exists with uuid {there.uuid}"
            raise failure("OPERATION_FAILED", text, domain="NETWORK")
        made = StoredNetwork(name, uuid, xml, active=there is not None and there.active)
        for other in line.daemon.networks.values():
            if other.name != name and other.bridge == made.bridge:
                text = f"internal error: bridge name '{made.bridge}' already in use."
                raise failure("INTERNAL_ERROR", text, domain="NETWORK")
        line.daemon.networks[name] = made
    return Net(line, name)


class Net:
    """``libvirt.virNetwork``."""

    def __init__(self, line: Line, name: str) -> None:
        self._line = line
        self._name = name

    def _stored(self, call: str) -> StoredNetwork:
        self._line.enter(f"network.{call}")
        try:
            return self._line.daemon.networks[self._name]
        except KeyError:
            raise no_network(self._name) from None

    def name(self) -> str:
        return self._name

    def bridgeName(self) -> str:
        return self._stored("bridgeName").bridge

    def isActive(self) -> int:
        return int(self._stored("isActive").active)

    def XMLDesc(self, flags: int = 0) -> str:
        return self._stored("XMLDesc").xml

    def create(self) -> int:
        stored = self._stored("create")
        with self._line.daemon.lock:
            if stored.active:
                raise invalid("network is already active")
            for other in self._line.daemon.networks.values():
                if other.active and any(
                    mine.network.overlaps(its.network) for mine in stored.ranges() for its in other.ranges()
                ):
                    text = f"internal error: Network is already in use by interface {other.bridge}"
                    raise failure("INTERNAL_ERROR", text, domain="NETWORK")
            stored.active = True
        return 0

    def destroy(self) -> int:
        stored = self._stored("destroy")
        if not stored.active:
            raise invalid("network is not active")
        stored.active = False
        return 0

    def undefine(self) -> int:
        self._stored("undefine")
        with self._line.daemon.lock:
            self._line.daemon.networks.pop(self._name, None)
        return 0

    def update(self, command: int, section: int, index: int, xml: str, flags: int) -> int:
        stored = self._stored("update")
        root, entry = ElementTree.fromstring(stored.xml), ElementTree.fromstring(xml)
        dhcp = section == libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST
        parent = root.find("ip/dhcp" if dhcp else "dns")
        if parent is None:
            parent = ElementTree.SubElement(root, "dns")
        if command == libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE:
            key = "mac" if dhcp else "ip"
            (old,) = [host for host in parent.iterfind("host") if host.get(key) == entry.get(key)]
            parent.remove(old)
        else:
            parent.append(entry)
        stored.xml = ElementTree.tostring(root, encoding="unicode")
        return 0


def no_network(name: str) -> libvirt.libvirtError:
    text = f"Network not found: no network with matching name '{name}'"
    return failure("NO_NETWORK", text, domain="NETWORK")
