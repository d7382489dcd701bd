"""What one connection shows of virtlab's: plain data, read by ``hypervisor.reader``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from shlex import quote
from typing import Literal

from provisioner.errors import ConflictError, GuestError, start_it
from provisioner.language import joined, msg
from provisioner.model import naming
from provisioner.model.lab import Guest
from provisioner.model.metadata import GuestMetadata, NetworkMetadata, Origin
from provisioner.sanitize import printable

_RUNS = (msg("running"), msg("paused"), msg("stopping"))
_RUNS_NOT = (msg("stopped"), msg("crashed"), msg("suspended"), msg("unknown"))
_STATES: dict[str, str] = {state: state for state in (*_RUNS, *_RUNS_NOT)}
HINT_LATER = msg("update virtlab, or go on with the version that made it")


def state_words(state: str) -> str:
    """The state of a domain, as a message."""
    return _STATES.get(state, state)


@dataclass(frozen=True, slots=True)
class ObservedDomain:
    """A domain whose name and metadata both say that it is virtlab's."""

    name: str
    instance: naming.Instance
    guest: str
    state: str  # running | paused | stopping | stopped | crashed | suspended | unknown
    metadata: GuestMetadata
    lost_disks: tuple[int, ...] = ()  # whose volumes are not there; empty where nobody looked for them
    cut_off: tuple[str, ...] = ()  # networks that run, and that its cards are not attached to
    out_of_space: bool = False  # QEMU paused it: there was no room for what it writes to a disk

    @property
    def volumes(self) -> list[str]:
        """The names of the volumes of its disks. That its metadata has a disk proves whose its volume is."""
        return [self.instance.volume(self.guest, index) for index in range(len(self.metadata.guest.disks))]

    @property
    def is_active(self) -> bool:
        return self.state not in ("stopped", "crashed")

    @property
    def label(self) -> str:
        """The guest, as the user writes it."""
        return f"{self.instance.name}/{self.guest}"

    @property
    def host(self) -> ObservedDomain:
        """The domain that it is, or is in."""
        return self

    def require_running(self) -> None:
        """Raises GuestError where it is down or paused."""
        if self.out_of_space:
            raise GuestError(
                msg("{label} is paused: there is no room for what it writes to its disk", label=self.label),
                hint=msg(
                    "free some space; see where: {virtlab} status; then {virtlab} start {label}",
                    label=self.label,
                ),
            )
        if not self.is_active or self.state == "paused":
            raise GuestError(
                msg("{label} is {state}", label=self.label, state=state_words(self.state)),
                hint=start_it(self.label),
            )

    def members(self) -> Iterator[Member]:
        """The guest, and those inside it at any depth, a parent before the guests that it hosts."""
        members: dict[str, Member] = {self.guest: self}
        yield self
        for guest in self.metadata.inner:
            parent = members.get(guest.parent or "")
            if parent is not None and guest.name not in members:
                inner = ObservedInner(guest.name, parent, self._inner_metadata(guest))
                members[guest.name] = inner
                yield inner

    def _inner_metadata(self, guest: Guest) -> GuestMetadata:
        return replace(self.metadata, guest=guest, images={}, addresses=(), inner=())


@dataclass(frozen=True, slots=True)
class ObservedInner:
    """A guest inside another one. Only that one knows whether it runs, and it is not asked here.

    Its metadata is that of the machine around it, with the guest as it is written there. So the accelerator
    is the machine's, which in the end executes all guests inside it.
    """

    guest: str
    parent: Member
    metadata: GuestMetadata

    @property
    def instance(self) -> naming.Instance:
        return self.parent.instance

    @property
    def label(self) -> str:
        return f"{self.instance.name}/{self.guest}"

    @property
    def host(self) -> ObservedDomain:
        return self.parent.host

    @property
    def state(self) -> str:
        """The state of the machine around it. Whether the guest itself runs is not known here."""
        return self.host.state

    @property
    def is_active(self) -> bool:
        return self.host.is_active


Member = ObservedDomain | ObservedInner  # a guest of an instance, wherever it runs


@dataclass(frozen=True, slots=True)
class ObservedNetwork:
    name: str
    instance: naming.Instance
    network: str
    active: bool
    metadata: NetworkMetadata
    bridge: str = ""


@dataclass(frozen=True, slots=True)
class ObservedFilter:
    """A filter of libvirt's whose name and UUID both say that it is virtlab's."""

    name: str
    instance: naming.Instance
    network: str


@dataclass(frozen=True, slots=True)
class ObservedLater:
    """A domain or network with metadata of a later virtlab, of which no more is known than its name says."""

    name: str
    instance: naming.Instance
    part: str  # "guest full", "network lab"
    format: int  # of its metadata

    def __str__(self) -> str:
        return msg("{part} (metadata in format {format})", part=self.part, format=self.format)


@dataclass(frozen=True, slots=True)
class ObservedDoubtful:
    """A domain, network or volume with a name of virtlab's that no metadata proves to be virtlab's."""

    name: str
    instance: naming.Instance
    part: str  # the guest or network of the lab that its name means; of a volume: full.disk0.qcow2
    kind: Literal["domain", "network", "volume"]

    @property
    def told(self) -> str:
        """What a person should know of it."""
        look = {
            "domain": "dumpxml",
            "network": "net-dumpxml",
            "volume": f"vol-dumpxml --pool {naming.POOL}",
        }
        return msg(
            "the {kind} {name} has a name like virtlab's, and no metadata that proves it: it is "
            "left alone (see: virsh {look} {quoted})",
            kind=self.kind,
            name=printable(self.name),
            look=look[self.kind],
            quoted=printable(quote(self.name)),
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """All that virtlab made and that one connection shows, and what only looks like it."""

    domains: tuple[ObservedDomain, ...]
    networks: tuple[ObservedNetwork, ...]
    later: tuple[ObservedLater, ...] = ()
    doubtful: tuple[ObservedDoubtful, ...] = ()
    filters: tuple[ObservedFilter, ...] = ()

    def instances(self) -> list[naming.Instance]:
        """Every instance of which anything exists that is virtlab's, sorted."""
        everything = (self.domains, self.networks, self.later, self.filters)
        return sorted({item.instance for items in everything for item in items})

    def of(self, instance: naming.Instance) -> Observed:
        """Only what belongs to that instance."""
        return self._only(lambda each: each == instance)

    def of_owner(self, owner: str) -> Observed:
        """Only what belongs to that owner (a slug)."""
        return self._only(lambda each: each.owner == owner)

    def _only(self, wanted: Callable[[naming.Instance], bool]) -> Observed:
        return Observed(
            tuple(item for item in self.domains if wanted(item.instance)),
            tuple(item for item in self.networks if wanted(item.instance)),
            tuple(item for item in self.later if wanted(item.instance)),
            tuple(item for item in self.doubtful if wanted(item.instance)),
            tuple(item for item in self.filters if wanted(item.instance)),
        )

    def check_version(self, instance: naming.Instance) -> None:
        """Raises ConflictError where a later virtlab made any part of the instance: none of it is touched."""
        if parts := ", ".join(str(item) for item in self.later if item.instance == instance):
            raise ConflictError(
                msg(
                    "{name} was made by a later version of virtlab: {parts}; nothing of it is touched",
                    name=instance.name,
                    parts=parts,
                ),
                hint=HINT_LATER,
            )

    def doubts(self, instance: str | None = None, part: str | None = None) -> str:
        """What is to be said of what only looks like virtlab's, or like that part of it, before a message
        that something is not there. Empty where there is no doubt."""
        about = [
            item.told
            for item in self.doubtful
            if instance in (None, item.instance.name) and part in (None, item.part)
        ]
        return joined("", (msg("; {told}", told=told) for told in about))

    def origin(self) -> Origin | None:
        """The origin that the first domain tells, or else the first network."""
        everything: tuple[ObservedDomain | ObservedNetwork, ...] = (*self.domains, *self.networks)
        return next((item.metadata.origin for item in everything), None)

    def lost_networks(self) -> list[str]:
        """The networks of guests that are not there, or that are stopped while a guest on them runs."""
        active = {network.network: network.active for network in self.networks}
        wanted = {(a.network, guest.is_active) for guest in self.domains for a in guest.metadata.addresses}
        lost = (name for name, runs in wanted if name not in active or (runs and not active[name]))
        return sorted(set(lost))

    def domain(self, guest: str) -> ObservedDomain | None:
        return next((item for item in self.domains if item.guest == guest), None)

    def members(self) -> Iterator[Member]:
        """Every guest. Guests inside another one follow that one."""
        for domain in self.domains:
            yield from domain.members()

    def member(self, guest: str) -> Member | None:
        return next((item for item in self.members() if item.guest == guest), None)
