"""``libvirt.virConnect`` for the daemon in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from xml.etree import ElementTree

from tests.fakes import filters, guests, networks
from tests.fakes.daemon import Daemon, Line, failure
from tests.fakes.filters import Filter
from tests.fakes.guests import Guest
from tests.fakes.networks import Net
from tests.fakes.storage import Piped, Pooled, StoredPool

QEMU_USER = 64055  # as whom it runs guests


def connect(daemon: Daemon) -> Connected:
    """What ``libvirt.open`` gives."""
    return Connected(daemon)


class Connected(Line):
    """The connection."""

    # domains

    def listAllDomains(self) -> list[Guest]:
        self.enter("connect.listAllDomains")
        with self.daemon.lock:
            return [self.guest(name) for name in self.daemon.domains]

    def lookupByName(self, name: str) -> Guest:
        self.enter("connect.lookupByName")
        if name not in self.daemon.domains:
            raise failure("NO_DOMAIN", f"Domain not found: no domain with matching name '{name}'")
        return self.guest(name)

    def guest(self, name: str) -> Guest:
        return Guest(self, name)

    def defineXMLFlags(self, xml: str, flags: int) -> Guest:
        self.enter("connect.defineXMLFlags")
        return guests.define(self, xml)

    def domainEventRegisterAny(
        self, domain: Guest, event: int, callback: Callable[..., None], opaque: object
    ) -> int:
        self.enter("connect.domainEventRegisterAny")
        number = max(self.watchers, default=0) + 1
        self.watchers[number] = (domain.name(), event, callback)
        return number

    def domainEventDeregisterAny(self, number: int) -> None:
        self.enter("connect.domainEventDeregisterAny")
        del self.watchers[number]

    def domainListGetStats(self, domains: Sequence[Guest], kinds: int) -> list[tuple[Guest, dict[str, int]]]:
        return [(domain, {}) for domain in domains]

    def getAllDomainStats(self, kinds: int, flags: int) -> list[tuple[Guest, Mapping[str, int]]]:
        return [(domain, {}) for domain in self.listAllDomains() if domain.isActive()]

    # networks

    def listAllNetworks(self) -> list[Net]:
        self.enter("connect.listAllNetworks")
        with self.daemon.lock:
            return [Net(self, name) for name in self.daemon.networks]

    def networkLookupByName(self, name: str) -> Net:
        self.enter("connect.networkLookupByName")
        if name not in self.daemon.networks:
            raise networks.no_network(name)
        return Net(self, name)

    def networkDefineXML(self, xml: str) -> Net:
        self.enter("connect.networkDefineXML")
        return networks.define(self, xml)

    def listAllNWFilters(self) -> list[Filter]:
        self.enter("connect.listAllNWFilters")
        with self.daemon.lock:
            return [Filter(self, each.name, each.uuid) for each in self.daemon.filters.values()]

    def nwfilterLookupByName(self, name: str) -> Filter:
        self.enter("connect.nwfilterLookupByName")
        if name not in self.daemon.filters:
            raise filters.no_filter(name)
        return Filter(self, name, self.daemon.filters[name].uuid)

    def nwfilterDefineXML(self, xml: str) -> Filter:
        self.enter("connect.nwfilterDefineXML")
        return filters.define(self, xml)

    # storage

    def storagePoolLookupByName(self, name: str) -> Pooled:
        self.enter("connect.storagePoolLookupByName")
        if name not in self.daemon.pools:
            text = f"Storage pool not found: no storage pool with matching name '{name}'"
            raise failure("NO_STORAGE_POOL", text, domain="STORAGE")
        return Pooled(self, name)

    def storagePoolDefineXML(self, xml: str) -> Pooled:
        self.enter("connect.storagePoolDefineXML")
        root = ElementTree.fromstring(xml)
        name, path = root.findtext("name", ""), root.findtext("target/path", "")
        with self.daemon.lock:
            if name in self.daemon.pools:
                text = f"operation failed: pool '{name}' already exists with another uuid"
                raise failure("OPERATION_FAILED", text, domain="STORAGE")
            self.daemon.pools[name] = StoredPool(name, path, xml)
        return Pooled(self, name)

    def newStream(self, flags: int = 0) -> Piped:
        self.enter("connect.newStream")
        return Piped(self)

    # the host

    def getCapabilities(self) -> str:
        self.enter("connect.getCapabilities")
        kvm = "" if self.daemon.kvm == "absent" else "<domain type='kvm'/>"
        machines = "".join(f"<machine>{name}</machine>" for name in self.daemon.machines)
        return (
            "<capabilities><host><cpu><arch>x86_64</arch></cpu><secmodel><model>dac</model>"
            f"<baselabel type='kvm'>+{QEMU_USER}:+{QEMU_USER}</baselabel></secmodel></host>"
            f"<guest><arch name='x86_64'>{machines}<domain type='qemu'/>{kvm}</arch></guest></capabilities>"
        )

    def getDomainCapabilities(self, emulator: None, arch: str, machine: str, virttype: None) -> str:
        self.enter("connect.getDomainCapabilities")
        buses = [*self.daemon.disk_buses, *(() if "q35" in machine else ("ide",))]
        values = "".join(f"<value>{bus}</value>" for bus in buses)
        efi = "<value>efi</value>" if self.daemon.has_uefi else ""
        return (
            f"<domainCapabilities><machine>{machine}</machine><arch>{arch}</arch>"
            f"<os supported='yes'><enum name='firmware'><value>bios</value>{efi}</enum></os>"
            "<cpu><mode name='custom' supported='yes'><model>qemu64</model><model>EPYC</model></mode></cpu>"
            f"<devices><disk supported='yes'><enum name='bus'>{values}</enum></disk></devices>"
            "</domainCapabilities>"
        )

    def compareHypervisorCPU(
        self, emulator: None, arch: str, machine: None, virttype: str, xml: str, flags: int
    ) -> int:
        self.enter("connect.compareHypervisorCPU")
        for feature in ElementTree.fromstring(xml).iterfind("feature"):
            if (name := feature.get("name")) not in ("vmx", "svm", "rdrand"):
                raise failure("INTERNAL_ERROR", f"internal error: Unknown CPU feature {name}", domain="CPU")
        return 0

    def isAlive(self) -> int:
        return int(not self.broken)

    def getType(self) -> str:
        return "QEMU"

    def getLibVersion(self) -> int:
        return 9_000_000

    def getVersion(self) -> int:
        return 7_002_000
