"""What virtlab writes on what it makes: whose it is, what it was made from, what was chosen for it.

A stamp is the one element in virtlab's metadata namespace that each domain and network carries
from the moment it is defined. Its text is JSON. It never holds a secret.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Interface, IPv4Network
from shlex import quote
from typing import Any

from provisioner.errors import InputError
from provisioner.model import kinds
from provisioner.model.naming import Instance, owner_slug

_LONGEST = 256 * 1024
# what XML can't hold or readers of it change: a file's name may have any of it
_UNFIT = re.compile("[\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")


@dataclass(frozen=True, slots=True)
class Choices:
    """What flags asked for; kept until ``down``, so that a later plain ``up`` keeps it, too."""

    accel: str | None = None  # auto | kvm | tcg, from --accel
    sets: tuple[str, ...] = ()  # from --set, each "key=value"
    guests: tuple[str, ...] = ()  # optional ones that --with asked for
    left_out: tuple[str, ...] = ()  # those that nobody asked for, and what would run inside them

    def updated(self, accel: str | None, sets: tuple[str, ...]) -> Choices:
        """These choices, with newer ones on top: the last value of a key counts."""
        merged = {text.partition("=")[0].strip(): text for text in (*self.sets, *sets)}
        return replace(self, accel=accel or self.accel, sets=tuple(merged.values()))


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

    def with_guest(self, guest: str) -> str:
        """The command that brings a guest up that was left out."""
        kind, _, name = self.source.partition(":")
        words = [name if kind == "catalog" else quote(self.file)]
        words += ["--as", self.instance] if self.instance != self.lab else []
        return f"{{virtlab}} up {' '.join(words)} --with {guest}"


@dataclass(frozen=True, slots=True)
class Address:
    """An interface of a guest as virtlab assigned it; ``address`` has its prefix length: 10.0.2.11/24."""

    network: str
    mac: str
    address: str
    gateway: str | None


@dataclass(frozen=True, slots=True)
class GuestMetadata:
    origin: Origin
    guest: str
    definition: dict[str, Any]  # lab.model.to_data of the guest
    accel: str  # kvm | tcg: what it was defined to run with
    accel_why: str
    fell_back: bool  # whether KVM was tried and failed
    images: dict[str, str]  # each image that it uses: its name -> naming.ImageSet.text
    addresses: tuple[Address, ...] = ()
    inner: tuple[dict[str, Any], ...] = ()  # definitions of the guests that it hosts, at any depth

    def with_accel(self, accel: str, why: str) -> GuestMetadata:
        """The stamp after a fallback."""
        return replace(self, accel=accel, accel_why=why, fell_back=True)


@dataclass(frozen=True, slots=True)
class NetworkMetadata:
    origin: Origin
    network: str
    definition: dict[str, Any]
    subnet: str  # "192.168.150.0/24"


def dumps(metadata: GuestMetadata | NetworkMetadata) -> str:
    """The text of a stamp. Raises InputError where it is longer than ``loads`` would take."""
    kind = "guest" if isinstance(metadata, GuestMetadata) else "network"
    text = json.dumps(
        {"format": 1, "kind": kind, **asdict(metadata)}, ensure_ascii=False, separators=(",", ":")
    )
    text = _UNFIT.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    if len(text) > _LONGEST:
        raise InputError(
            f"the lab says more than {_LONGEST // 1024} KiB about one guest and those inside it",
            hint="make it smaller: fewer guests in one, shorter kernel-args and texts",
        )
    return text


def loads(text: str) -> GuestMetadata | NetworkMetadata:
    """The stamp of a text. Raises ValueError where it is none that this version can read."""
    if len(text) > _LONGEST:
        raise ValueError("the stamp is too long")
    try:
        data = json.loads(text)
        if data.pop("format") != 1:
            raise ValueError("written by another version of virtlab")
        kind = data.pop("kind")
        choices = data["origin"].pop("choices")
        origin = Origin(**_strings(data.pop("origin")), choices=_choices(choices))
        if kind == "network":
            return _check_network(NetworkMetadata(origin=origin, **data))
        if kind != "guest":
            raise ValueError("not the stamp of a guest or a network")
        data["addresses"] = tuple(Address(**address) for address in data["addresses"])
        data["inner"] = tuple(data["inner"])
        return _check_guest(GuestMetadata(origin=origin, **data))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a stamp of virtlab: {error!r}") from error


def _choices(data: dict[str, Any]) -> Choices:
    texts = {name: tuple(_list(data.get(name, []))) for name in ("sets", "guests", "left_out")}
    if data["accel"] not in (None, "auto", "kvm", "tcg") or not all(
        isinstance(text, str) for each in texts.values() for text in each
    ):
        raise TypeError("not what flags can ask for")
    return Choices(accel=data["accel"], **texts)


def _strings(data: dict[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) for value in data.values()):
        raise TypeError("a name must be a text")
    return data


def _check_guest(mark: GuestMetadata) -> GuestMetadata:
    """The stamp, where it has the form that all readers of it count on; else TypeError."""
    definition = mark.definition
    well_formed = (
        mark.accel in ("kvm", "tcg")
        and isinstance(mark.fell_back, bool)
        and _is_definition(definition)
        and len(definition["interfaces"]) == len(mark.addresses)
        and all(_is_definition(inner) and _is_inner(inner) for inner in mark.inner)
    )
    if not well_formed:
        raise TypeError("not the stamp of a guest")
    for address in mark.addresses:
        _strings({"network": address.network, "mac": address.mac, "address": address.address})
        _strings({} if address.gateway is None else {"gateway": address.gateway})
        IPv4Interface(address.address)
    _strings({"guest": mark.guest, "why": mark.accel_why} | {f"image {k}": v for k, v in mark.images.items()})
    return mark


def _is_definition(definition: dict[str, Any]) -> bool:
    return (
        isinstance(definition["memory"], int)
        and isinstance(definition["machine"], str)
        and definition["agent"] in ("virtio", "serial", "none")
        and isinstance(definition["accel"], str)
        and all({"size", "image"} <= disk.keys() for disk in _list(definition["disks"]))
        and all(isinstance(interface["model"], str) for interface in _list(definition["interfaces"]))
    )


def _is_inner(definition: dict[str, Any]) -> bool:
    return (
        all(isinstance(definition[key], str) for key in ("name", "parent", "image"))
        and definition["kind"] in {kind.name for kind in kinds.hosted()}
        and definition["transport"] in ("parent", "none")
        and isinstance(definition["processor"]["count"], int)
        and all(isinstance(word, str) for word in _list(definition["kernel_args"]))
    )


def _check_network(mark: NetworkMetadata) -> NetworkMetadata:
    _strings({"network": mark.network, "subnet": mark.subnet})
    IPv4Network(mark.subnet)
    if not isinstance(mark.definition, dict):
        raise TypeError("not the stamp of a network")
    return mark


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value
