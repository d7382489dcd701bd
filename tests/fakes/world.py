"""A person at a host whose libvirt is the daemon in memory: sessions, labs, images and what was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import cast

from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.host.local_host import KvmDevice
from provisioner.host.network_state import NetworkState
from provisioner.host.unknown_host import UnknownHost
from provisioner.hypervisor.binding import RawConnection
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.uris import SYSTEM, Choice, Source
from provisioner.images.cache import BuiltImage
from provisioner.images.recipe import Recipe
from provisioner.lifecycle import execution, preparation, remove
from provisioner.lifecycle.execution import Result
from provisioner.lifecycle.preparation import Prepared
from provisioner.lifecycle.request import Request, locate
from provisioner.model import naming
from provisioner.model.naming import Instance
from provisioner.model.ranges import Taken
from provisioner.units import MIB
from tests.fakes import libvirtd
from tests.fakes.daemon import Daemon

GIB = 1024 * MIB

TWO = """\
virtlab: 1
name: pair
networks:
  lab:
    mode: isolated
defaults:
  profile: virtio
guests:
  one:
    memory: 96 MiB
  two:
    memory: 96 MiB
"""


class Told:
    """Keeps what it is told, as ``phase subject: words``."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(f"note: {text}")

    def phase(self, subject: str, phase: str, fraction: float | None = None) -> None:
        del fraction
        self.lines.append(f"phase {subject}: {phase}")

    def done(self, subject: str, text: str) -> None:
        self.lines.append(f"done {subject}: {text}")

    def failed(self, subject: str, text: str) -> None:
        self.lines.append(f"failed {subject}: {text}")

    def text(self) -> str:
        return "\n".join(self.lines)


class Machine(UnknownHost):
    """A host with so much room. ``has_kvm``: whether its own answers speak for KVM."""

    def __init__(self) -> None:
        self.memory: int | None = 8 * GIB
        self.disk: int | None = 8 * GIB
        self.has_kvm = False
        self.taken: list[IPv4Network] = []
        self.missing: set[str] = set()  # programs
        self.network = NetworkState(
            has_tun=True,
            knows_tun=True,
            can_forward=True,
            sets_rules=True,
            dns_taken_by=None,
            interfaces=frozenset({"lo", "eth0"}),
        )
        self.own: list[IPv4Network] = []
        self.bars: dict[int, str | None] = {}  # a folder above the pool, by the user who can't enter it
        self.ports: dict[str, frozenset[str]] = {}  # of bridges; of others nothing is seen
        self.stopped: dict[str, int] = {}  # QEMU's process, by the domain's name

    def kvm(self) -> KvmDevice:
        return KvmDevice(self.has_kvm, mode=0o666, opens=self.has_kvm)

    def processor_flags(self) -> frozenset[str]:
        return frozenset({"svm"} if self.has_kvm else ())

    def free_memory(self) -> int | None:
        return self.memory

    def free_disk(self, path: str) -> int | None:
        del path
        return self.disk

    def barred(self, path: str, uid: int, groups: Sequence[int]) -> str | None:
        del path, groups
        return self.bars.get(uid, self.bars.get(-1))

    def missing_programs(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name in self.missing]

    def network_state(self) -> NetworkState:
        return self.network

    def routes(self) -> list[Taken]:
        return [Taken(network, "a route over tun0") for network in self.taken]

    def own_ranges(self) -> list[IPv4Network]:
        return self.own

    def bridge_ports(self, bridge: str) -> frozenset[str] | None:
        return self.ports.get(bridge)

    def stopped_qemus(self, domains: Sequence[str]) -> dict[str, int]:
        return {name: pid for name, pid in self.stopped.items() if name in domains}


class Builder:
    """In place of ``images.build``: an image is made in no time. ``least`` is what its system needs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.version = 1  # of the packages that it is made of
        self.least = 32 * MIB
        self.built: list[str] = []

    def __call__(self, recipe: Recipe, root: Path, *, progress: object, refresh: bool = False) -> BuiltImage:
        del root, progress, refresh
        self.built.append(recipe.name)
        files = {}
        for role in recipe.spec.roles:
            files[role] = self._folder / f"{recipe.name}-{role}"
            files[role].write_bytes(f"{role} of version {self.version}".encode())
        digest = f"{self.version:016x}" + "0" * 48
        memory = {} if recipe.spec.kind == "disk" else {recipe.name: self.least}
        return BuiltImage(recipe.name, recipe.spec.kind, digest, files, {"memory": memory})


class World:
    """One daemon, and the person whose labs are looked at."""

    def __init__(self, folder: Path, builder: Builder, *, kvm: str = "absent", user: str = "learner") -> None:
        self.folder = folder
        self.builder = builder
        self.daemon = Daemon(kvm=kvm)
        self.host = Machine()
        self.host.has_kvm = kvm != "absent"
        self.user = user
        self.told = Told()
        self.cancelled = Cancellation()
        self.reconnect()

    def reconnect(self) -> None:
        """A connection of its own, as each command has."""
        self.line = libvirtd.connect(self.daemon)
        self.session = self.session_of(self.user, self.line)

    def session_of(self, user: str, line: libvirtd.Connected | None = None, uri: str = SYSTEM) -> Session:
        """Anybody's session with the same daemon."""
        # its domains take streams of their own kind only, as libvirt's do
        raw = cast(RawConnection, line or libvirtd.connect(self.daemon))
        return Session(Connection(raw), Choice(uri, "a test", Source.FLAG), self.host, user)

    @property
    def instance(self) -> Instance:
        return self.session.instance("pair")

    def lab(self, text: str = TWO) -> str:
        """The path of a lab file with that text."""
        file = self.folder / "lab.yaml"
        file.write_text(text)
        return str(file)

    def prepare(self, text: str = TWO, **wishes: object) -> Prepared:
        request = Request(self.lab(text), timeout=0.4)
        for name, value in wishes.items():
            object.__setattr__(request, name, value)
        return preparation.prepare(self.session, request, locate(self.session, request))

    def up(self, text: str = TWO, **wishes: object) -> Result:
        """What ``virtlab up`` does between its questions and its answer."""
        return execution.execute(self.session, self.prepare(text, **wishes), self.told, self.cancelled)

    def reconnect_and_up(self) -> Result:
        """The same, by a command of its own."""
        self.reconnect()
        return self.up()

    def down(self) -> None:
        """What ``virtlab down`` does, by a command of its own."""
        self.reconnect()
        remove.take_down(self.session, self.instance, self.told, Cancellation())

    def domain(self, guest: str) -> str:
        return self.instance.domain(guest)

    def states(self) -> dict[str, int]:
        """libvirt's state of each domain, by the name of its guest."""
        split = {naming.split(name): domain.state for name, domain in self.daemon.domains.items()}
        return {parts[1]: state for parts, state in split.items() if parts is not None}

    def volumes(self) -> set[str]:
        """Guests' disks; shared images are left out."""
        stored = self.daemon.pools["virtlab"].volumes if self.daemon.pools else {}
        return {name for name in stored if name.startswith(self.instance.prefix)}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What stands inside changes nothing of what there was before."""
        before = self.picture()
        yield
        assert self.picture() == before

    def picture(self) -> dict[str, object]:
        """All that is there but shared images."""
        return {
            "domains": {d.name: (d.xml, d.state) for d in self.daemon.domains.values()},
            "networks": {n.name: (n.xml, n.active) for n in self.daemon.networks.values()},
            "filters": {f.name: f.xml for f in self.daemon.filters.values()},
            "volumes": self.volumes(),
        }
