"""The network filters of the daemon in memory."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import libvirt

from tests.fakes.daemon import Line, failure, identity, invalid


@dataclass
class StoredFilter:
    name: str
    uuid: str
    xml: str


def define(line: Line, xml: str) -> Filter:
    """What ``nwfilterDefineXML`` does."""
    name, uuid = ElementTree.fromstring(xml).get("name", ""), identity(xml)[1]
    with line.daemon.lock:
        there = line.daemon.filters.get(name)
        if there is not None and there.uuid != uuid:
            text = f"operation failed: filter with same name '{name}' already exists with uuid {there.uuid}"
            raise failure("OPERATION_FAILED", text, domain="NWFILTER")
        line.daemon.filters[name] = StoredFilter(name, uuid, xml)
    return Filter(line, name, uuid)


class Filter:
    """``libvirt.virNWFilter``."""

    def __init__(self, line: Line, name: str, uuid: str) -> None:
        self._line = line
        self._name = name
        self._uuid = uuid

    def _stored(self, call: str) -> StoredFilter:
        self._line.enter(f"filter.{call}")
        try:
            return self._line.daemon.filters[self._name]
        except KeyError:
            raise no_filter(self._name) from None

    def name(self) -> str:
        return self._name

    def UUIDString(self) -> str:
        return self._uuid

    def XMLDesc(self, flags: int = 0) -> str:
        return self._stored("XMLDesc").xml

    def undefine(self) -> int:
        self._stored("undefine")
        with self._line.daemon.lock:
            for domain in self._line.daemon.domains.values():
                users = domain.root.iterfind("devices/interface/filterref")
                if domain.state != libvirt.VIR_DOMAIN_SHUTOFF and any(
                    user.get("filter") == self._name for user in users
                ):
                    raise invalid("nwfilter is in use")
            self._line.daemon.filters.pop(self._name, None)
        return 0


def no_filter(name: str) -> libvirt.libvirtError:
    text = f"Network filter not found: no nwfilter with matching name '{name}'"
    return failure("NO_NWFILTER", text, domain="NWFILTER")
