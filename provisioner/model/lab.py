"""What a lab is, after its file was read, checked and completed from its profiles.

Every value is set: nothing downstream guesses a default. All objects are immutable and know
nothing of files, libvirt or the host. Guests and networks are written on what libvirt has of them
(``model.metadata``), so that a later run can say what changed. Therefore a field that is added to them,
or to a part of them, needs a default: the value that fits all guests and networks that were made before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from provisioner.language import Text
from provisioner.model.enums import Accel, AgentPort, GuestKind, NetworkMode, Transport

if TYPE_CHECKING:
    from provisioner.model.hardware.device_models import DeviceModel

# model.hardware is imported where a device is looked up: status, which must be quick, looks up none


@dataclass(frozen=True, slots=True)
class Processor:
    WORDS: ClassVar = ("auto", "default", "host", "maximum")  # for the model; see labs/reference.yaml

    count: int
    model: str  # one of WORDS, or a name of libvirt's
    features: dict[str, str] = field(default_factory=dict)  # name -> require | disable

    @property
    def is_named(self) -> bool:
        """Whether it is a certain model of libvirt's."""
        return self.model not in self.WORDS


@dataclass(frozen=True, slots=True)
class Disk:
    bus: str  # of hardware.disk_buses
    size: int  # bytes
    cache: str  # none | writeback | writethrough | directsync | unsafe
    controller: str | None = None  # of hardware.scsi_controllers, where the bus takes one
    image: str | None = None  # a disk image of the image catalogue; None: an empty disk

    @property
    def device(self) -> DeviceModel:
        """What answers its driver."""
        from provisioner.model.hardware import disk_buses

        return disk_buses.model_of(self.bus, self.controller)

    @property
    def label(self) -> str:
        """Its bus and controller, for people: ``ide``, ``scsi (lsilogic)``."""
        from provisioner.model.hardware import disk_buses

        return disk_buses.label(self.bus, self.controller)


@dataclass(frozen=True, slots=True)
class Interface:
    network: str
    model: str  # of hardware.network_cards

    @property
    def device(self) -> DeviceModel:
        """What answers its driver."""
        from provisioner.model.hardware import network_cards

        return network_cards.model_of(self.model)


@dataclass(frozen=True, slots=True)
class Clock:
    offset: str  # utc | localtime
    timers: dict[str, bool] = field(default_factory=dict)  # kvmclock, hpet, pit, rtc, tsc, hypervclock


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """One guest of a lab."""

    name: str
    kind: GuestKind
    parent: str | None
    transport: Transport
    optional: bool = False  # whether it is only there when asked for
    title: Text | None
    profile: str
    accel: Accel
    image: str  # what it boots: an image of the catalogue
    machine: str  # pc | q35, or a versioned libvirt machine type; xenpv | xenpvh
    firmware: str  # bios | uefi
    processor: Processor
    memory: int  # bytes
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]
    video: str  # none | vga | cirrus | bochs | vmvga | virtio
    clock: Clock
    # enlightenments by libvirt's names; spinlocks: retries
    hyperv: dict[str, bool | int] = field(default_factory=dict)
    kvm: dict[str, bool] = field(default_factory=dict)  # hidden
    smbios: dict[str, str]  # manufacturer, product, version, serial, bios-vendor
    features: dict[str, bool] = field(default_factory=dict)  # vmport
    balloon: str  # none | virtio
    rng: str  # none | virtio
    agent: AgentPort
    console: str  # serial | serial+virtio: whether a virtio console stands beside the serial one
    serial_ports: int  # ISA serial ports, the console's and the agent's included
    kernel_args: tuple[str, ...]

    @property
    def is_top_level(self) -> bool:
        """Whether the host's libvirt runs it, rather than another guest."""
        return self.parent is None

    @property
    def images(self) -> tuple[str, ...]:
        """The images that it uses, each once: what it boots, and what its disks are made from."""
        return tuple(dict.fromkeys((self.image, *(disk.image for disk in self.disks if disk.image))))

    @property
    def first_disk(self) -> str:
        """The path of its first disk in a Linux; empty where it has none, or where that can't be known.

        Linux counts disks with names of one pattern in the order in which it finds them, across controllers.
        """
        from provisioner.model.hardware.disk_buses import DISK_BUSES

        if not self.disks:
            return ""
        first = DISK_BUSES[self.disks[0].bus]
        alike = [disk for disk in self.disks if DISK_BUSES[disk.bus].linux == first.linux]
        is_sure = len({disk.label for disk in alike}) == 1 and (first.is_found_in_order or len(alike) == 1)
        return f"/dev/{first.first_in_linux}" if is_sure else ""

    @property
    def needs_kvm(self) -> bool:
        """Whether it asks for what only KVM has. Emulation accepts such settings, and ignores them."""
        return bool(
            any(self.hyperv.values()) or any(self.kvm.values()) or self.clock.timers.get("hypervclock")
        )


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    title: Text | None
    mode: NetworkMode


class How(StrEnum):
    """How the observed values are compared with the expected ones."""

    IS = "is"  # exactly these values, in any order; with no values: nothing may be there
    HAS = "has"  # all of these, among others
    LACKS = "lacks"  # none of these
    AT_LEAST = "at-least"  # a number that is at least this, or at least so many values
    AT_MOST = "at-most"


@dataclass(frozen=True, slots=True)
class Expectation:
    how: How
    values: tuple[str, ...]  # for AT_LEAST and AT_MOST one whole number


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that can be observed in guests, and what a lesson expects there."""

    name: str
    title: Text
    guests: tuple[str, ...]
    fact: str | None  # a name of model.named_facts.NAMES
    command: tuple[str, ...]  # run in the guest, where there is no fact
    read: str  # how the output is read: lines | text | number | exit-code
    expect: Expectation
    needs: tuple[str, ...]  # kvm, tcg: the guest has to run with it; network: the lab has to have its own
    why: Text | None
    console: str | None = None  # typed at the guest's console, where there is neither fact nor command


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Where a lab file says something."""

    place: str  # file, line and column, or the --set
    path: str  # guests.NAME.memory, defaults.memory, guests.NAME.disks.0.bus


def is_own(source: str) -> bool:
    """Whether that is the source of a lab of virtlab's own, and not of a file from anybody."""
    return source.startswith("catalog:")


@dataclass(frozen=True, slots=True)
class Lab:
    name: str
    title: Text
    description: Text | None
    networks: tuple[Network, ...]
    guests: tuple[Guest, ...]  # in file order; a parent stands before the guests that it hosts
    file: Path
    source: str  # identifies it: "catalog:NAME" for a lab of virtlab's own, else the file's absolute path
    observe: tuple[Observation, ...] = ()
    part: str | None = None  # of the article: a key of parts.PARTS
    # of each guest, by path below it, such as disks.0.bus: where the file says it; "" is the guest itself
    places: dict[str, dict[str, FilePlace]] = field(default_factory=dict)

    def place(self, guest: str, path: str) -> FilePlace:
        """Where the file says a value of a guest or, where a profile gives it, the next thing around it that
        the file says: at last, the guest that has the profile."""
        said = self.places[guest]
        while path and path not in said:
            path = path.rpartition(".")[0]
        return said[path]

    def guest(self, name: str) -> Guest:
        """The guest of that name; KeyError where there is none."""
        for guest in self.guests:
            if guest.name == name:
                return guest
        raise KeyError(name)

    @property
    def folder(self) -> str | None:
        """The folder of its file, where it is a lab of the user's own; else None."""
        return None if is_own(self.source) else str(self.file.parent)

    @property
    def top_level(self) -> tuple[Guest, ...]:
        return tuple(guest for guest in self.guests if guest.is_top_level)
