"""What virtlab writes on what it makes: whose it is, what it was made from, what was chosen for it.

A stamp is the one element in virtlab's metadata namespace that each domain and network carries
from the moment it is defined. Its text is JSON. It never holds a secret.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from provisioner.naming import Instance, owner_slug

_LONGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Choices:
    """What flags asked for; kept until ``down``, so that a later plain ``up`` keeps it, too."""

    accel: str | None = None  # auto | kvm | tcg, from --accel
    sets: tuple[str, ...] = ()  # from --set, each "key=value"

    def updated(self, accel: str | None, sets: tuple[str, ...]) -> Choices:
        """These choices, with newer ones on top: the last value of a key counts."""
        merged = {text.partition("=")[0].strip(): text for text in (*self.sets, *sets)}
        return Choices(accel or self.accel, tuple(merged.values()))


@dataclass(frozen=True, slots=True)
class Origin:
    """The instance that something belongs to, and the lab file that it came from."""

    user: str  # the account's real name
    instance: str
    lab: str
    source: str  # see model.Lab.source
    file: str
    choices: Choices = field(default_factory=Choices)

    @property
    def key(self) -> Instance:
        return Instance(owner=owner_slug(self.user), name=self.instance)


@dataclass(frozen=True, slots=True)
class Address:
    """An interface of a guest as virtlab assigned it; ``address`` has its prefix length: 10.0.2.11/24."""

    network: str
    mac: str
    address: str
    gateway: str | None


@dataclass(frozen=True, slots=True)
class GuestStamp:
    origin: Origin
    guest: str
    definition: dict[str, Any]  # lab.model.to_data of the guest
    accel: str  # kvm | tcg: what it was defined to run with
    accel_why: str
    fell_back: bool  # whether KVM was tried and failed
    images: dict[str, str]  # each image that it uses: its name -> naming.ImageSet.text
    addresses: tuple[Address, ...] = ()
    inner: tuple[dict[str, Any], ...] = ()  # definitions of the guests that it hosts, at any depth

    def with_accel(self, accel: str, why: str) -> GuestStamp:
        """The stamp after a fallback."""
        return replace(self, accel=accel, accel_why=why, fell_back=True)


@dataclass(frozen=True, slots=True)
class NetworkStamp:
    origin: Origin
    network: str
    definition: dict[str, Any]
    subnet: str  # "192.168.150.0/24"


def dumps(stamp: GuestStamp | NetworkStamp) -> str:
    """The text of a stamp."""
    kind = "guest" if isinstance(stamp, GuestStamp) else "network"
    return json.dumps({"format": 1, "kind": kind, **asdict(stamp)}, ensure_ascii=False, separators=(",", ":"))


def loads(text: str) -> GuestStamp | NetworkStamp:
    """The stamp of a text. Raises ValueError where it is none that this version can read."""
    if len(text) > _LONGEST:
        raise ValueError("the stamp is too long")
    try:
        data = json.loads(text)
        if data.pop("format") != 1:
            raise ValueError("written by another version of virtlab")
        kind = data.pop("kind")
        choices = data["origin"].pop("choices")
        origin = Origin(
            **_strings(data.pop("origin")),
            choices=Choices(accel=choices["accel"], sets=tuple(choices["sets"])),
        )
        if kind == "network":
            return NetworkStamp(origin=origin, **data)
        data["addresses"] = tuple(Address(**address) for address in data["addresses"])
        data["inner"] = tuple(data["inner"])
        return GuestStamp(origin=origin, **data)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a stamp of virtlab: {error!r}") from error


def _strings(data: dict[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) for value in data.values()):
        raise TypeError("a name must be a text")
    return data
