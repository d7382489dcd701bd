"""The stack below one guest, from its programs down to the processor, and one request's way through it.

A picture is a tree. Frames hold sections, one below the other. A section holds the steps that happen in it,
remarks, and the frames of guests that run inside it. So guests in guests, domains on a hypervisor, and
containers on one kernel are all frames in sections, and the code that draws them need not know what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from provisioner.language import Text
from provisioner.model.facts import Facts
from provisioner.model.hardware.device_models import DeviceModel
from provisioner.model.lab import Disk, Guest, Interface
from provisioner.observe import plain_systems
from provisioner.observe import stack_words as words
from provisioner.observe.plain_systems import PlainSystem


class Ring(StrEnum):
    """Whose code a section contains. Pictures show it by a colour."""

    PROGRAM = "program"  # the guest's user mode
    KERNEL = "kernel"  # the guest's kernel mode
    EMULATOR = "emulator"  # the device model's process, in the host's user mode
    HYPERVISOR = "hypervisor"  # below all kernels, as Xen
    HOST = "host"  # the host's kernel mode
    HARDWARE = "hardware"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a request. ``part`` names it the same in every guest's picture."""

    number: int
    part: str  # program | system | driver | crossing | device | backend | host | host-driver
    text: Text
    interface: str = ""  # of the device: interfaces.EMULATED or one of interfaces.PARAVIRTUAL
    known: bool = True  # False: the text only says that nobody told
    arrows: int = 0  # of a crossing: how many accesses to registers are drawn


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is true of a section, beside its steps."""

    part: str
    text: Text


@dataclass(frozen=True, slots=True)
class Section:
    part: str  # names it the same in every guest's picture
    ring: Ring
    title: Text
    mode: Text | None  # of the processor, while it runs this code
    inside: tuple[Inside, ...]
    known: bool = True  # False: the title leaves out what nobody told


@dataclass(frozen=True, slots=True)
class Frame:
    """Something that belongs together, such as a machine, a process or a domain. ``sections`` is top down."""

    part: str
    title: Text
    sections: tuple[Section, ...]


Inside = Step | Remark | Frame


@dataclass(frozen=True, slots=True)
class Picture:
    """One kind of request on its way through the whole stack."""

    path: str  # disk | network | none
    title: Text
    frame: Frame


@dataclass(frozen=True, slots=True)
class Stack:
    guest: str
    title: Text | None
    accel: str  # kvm | tcg
    pictures: tuple[Picture, ...]  # at least one; the first is the one to show first

    def picture(self, path: str) -> Picture | None:
        return next((picture for picture in self.pictures if picture.path == path), None)


@dataclass(frozen=True, slots=True)
class HostSide:
    """The host below the guests. What could not be read is empty or None."""

    processor: str = ""
    kernel: str = ""  # its name and release: "Linux 6.1.0"
    qemu: str = ""  # version
    file_system: str = ""  # of the folder with the disks
    disk_drivers: tuple[str, ...] = ()  # below that file system, from the disk's own towards the bus
    user_network: bool | None = None  # whether guests are on QEMU's user-mode network


@dataclass(slots=True)
class Way:
    """Numbers the steps of one request, in the order in which they are made."""

    made: list[Step] = field(default_factory=list)

    def step(
        self, part: str, text: Text, interface: str = "", *, known: bool = True, arrows: int = 0
    ) -> Step:
        made = Step(len(self.made) + 1, part, text, interface, known, arrows)
        self.made.append(made)
        return made

    def crossing(self, model: DeviceModel, before: str = "") -> Step:
        """The step between a guest's driver and a device of that model."""
        return self.step(f"{before}crossing", model.crossing, model.interface, arrows=model.arrows)


TITLES = {
    "disk": Text(en="the way of a disk read", ja="ディスク読み出しの経路"),
    "network": Text(en="the way of a packet that is sent", ja="送信パケットの経路"),
    "none": Text(en="the stack", ja="スタック"),
}
_UNKNOWN = "not known"
_MODE = "/mode"


def of(guest: Guest, accel: str, facts: Facts | None, *, host: HostSide | None) -> Stack:
    """The stack of a guest that the host's QEMU runs.

    ``accel`` is kvm or tcg. The picture says nothing about the guest's drivers that is not in the facts, and
    nothing about the host that is not in ``host``.
    """
    below = host or HostSide()
    pictures = []
    if guest.disks:
        pictures.append(_disk_picture(guest, guest.disks[0], accel, facts, below))
    if guest.interfaces and not plain_systems.of(guest.image):
        pictures.append(_network_picture(guest, guest.interfaces[0], accel, facts, below))
    if not pictures:
        frame = _machine(guest, accel, facts, below, (), (), (), ())
        pictures.append(Picture("none", TITLES["none"], frame))
    return Stack(guest.name, guest.title, accel, tuple(pictures))


def steps(picture: Picture) -> list[Step]:
    """All steps of a picture, in their order."""
    return sorted(_steps(picture.frame), key=lambda step: step.number)


def differing(pictures: Sequence[Picture]) -> frozenset[str]:
    """The parts (of steps, remarks and sections) that differ between these pictures.

    A part that is not known of a guest is no difference. A part that only some pictures have is one.
    """
    told = [dict(_told(picture.frame)) for picture in pictures]
    parts = dict.fromkeys(part for one in told for part in one)
    return frozenset(
        part.removesuffix(_MODE) for part in parts if len({one.get(part) for one in told} - {_UNKNOWN}) > 1
    )


def _steps(frame: Frame) -> Iterator[Step]:
    for item in _items(frame):
        if isinstance(item, Step):
            yield item


def _items(frame: Frame) -> Iterator[Section | Step | Remark]:
    for section in frame.sections:
        yield section
        for item in section.inside:
            if isinstance(item, Frame):
                yield from _items(item)
            else:
                yield item


def _told(frame: Frame) -> Iterator[tuple[str, Text | str | None]]:
    for item in _items(frame):
        if isinstance(item, Section):
            yield item.part, item.title if item.known else _UNKNOWN
            yield item.part + _MODE, item.mode
        elif isinstance(item, Step) and not item.known:
            yield item.part, _UNKNOWN
        else:
            yield item.part, item.text


def _disk_picture(guest: Guest, disk: Disk, accel: str, facts: Facts | None, host: HostSide) -> Picture:
    model = disk.device
    plain = plain_systems.of(guest.image)
    chains = None if facts is None or "disks" in facts.missing else [d.drivers for d in facts.disks]
    way = Way()
    reads = Text(en="a program reads from a file", ja="プログラムがファイルを読む")
    programs = (way.step("program", words.PLAIN_BEGIN if plain else reads),)
    kernel: tuple[Step, ...]
    if plain:
        kernel = (way.step("driver", words.plain_driver(plain.drivers_for(model)), model.interface),)
    else:
        kernel = (
            way.step(
                "system",
                Text(
                    en="file system and block layer: not in memory yet, so ask the disk",
                    ja="ファイルシステムとブロック層: メモリ上にないのでディスクに要求する",
                ),
            ),
            way.step("driver", words.driver(model, chains), model.interface, known=chains is not None),
        )
    device: tuple[Inside, ...]
    beneath: tuple[Step, ...] = ()
    if plain and not plain.drivers_for(model):
        device = (Remark("device", words.not_asked(model.name)),)
    else:
        device = (
            way.crossing(model),
            way.step("device", model.name, model.interface),
            way.step("backend", words.cache(disk.cache)),
        )
        beneath = disk_beneath(way, host)
    frame = _machine(guest, accel, facts, host, programs, kernel, device, beneath)
    return Picture("disk", TITLES["disk"], frame)


def _network_picture(
    guest: Guest, card: Interface, accel: str, facts: Facts | None, host: HostSide
) -> Picture:
    model = card.device
    rings = accel == "kvm" and model.has_eventfd
    chains = None if facts is None or "interfaces" in facts.missing else [i.drivers for i in facts.interfaces]
    way = Way()
    programs = (
        way.step("program", Text(en="a program writes to a socket", ja="プログラムがソケットに書き込む")),
    )
    kernel = (
        way.step("system", Text(en="TCP/IP: makes packets of it", ja="TCP/IP: パケットを組み立てる")),
        way.step("driver", words.driver(model, chains), model.interface, known=chains is not None),
    )
    device = (
        way.crossing(model),
        way.step("device", model.name, model.interface),
        way.step("backend", words.network_backend(host.user_network, rings=rings)),
    )
    beneath = network_beneath(way, host)
    frame = _machine(guest, accel, facts, host, programs, kernel, device, beneath)
    return Picture("network", TITLES["network"], frame)


def disk_beneath(way: Way, host: HostSide) -> tuple[Step, ...]:
    """What the host does for a disk read of a guest."""
    kind = host.file_system
    return (
        way.step(
            "host",
            Text(
                en=f"file system ({kind}), with the file that is the guest's disk"
                if kind
                else "file system with the file that is the guest's disk",
                ja=f"ファイルシステム({kind})上の、ゲストのディスクであるファイル"
                if kind
                else "ゲストのディスクであるファイルを持つファイルシステム",
            ),
        ),
        way.step("host-driver", words.host_driver(host.disk_drivers)),
    )


def network_beneath(way: Way, host: HostSide) -> tuple[Step, ...]:
    """What the host does for a packet that a guest sends."""
    return (
        way.step("host", words.NETWORK_BELOW[host.user_network]),
        way.step(
            "host-driver",
            Text(
                en="the driver of the host's network card, where the packet leaves the host",
                ja="ホストのネットワークカードのドライバ(パケットがホストの外へ出る場合)",
            ),
        ),
    )


def _machine(
    of: Guest,
    accel: str,
    facts: Facts | None,
    host: HostSide,
    programs: tuple[Step, ...],
    kernel: tuple[Step, ...],
    device: tuple[Inside, ...],
    beneath: tuple[Step, ...],
) -> Frame:
    """The host with QEMU's process on it, and in that the guest."""
    plain = plain_systems.of(of.image)
    sections = (
        (plain_section(plain, accel, (*programs, *kernel)),)
        if plain
        else system_sections(facts, accel, programs, kernel)
    )
    guest = guest_frame(of.name, sections)
    return on_host(accel, host, guest, device, beneath)


def guest_frame(name: str, sections: tuple[Section, ...]) -> Frame:
    """The frame of a machine, from its programs down to its lowest software."""
    return Frame("guest", Text(en=f"guest {name}", ja=f"ゲスト {name}"), sections)


def plain_section(system: PlainSystem, accel: str, inside: tuple[Inside, ...], before: str = "") -> Section:
    """The one section of a system that has no user mode. ``before`` as of ``system_sections``."""
    return Section(
        f"{before}kernel",
        Ring.KERNEL,
        system.title,
        words.GUEST_KERNEL[accel == "kvm"],
        (Remark(f"{before}plain", words.PLAIN), *inside),
    )


def system_sections(
    facts: Facts | None,
    accel: str,
    programs: tuple[Inside, ...],
    kernel: tuple[Inside, ...],
    before: str = "",
) -> tuple[Section, Section]:
    """The sections of a system that uses the processor's two modes: its programs and its kernel.

    ``before`` is put before the names of its parts where the picture has another system above it.
    """
    kvm = accel == "kvm"
    release = facts.kernel if facts else ""
    if guise := words.guise(facts.detected if facts else "", kvm=kvm):
        kernel = (*kernel, Remark(f"{before}guise", guise))
    return (
        Section(f"{before}programs", Ring.PROGRAM, words.PROGRAMS, words.GUEST_USER[kvm], programs),
        Section(
            f"{before}kernel",
            Ring.KERNEL,
            Text(en=f"kernel {release}".strip(), ja=f"カーネル {release}".strip()),
            words.GUEST_KERNEL[kvm],
            kernel,
            known=bool(release),
        ),
    )


def on_host(
    accel: str, host: HostSide, guest: Frame, device: tuple[Inside, ...], beneath: tuple[Step, ...]
) -> Frame:
    """The host with QEMU's process on it, and in that a machine."""
    kvm = accel == "kvm"
    qemu = Section(
        "qemu",
        Ring.EMULATOR,
        Text(en=f"QEMU {host.qemu}".strip() + ", a process", ja=f"QEMU {host.qemu}".strip() + "(プロセス)"),
        words.HOST_USER[kvm],
        (Remark("vcpu", words.VCPU[kvm]), guest, *device),
    )
    system = Section(
        "host-kernel",
        Ring.HOST,
        words.host_kernel(host.kernel),
        words.HOST_KERNEL[kvm],
        (Remark("module", words.MODULE[kvm]), *beneath),
    )
    hardware = Section(
        "processor",
        Ring.HARDWARE,
        Text(
            en=f"processor {host.processor}".strip(),
            ja=f"プロセッサ {host.processor}".strip(),
        ),
        None,
        (Remark("support", words.SUPPORT[kvm]),),
    )
    return Frame("host", Text(en="the host", ja="ホスト"), (qemu, system, hardware))
