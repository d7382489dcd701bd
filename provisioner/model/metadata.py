"""The metadata of domains and networks: whose they are, what they were made from, what was chosen for them.

Each domain and network carries it from the moment it is defined, as JSON in the one element of virtlab's
metadata namespace. It never holds a secret.

What one version of virtlab wrote, a later one reads, and a running guest is never touched because virtlab
was updated:

- A key that is new has a default in its dataclass: what all guests have that were made before. It needs no
  new format. An older virtlab does not know the key, and leaves it out of account.
- Anything else (another name, place or meaning, a further value of a closed set of words, a key without
  which an older virtlab would do harm) needs the next number in ``FORMAT``, a function in ``_UPGRADES``
  that takes the data from the format before to it, and samples of the format before among the tests. An
  older virtlab sees that it can't read it (``LaterFormat``), says so and touches nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from provisioner.errors import InputError
from provisioner.language import msg
from provisioner.model import accel
from provisioner.model.enums import Accel, GuestKind, Transport
from provisioner.model.lab import Guest, Network, is_own
from provisioner.model.naming import Instance, owner_slug
from provisioner.model.plain import from_data, to_data
from provisioner.model.typed import Typed

FORMAT = 2
_HIGHEST_FORMAT = 1_000_000  # what is above is no number of a version
_LONGEST = 256 * 1024  # characters
# what XML can't hold or readers of it change: a file's name may have any of it
_UNFIT = re.compile("[\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")


@dataclass(frozen=True, slots=True)
class Choices:
    """What flags asked for. It is kept until ``down``, so that a later ``up`` without flags keeps it, too."""

    accel: str | None = None  # auto | kvm | tcg, from --accel
    sets: tuple[str, ...] = ()  # from --set, each "key=value"
    guests: tuple[str, ...] = ()  # optional ones that --with asked for
    left_out: tuple[str, ...] = ()  # optional ones that nobody asked for, and the guests inside them
    trust: bool | None = None  # whether guests may reach the host, from --trust or --no-trust

    def updated(self, accel: str | None, sets: tuple[str, ...], trust: bool | None = None) -> Choices:
        """These choices, with newer ones added. The last value of a key counts."""
        merged = {text.partition("=")[0].strip(): text for text in (*self.sets, *sets)}
        return replace(
            self,
            accel=accel or self.accel,
            sets=tuple(merged.values()),
            trust=self.trust if trust is None else trust,
        )

    def accel_for(self, guest: Guest) -> Accel:
        """The accelerator that a flag or else the lab file asks for. AUTO where neither names one."""
        return Accel(self.accel or guest.accel)


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

    @property
    def trusted(self) -> bool:
        """Whether guests may reach the host: as was asked for, else those of virtlab's own labs."""
        return is_own(self.source) if self.choices.trust is None else self.choices.trust

    @property
    def target(self) -> str:
        """What a verb is given to find the lab: its name in the catalogue, else its file."""
        kind, _, name = self.source.partition(":")
        return name if kind == "catalog" else self.file

    @property
    def typed(self) -> Typed:
        """How the lab is named in commands."""
        folder = None if is_own(self.source) else str(Path(self.file).parent)
        return Typed(self.target, self.instance, named=self.instance != self.lab, folder=folder)

    def with_guest(self, guest: str) -> str:
        """The command that brings up a guest which was left out."""
        return self.typed.up("--with", guest)


@dataclass(frozen=True, slots=True)
class Address:
    """The address that an interface of a guest was given. It has a prefix length: 10.0.2.11/24."""

    network: str
    mac: str
    address: str
    gateway: str | None


@dataclass(frozen=True, slots=True)
class GuestMetadata:
    origin: Origin
    guest: Guest
    accel: str  # kvm | tcg: the accelerator of its definition
    accel_why: str
    fell_back: bool  # whether KVM was tried and failed
    images: dict[str, str]  # each image that it uses: its name -> naming.ImageSet.text
    addresses: tuple[Address, ...] = ()  # of its interfaces, in their order
    inner: tuple[Guest, ...] = ()  # the guests that it hosts, at any depth, a parent before those in it
    place: int = 0  # in its lab file, among the guests that are in no other one; from 0

    def with_accel(self, accel: str, why: str) -> GuestMetadata:
        """The metadata after a fallback."""
        return replace(self, accel=accel, accel_why=why, fell_back=True)


@dataclass(frozen=True, slots=True)
class NetworkMetadata:
    origin: Origin
    network: Network
    subnet: str  # "192.168.150.0/24"


def dumps(metadata: GuestMetadata | NetworkMetadata) -> str:
    """The text, in today's format. Raises InputError where it is longer than ``loads`` would take."""
    kind = "guest" if isinstance(metadata, GuestMetadata) else "network"
    data = {"format": FORMAT, "kind": kind, **to_data(metadata)}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    text = _UNFIT.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    if len(text) > _LONGEST:
        raise InputError(
            msg(
                "the lab says more than {size} KiB about one guest and those inside it", size=_LONGEST // 1024
            ),
            hint=msg("make it smaller: fewer guests in one, shorter kernel-args and texts"),
        )
    return text


class LaterFormat(ValueError):
    """The text was written by a later virtlab, in a format that this one does not know."""

    def __init__(self, number: int) -> None:
        super().__init__(f"written by a later version of virtlab, in format {number}")
        self.number = number


def loads(text: str) -> GuestMetadata | NetworkMetadata:
    """The metadata of a text, whichever version wrote it.

    Raises LaterFormat where only a later version can read it, and ValueError where it is no metadata.
    """
    if len(text) > _LONGEST:
        raise ValueError("the metadata is too long")
    try:
        data = _upgraded(json.loads(text))
        if data["kind"] == "network":
            return _check_network(from_data(NetworkMetadata, data))
        if data["kind"] == "guest":
            guest = from_data(GuestMetadata, data)
            return _check_guest(replace(guest, accel_why=accel.kept(guest.accel_why)))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not virtlab's metadata: {error!r}") from error
    raise ValueError("not the metadata of a guest or a network")


def _upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """The data in today's format, step by step from the one that it was written in."""
    number = data["format"]
    if type(number) is not int or not 1 <= number < _HIGHEST_FORMAT:
        raise TypeError("no number of a format")
    if number > FORMAT:
        raise LaterFormat(number)
    for step in range(number, FORMAT):
        data = _UPGRADES[step](data)
    return data


def _name_once(data: dict[str, Any]) -> dict[str, Any]:
    """From format 1, which has the name under "guest" or "network" and all else under "definition".

    The name in the definition of a clone was that of the guest that it was made from.
    """
    kind = data["kind"]
    return {**data, kind: {**data["definition"], "name": data[kind]}}


_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _name_once}


def _check_guest(metadata: GuestMetadata) -> GuestMetadata:
    """The metadata, where it has all that its readers need. Raises ValueError where it has not."""
    _check_origin(metadata.origin)
    if metadata.accel not in ("kvm", "tcg"):
        raise ValueError("not what runs a guest")
    if len(metadata.guest.interfaces) != len(metadata.addresses):
        raise ValueError("not an address for each interface")
    if not _is_on_the_host(metadata.guest):
        raise ValueError("not a guest that the host's libvirt runs")
    known = {metadata.guest.name}
    for guest in metadata.inner:
        if guest.name in known or guest.parent not in known or not _is_inside(guest):
            raise ValueError("not guests inside another one")
        known.add(guest.name)
    for address in metadata.addresses:
        IPv4Interface(address.address)
    return metadata


def _is_on_the_host(guest: Guest) -> bool:
    if (
        guest.kind is not GuestKind.MACHINE
    ):  # this kind alone needs no look at the others: status must be quick
        from provisioner.model import kinds

        if not kinds.of(guest.kind).is_top_level:
            return False
    return guest.parent is None and guest.transport is not Transport.PARENT


def _is_inside(guest: Guest) -> bool:
    from provisioner.model import kinds  # where there is a guest inside another one: status must be quick

    ways = (Transport.PARENT, Transport.NONE)
    return guest.parent is not None and not kinds.of(guest.kind).is_top_level and guest.transport in ways


def _check_network(metadata: NetworkMetadata) -> NetworkMetadata:
    _check_origin(metadata.origin)
    IPv4Network(metadata.subnet)
    return metadata


def _check_origin(origin: Origin) -> None:
    if origin.choices.accel not in (None, *Accel):
        raise ValueError("not what --accel can ask for")
