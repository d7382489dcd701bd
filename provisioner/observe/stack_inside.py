"""The stack below guests inside others: containers, Xen's domains, machines in a machine.

It is built from the innermost guest outwards. Each kind of guest puts its sections into the guest that hosts
it, so guests may be nested to any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from provisioner.language import Text
from provisioner.model import kinds
from provisioner.model.enums import Accel
from provisioner.model.facts import Facts
from provisioner.model.hardware.device_models import DeviceModel
from provisioner.model.kinds.kind import Kind, Standing
from provisioner.model.lab import Guest
from provisioner.observe import plain_systems, stack
from provisioner.observe import stack_words as words
from provisioner.observe.stack import (
    Frame,
    HostSide,
    Inside,
    Picture,
    Remark,
    Ring,
    Section,
    Stack,
    Step,
    Way,
)

_PATHS = {"disk": "disks", "network": "interfaces"}
_RING3 = Text(en="ring 3: this kernel gave its privileges up to Xen", ja="リング3: 特権をXenに譲ったカーネル")


@dataclass(frozen=True, slots=True)
class StackGuest:
    """A guest, the accelerator of the machine that it is in, and the facts that it told."""

    guest: Guest
    accel: str  # kvm | tcg
    facts: Facts | None

    @property
    def name(self) -> str:
        return self.guest.name

    @property
    def kind(self) -> Kind:
        return kinds.of(self.guest.kind)

    @property
    def parent(self) -> str | None:
        return self.guest.parent


def of_all(guests: Sequence[StackGuest], *, host: HostSide | None) -> dict[str, Stack]:
    """The stack of each guest by its name, in their order. A guest whose parent is missing has none."""
    known: dict[str, StackGuest] = {}
    for guest in guests:
        if guest.parent is None or guest.parent in known:
            known[guest.name] = guest
    return {name: _of(guest, known, host or HostSide()) for name, guest in known.items()}


def _of(guest: StackGuest, by_name: dict[str, StackGuest], host: HostSide) -> Stack:
    chain = [guest]
    while (parent := chain[0].parent) is not None:
        chain.insert(0, by_name[parent])
    hosted = [other for other in by_name.values() if other.parent == guest.name]
    if len(chain) == 1 and not hosted:
        return stack.of(guest.guest, guest.accel, guest.facts, host=host)
    builders = [_Builder(chain, hosted, host, path) for path in (*_PATHS, "none")]
    pictures = [builder.picture() for builder in builders if builder.is_there()]
    return Stack(guest.name, guest.guest.title, guest.accel, tuple(pictures[:-1] or pictures))


class _Builder:
    """One picture. ``chain`` leads from the host's machine to the guest that the picture is of."""

    def __init__(
        self, chain: Sequence[StackGuest], hosted: Sequence[StackGuest], host: HostSide, path: str
    ) -> None:
        self._chain = chain
        self._hosted = hosted
        self._host = host
        self._path = path
        self._way = Way()
        self._before = ""  # is put before the names of parts below the guest's own system
        self._is_on_its_way = path != "none"  # False once a guest answers the request from its memory

    def is_there(self) -> bool:
        """Whether the guest has the device of this picture. A container has its host's disk."""
        if self._path == "none":
            return True
        if self._path == "network" and self._plain():
            return False
        guests = list(self._chain)
        while self._path == "disk" and not guests[-1].kind.has_kernel:
            guests.pop()
        return self._has(guests[-1])

    def picture(self) -> Picture:
        content: tuple[Inside, ...] = self._begin()
        received: tuple[Inside, ...] = ()  # what the kernel below gets from the guest above it
        above: tuple[Inside, ...] = ()  # what stands on the same Xen
        hosted = self._hosted
        for guest in reversed(self._chain):
            if not guest.kind.has_kernel:
                content = (self._container(guest, content, hosted),)
                received = self._veth(guest)
                hosted = [guest]
                continue
            sections = self._system(guest, content, received, hosted)
            content, received = (), ()
            if others := _standing(Standing.BESIDE_PARENT, hosted):
                sections, above = (self._xen(guest, sections, above, others),), ()
            if guest.kind.standing is Standing.BESIDE_PARENT:
                above = (_domain_u(guest, sections), *self._crossing(guest))
                received = self._device(guest)
            elif guest.kind.standing is Standing.IN_PARENT:
                content = (self._emulator(guest, sections),)
            hosted = [guest]
            self._before += "below-"
        return self._on_host(self._chain[0], sections)

    def _on_host(self, machine: StackGuest, sections: tuple[Section, ...]) -> Picture:
        self._before = self._before.removesuffix("below-")
        device = (*self._crossing(machine), *self._device(machine), *self._backend(machine))
        beneath: tuple[Step, ...] = ()
        if self._is_on_its_way:
            make = stack.disk_beneath if self._path == "disk" else stack.network_beneath
            beneath = make(self._way, self._host)
        guest = stack.guest_frame(machine.name, sections)
        frame = stack.on_host(machine.accel, self._host, guest, device, beneath)
        return Picture(self._path, stack.TITLES[self._path], frame)

    def _plain(self) -> bool:
        return plain_systems.of(self._chain[-1].guest.image) is not None

    def _begin(self) -> tuple[Inside, ...]:
        if self._path == "none":
            return ()
        text = words.PLAIN_BEGIN if self._plain() else _BEGIN[self._path]
        if self._path == "disk" and not self._chain[-1].kind.has_kernel:
            host = self._kernel_of_all()
            text = Text(
                en=f"a program reads from a file that lies on the disk of {host}",
                ja=f"プログラムが、{host}のディスクにあるファイルを読む",
            )
        return (self._way.step("program", text),)

    def _kernel_of_all(self) -> str:
        """The guest whose kernel a container shares."""
        return next(guest.name for guest in reversed(self._chain) if guest.kind.has_kernel)

    def _step(self, part: str, text: Text, interface: str = "", *, known: bool = True) -> tuple[Step, ...]:
        if not self._is_on_its_way:
            return ()
        return (self._way.step(f"{self._before}{part}", text, interface, known=known),)

    def _container(
        self, guest: StackGuest, content: tuple[Inside, ...], hosted: Sequence[StackGuest]
    ) -> Frame:
        mode = words.GUEST_USER[guest.accel == "kvm"]
        remarks = (Remark("namespaces", words.NAMESPACES), *_beside(hosted))
        programs = Section("container-programs", Ring.PROGRAM, words.PROGRAMS, mode, (*content, *remarks))
        return Frame("container", _named(guest, guest.kind.title), (programs,))

    def _veth(self, guest: StackGuest) -> tuple[Inside, ...]:
        if self._path != "network":
            return ()
        host = guest.parent
        return self._step(
            "veth",
            Text(
                en=f"TCP/IP of the container's own network namespace, then a veth pair to {host}'s: "
                "no device, only two names in the same kernel",
                ja=f"コンテナ専用のネットワーク名前空間のTCP/IPから、vethペアで{host}側へ。"
                "デバイスではなく、同じカーネルの中の2つの名前",
            ),
        )

    def _system(
        self,
        guest: StackGuest,
        content: tuple[Inside, ...],
        received: tuple[Inside, ...],
        hosted: Sequence[StackGuest],
    ) -> tuple[Section, ...]:
        """The programs and the kernel of a guest that has one."""
        shared = _standing(Standing.ON_KERNEL, hosted)
        kernel = (
            *received,
            *self._serve(guest, is_first=not self._before and not received),
            *_one_kernel(shared),
        )
        accel = guest.accel
        if guest.kind.uses_parents_kvm:
            accel = _inner_accel(guest) or accel
        if any(other.kind.uses_parents_kvm and _inner_accel(other) == "kvm" for other in hosted):
            kernel = (*kernel, Remark(f"{self._before}module", words.MODULE[True]))
        if _standing(Standing.BESIDE_PARENT, hosted):
            content = (*content, Remark("tools", words.TOOLS))
        elif not content or len(self._chain) == 1 or guest is self._chain[-1]:
            content = (*content, *_beside(hosted))
        if plain := plain_systems.of(guest.guest.image):
            return (stack.plain_section(plain, accel, (*content, *kernel), self._before),)
        programs, system = stack.system_sections(guest.facts, accel, content, kernel, self._before)
        if guest.facts is not None and guest.facts.detected == "Xen PV":
            system = replace(system, mode=_RING3)
        return programs, system

    def _serve(self, guest: StackGuest, *, is_first: bool) -> tuple[Inside, ...]:
        """What a kernel does with the request, down to its driver."""
        if not self._is_on_its_way:
            return ()
        if not self._has(guest):
            made = self._step("system", _ENDS[self._path](guest.name))
            self._is_on_its_way = False
            return made
        devices = None
        if guest.facts is not None and _PATHS[self._path] not in guest.facts.missing:
            parts = guest.facts.disks if self._path == "disk" else guest.facts.interfaces
            devices = [device.drivers for device in parts]
        model = self._model(guest)
        if plain := plain_systems.of(guest.guest.image):
            found = plain.drivers_for(model)
            made = self._step("driver", words.plain_driver(found), model.interface)
            self._is_on_its_way = bool(found)
            return made
        text = words.driver(model, devices)
        return (
            *self._step("system", (_FIRST if is_first else _SERVING)[self._path]),
            *self._step("driver", text, model.interface, known=devices is not None),
        )

    def _has(self, guest: StackGuest) -> bool:
        return bool(guest.guest.disks if self._path == "disk" else guest.guest.interfaces)

    def _model(self, guest: StackGuest) -> DeviceModel:
        devices = guest.guest.disks if self._path == "disk" else guest.guest.interfaces
        return devices[0].device

    def _crossing(self, guest: StackGuest) -> tuple[Step, ...]:
        if not self._is_on_its_way:
            return ()
        return (self._way.crossing(self._model(guest), self._before),)

    def _device(self, guest: StackGuest) -> tuple[Step, ...]:
        if not self._is_on_its_way:
            return ()
        model = self._model(guest)
        return self._step("device", model.name, model.interface)

    def _backend(self, guest: StackGuest) -> tuple[Step, ...]:
        """What QEMU on the host does, once the request has reached a device."""
        if not self._is_on_its_way:
            return ()
        if self._path == "disk":
            text = words.cache(guest.guest.disks[0].cache)
        else:
            rings = guest.accel == "kvm" and self._model(guest).has_eventfd
            text = words.network_backend(self._host.user_network, rings=rings)
        return (self._way.step("backend", text),)

    def _xen(
        self,
        guest: StackGuest,
        sections: tuple[Section, ...],
        above: tuple[Inside, ...],
        others: Sequence[StackGuest],
    ) -> Section:
        """Xen below all kernels, with Domain 0 beside the domain of this picture."""
        zero = Frame("domain-0", _named(guest, words.DOMAIN_0), sections)
        names = ", ".join(other.name for other in others)
        standing: tuple[Inside, ...] = above or (
            Remark(
                "domains",
                Text(en=f"Domain U stands here, too: {names}", ja=f"ドメインUもここで動く: {names}"),
            ),
        )
        return Section(
            f"{self._before}xen",
            Ring.HYPERVISOR,
            words.XEN,
            words.XEN_MODE,
            (*standing, zero, Remark("xen", words.XEN_DOES)),
        )

    def _emulator(self, guest: StackGuest, sections: tuple[Section, ...]) -> Frame:
        """The QEMU process in the guest that hosts a machine."""
        host = guest.parent
        accel = _inner_accel(guest)
        vcpu: tuple[Inside, ...] = ()
        if accel:
            imitated = accel == "kvm" and guest.accel == "tcg"
            vcpu = (
                Remark(f"{self._before}vcpu", words.IMITATED if imitated else words.VCPU[accel == "kvm"]),
            )
        device = (
            *self._crossing(guest),
            *self._device(guest),
            *self._step("inner-backend", words.INNER_BACKEND),
        )
        process = Section(
            f"{self._before}qemu",
            Ring.EMULATOR,
            Text(en=f"QEMU, a process of {host}", ja=f"QEMU({host}のプロセス)"),
            words.GUEST_USER[guest.accel == "kvm"],
            (*vcpu, stack.guest_frame(guest.name, sections), *device),
        )
        return Frame("emulator", Text(en=f"in {host}", ja=f"{host}の中"), (process,))


def _inner_accel(guest: StackGuest) -> str | None:
    """The accelerator (kvm or tcg) of a machine in a machine: what its facts say, or else what its lab
    says."""
    signature = guest.facts.signature if guest.facts else ""
    known = {"KVMKVMKVM": "kvm", "TCGTCGTCGTCG": "tcg"}.get(signature)
    asked = guest.guest.accel
    return known or (None if asked is Accel.AUTO else str(asked))


def _domain_u(guest: StackGuest, sections: tuple[Section, ...]) -> Frame:
    return Frame("domain-u", _named(guest, guest.kind.title), sections)


def _named(guest: StackGuest, title: Text) -> Text:
    return Text(en=f"{title.en} {guest.name}", ja=f"{title.ja} {guest.name}")


def _standing(on: Standing, guests: Sequence[StackGuest]) -> list[StackGuest]:
    """Those of some guests that stand on such a thing."""
    return [guest for guest in guests if guest.kind.standing is on]


def _beside(hosted: Sequence[StackGuest]) -> tuple[Remark, ...]:
    """The guests whose programs, or whose QEMU, run as programs here."""
    containers = ", ".join(other.name for other in _standing(Standing.ON_KERNEL, hosted))
    machines = ", ".join(other.name for other in _standing(Standing.IN_PARENT, hosted))
    remarks = []
    if containers:
        en, ja = "the programs of the containers, too", "コンテナのプログラムもここで動く"
        remarks.append(Remark("containers", Text(en=f"{en}: {containers}", ja=f"{ja}: {containers}")))
    if machines:
        en, ja = "a QEMU for each machine in this one", "このマシンの中のマシンごとにQEMUが動く"
        remarks.append(Remark("machines", Text(en=f"{en}: {machines}", ja=f"{ja}: {machines}")))
    return tuple(remarks)


def _one_kernel(containers: Sequence[StackGuest]) -> tuple[Remark, ...]:
    return (Remark("one-kernel", words.ONE_KERNEL),) if containers else ()


_BEGIN = {
    "disk": Text(en="a program reads from a file", ja="プログラムがファイルを読む"),
    "network": Text(en="a program writes to a socket", ja="プログラムがソケットに書き込む"),
}
_FIRST = {
    "disk": Text(
        en="file system and block layer: not in memory yet, so ask the disk",
        ja="ファイルシステムとブロック層: メモリ上にないのでディスクに要求する",
    ),
    "network": Text(en="TCP/IP: makes packets of it", ja="TCP/IP: パケットを組み立てる"),
}
_SERVING = {
    "disk": Text(
        en="block layer: finds what is the disk of the guest above, a file or a disk",
        ja="ブロック層: 上のゲストのディスクに当たるファイルやディスクを読む",
    ),
    "network": Text(
        en="forwards the packet of the guest above, as a switch or a router does",
        ja="上のゲストのパケットを、スイッチやルーターのように転送する",
    ),
}
_ENDS: dict[str, Callable[[str], Text]] = {
    "disk": lambda name: Text(
        en=f"what is that disk lies in the memory of {name}: nothing below is asked",
        ja=f"そのディスクの中身は{name}のメモリ上にあり、これより下には要求しない",
    ),
    "network": lambda name: Text(
        en=f"the packet stays in {name}, which has no network card",
        ja=f"{name}にネットワークカードはなく、パケットはその中にとどまる",
    ),
}
