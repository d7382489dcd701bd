"""What one connection shows of virtlab's: plain data, read by ``hypervisor.observe``."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner import naming, stamp


@dataclass(frozen=True, slots=True)
class SeenDomain:
    """A domain whose name and stamp both say that it is virtlab's."""

    name: str
    instance: naming.Instance
    guest: str
    state: str  # running | paused | stopping | stopped | crashed | suspended | unknown
    stamp: stamp.GuestStamp

    @property
    def is_active(self) -> bool:
        return self.state not in ("stopped", "crashed")


@dataclass(frozen=True, slots=True)
class SeenNetwork:
    name: str
    instance: naming.Instance
    network: str
    active: bool
    stamp: stamp.NetworkStamp


@dataclass(frozen=True, slots=True)
class SeenVolume:
    """A volume of virtlab's pool that belongs to an instance."""

    name: str
    instance: naming.Instance
    part: str  # "full.disk0.qcow2"

    @property
    def guest(self) -> str:
        """Whose it is."""
        return self.part.rsplit(".", 2)[0]


@dataclass(frozen=True, slots=True)
class Seen:
    """All that virtlab made and that one connection shows."""

    domains: tuple[SeenDomain, ...]
    networks: tuple[SeenNetwork, ...]
    volumes: tuple[SeenVolume, ...]

    def instances(self) -> list[naming.Instance]:
        """Every instance of which anything is there, sorted."""
        everything: tuple[SeenDomain | SeenNetwork | SeenVolume, ...] = (
            *self.domains,
            *self.networks,
            *self.volumes,
        )
        return sorted({item.instance for item in everything})

    def of(self, instance: naming.Instance) -> Seen:
        """Only what belongs to that instance."""
        return Seen(
            tuple(item for item in self.domains if item.instance == instance),
            tuple(item for item in self.networks if item.instance == instance),
            tuple(item for item in self.volumes if item.instance == instance),
        )

    def of_owner(self, owner: str) -> Seen:
        """Only what belongs to that owner (a slug)."""
        return Seen(
            tuple(item for item in self.domains if item.instance.owner == owner),
            tuple(item for item in self.networks if item.instance.owner == owner),
            tuple(item for item in self.volumes if item.instance.owner == owner),
        )

    def origin(self) -> stamp.Origin | None:
        """The origin that the first stamp tells."""
        stamped: tuple[SeenDomain | SeenNetwork, ...] = (*self.domains, *self.networks)
        return next((item.stamp.origin for item in stamped), None)

    def domain(self, guest: str) -> SeenDomain | None:
        return next((item for item in self.domains if item.guest == guest), None)
