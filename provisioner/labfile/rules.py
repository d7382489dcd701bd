"""The rules between the values of a lab: references, kinds of guests, buses, agents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from provisioner.labfile import enlightenments, spec
from provisioner.labfile.layers import Draft
from provisioner.labfile.problems import Problems, alternatives, listed, shown
from provisioner.labfile.value_types import Given
from provisioner.language import joined, msg
from provisioner.model import kinds
from provisioner.model.enums import Accel, AgentPort, GuestKind, Transport
from provisioner.model.hardware import machine_types
from provisioner.model.hardware.disk_buses import DISK_BUSES, DiskBus
from provisioner.model.hardware.machine_types import PHYSICAL, Board
from provisioner.model.hardware.network_cards import NETWORK_CARDS
from provisioner.model.hardware.scsi_controllers import SCSI_CONTROLLERS
from provisioner.model.kinds.kind import Devices


class Images(NamedTuple):
    """The names of the image catalogue: what a guest can boot, and what a disk can start as."""

    boot: Collection[str]
    disk: Collection[str] = ()


def kind_of_guest(own: Given) -> GuestKind | None:
    """The kind of a guest; None where the file gives an invalid one."""
    given = own.value.get("kind")
    if given is None:
        return GuestKind.MACHINE
    return GuestKind(given.value) if given.ok else None


def parent_of(own: Given) -> str | None:
    """The name of the guest's parent, where it has a valid one."""
    given = own.value.get("parent")
    return given.value if given and given.ok else None


def transport_of(draft: Draft) -> Transport:
    """How commands reach the guest: as its file says, or else by whether it has a parent or an agent."""
    given = draft.own.value.get("transport")
    if given:
        return Transport(given.value)
    if parent_of(draft.own):
        return Transport.PARENT
    return Transport.NONE if draft.hardware["agent"].value == AgentPort.NONE else Transport.AGENT


def networks_of(lab: Given, drafts: Sequence[Draft]) -> list[str] | None:
    """The names of the lab's networks, with the default one. None where they are not valid."""
    given = lab.value.get("networks")
    if given is None:
        return [spec.DEFAULT_NETWORK] if any(draft.hardware["interfaces"].value for draft in drafts) else []
    return list(given.value) if given.ok else None


def check(lab: Given, drafts: Sequence[Draft], images: Images, problems: Problems) -> None:
    """Add a problem for each rule that the lab breaks."""
    guests = lab.value.get("guests")
    if guests and guests.ok:
        _families({name: guest for name, guest in guests.value.items() if guest.ok}, guests.value, problems)
        _some_are_always_there(guests, problems)
    networks = networks_of(lab, drafts)
    for draft in drafts:
        _Rules(draft, problems).check(images, networks)
    if guests and guests.ok and (items := lab.value.get("observe")):
        observations(items, guests.value, problems)


def _some_are_always_there(guests: Given, problems: Problems) -> None:
    flags = [guest.value.get("optional") for guest in guests.value.values() if guest.ok]
    if flags and all(flag and flag.ok and flag.value for flag in flags):
        message = msg("all guests are optional (at least one has to be there always)")
        problems.add(guests.place, guests.path, message)


def observations(items: Given, guests: Collection[str] | None, problems: Problems) -> None:
    """Add a problem for each observation, of a mapping that was checked, that can't be made.

    ``guests``: their names, or None where they are not known.
    """
    for item in items.value.values() if items.ok else ():
        if item.ok:
            _observation(item, guests, problems)


def _observation(item: Given, guests: Collection[str] | None, problems: Problems) -> None:
    asked, command, read, expect = (item.value.get(key) for key in ("guests", "command", "read", "expect"))
    console = item.value.get("console")
    if asked and asked.ok:
        if not asked.value:
            problems.add(asked.place, asked.path, msg("no guest is named (name at least one)"))
        for guest in asked.value:
            known_guest(guest, guests, problems)
    if command and command.ok and not command.value:
        problems.add(command.place, command.path, msg("the command is empty"))
    if read and not command and not console:
        problems.add(read.place, read.path, msg("only the output of a command has to be read (leave it out)"))
    if read and console and read.value == "exit-code":
        problems.add(
            read.place, read.path, msg("a line at a console has no exit code (use lines, text or number)")
        )
    if expect and expect.ok:
        for how in ("has", "lacks"):
            given = expect.value.get(how)
            if given and given.ok and not given.value:
                message = msg("wants a value (is: none says that nothing is there)")
                problems.add(given.place, given.path, message)


def known_guest(guest: Given, guests: Collection[str] | None, problems: Problems) -> None:
    """Add a problem where a name that was checked is not the name of a guest. ``guests``: as above."""
    if guest.ok and guests is not None and guest.value not in guests:
        known = alternatives(guest.value, guests)
        message = msg("there is no guest {name} ({known})", name=shown(guest.value), known=known)
        problems.add(guest.place, guest.path, message)


def _families(guests: Mapping[str, Given], names: Collection[str], problems: Problems) -> None:
    for name, own in guests.items():
        kind = kind_of_guest(own)
        parent = own.value.get("parent")
        if parent is None:
            if kind is not None and not kinds.of(kind).is_top_level:
                problems.add(
                    own.place,
                    own.path,
                    msg('the key "parent" is missing (a guest of kind {kind} needs one)', kind=kind),
                )
        elif kind is not None and kinds.of(kind).is_top_level:
            hosted = listed(str(each.name) for each in kinds.hosted())
            right: str = msg("say which kind it is: {hosted}", hosted=hosted)
            message = msg("a {kind} has no parent, the host runs it ({right})", kind=kind, right=right)
            problems.add(parent.place, parent.path, message)
        elif not parent.ok or kind is None:
            continue
        elif parent.value not in names:
            right = alternatives(parent.value, (other for other in names if other != name))
            message = msg("there is no guest {name} ({right})", name=shown(parent.value), right=right)
            problems.add(parent.place, parent.path, message)
        elif cycle := _cycle(name, guests):
            problems.add(
                parent.place,
                parent.path,
                msg("a guest can't host itself ({cycle})", cycle=" in ".join(cycle)),
            )
        elif parent.value in guests:
            host, fitting = kind_of_guest(guests[parent.value]), kinds.of(kind).parents
            if host is not None and host not in fitting:
                right = msg(
                    "its parent must be of kind {fitting}", fitting=listed(str(each) for each in fitting)
                )
                message = msg(
                    "{value} is of kind {host} and can't host a guest of kind {kind} ({right})",
                    value=parent.value,
                    host=host,
                    kind=kind,
                    right=right,
                )
                problems.add(parent.place, parent.path, message)


def _cycle(start: str, guests: Mapping[str, Given]) -> list[str]:
    """The guests on the way from a guest through its parents back to itself. Empty where there is no way."""
    way = [start]
    while (name := parent_of(guests[way[-1]])) in guests and name is not None:
        if name == start:
            return [*way, start]
        if name in way:
            return []
        way.append(name)
    return []


class _Rules(NamedTuple):
    """The rules for one guest."""

    draft: Draft
    problems: Problems

    def check(self, images: Images, networks: list[str] | None) -> None:
        self._image(self.draft.hardware["image"], images.boot, msg("image to boot"))
        self._disks(images)
        self._interfaces(networks)
        self._xen()
        self._only_kvm()
        self._agent()
        self._kernel_args()
        self._transport()

    def _wrong(self, message: str, *causes: Given) -> None:
        """Point at the cause that the author of the lab wrote, and say which come from the profile."""
        own = next((cause for cause in causes if not cause.place.in_profile), self.draft.own)
        lent = [
            f"{cause.path.rpartition('.')[2]}: {cause.value}"
            for cause in causes
            if cause.place.in_profile and isinstance(cause.value, str | int)
        ]
        origin = (
            msg("; {lent} in profile {profile}", lent=" and ".join(lent), profile=self.draft.profile)
            if lent
            else ""
        )
        self.problems.add(own.place, own.path, joined("", (message, origin)))

    def _image(self, given: Given, known: Collection[str], what: str) -> None:
        if given.ok and given.value not in known:
            right = alternatives(given.value, sorted(known))
            self.problems.add(
                given.place,
                given.path,
                msg("there is no {what} {name} ({right})", what=what, name=shown(given.value), right=right),
            )

    def _disks(self, images: Images) -> None:
        disks = self.draft.hardware["disks"]
        if not disks.ok:
            return
        on: dict[str, list[Given]] = {}
        for disk in disks.value:
            if not disk.ok:
                continue
            bus, controller = disk.value["bus"], disk.value.get("controller")
            if image := disk.value.get("image"):
                self._image(image, images.disk, msg("disk image"))
            if not bus.ok or (controller and not controller.ok):
                continue
            entry = DISK_BUSES[bus.value]
            on.setdefault(entry.name, []).append(bus)
            self._board(entry, bus)
            if entry.takes_controller and controller is None:
                right = listed(SCSI_CONTROLLERS)
                self._wrong(
                    msg('a {name} disk needs a "controller" ({right})', name=entry.name, right=right),
                    bus,
                    disk,
                )
            elif not entry.takes_controller and controller and controller.path.startswith(disk.path):
                right = listed(name for name, other in DISK_BUSES.items() if other.takes_controller)
                message = msg(
                    "a disk on {name} has no controller to choose (use bus {right})",
                    name=entry.name,
                    right=right,
                )
                self._wrong(message, controller)
        for name, on_bus in on.items():
            most = DISK_BUSES[name].most
            if most is not None and len(on_bus) > most:
                message = msg(
                    "a machine takes at most {most} {name} disks, here are {count}",
                    most=most,
                    name=name,
                    count=len(on_bus),
                )
                self._wrong(message, on_bus[most], disks)

    def _board(self, entry: DiskBus, bus: Given) -> None:
        """The machine's board has that bus. Which devices are Xen's and which a machine's: see ``_xen``."""
        machine = self.draft.hardware["machine"]
        board = machine_types.board(machine.value) if machine.ok else None
        if board in PHYSICAL and not entry.boards.isdisjoint(PHYSICAL) and board not in entry.boards:
            others = listed(name for name, other in DISK_BUSES.items() if board in other.boards)
            right = msg(
                "use bus {others}, or machine {boards}", others=others, boards=listed(sorted(entry.boards))
            )
            name = entry.name
            told = msg("a {board} machine has no {name} disks ({right})", board=board, name=name, right=right)
            self._wrong(told, bus, machine)

    def _interfaces(self, networks: list[str] | None) -> None:
        interfaces = self.draft.hardware["interfaces"]
        if not interfaces.ok or networks is None:
            return
        for interface in interfaces.value:
            network = interface.value.get("network") if interface.ok else None
            if network and network.ok and network.value not in networks:
                known, name = alternatives(network.value, networks), shown(network.value)
                message = msg("there is no network {name} ({known})", name=name, known=known)
                self.problems.add(network.place, network.path, message)

    def _xen(self) -> None:
        """A Xen domain has Xen's devices and no others; nobody else has them."""
        kind = kind_of_guest(self.draft.own)
        if kind is None:
            return
        is_xen = kinds.of(kind).devices is Devices.XEN
        machine = self.draft.hardware["machine"]
        if machine.ok and (machine_types.board(machine.value) is Board.XEN) != is_xen:
            right = msg("use {xens}", xens=listed(machine_types.XENS if is_xen else sorted(PHYSICAL)))
            self._wrong(
                msg(
                    "a guest of kind {kind} has no machine {value} ({right})",
                    kind=kind,
                    value=machine.value,
                    right=right,
                ),
                machine,
            )
        for what, key, entries in (("disks", "bus", DISK_BUSES), ("interfaces", "model", NETWORK_CARDS)):
            of_xen = [name for name, entry in entries.items() if Board.XEN in entry.boards]
            devices = self.draft.hardware[what]
            for device in devices.value if devices.ok else ():
                given = device.value.get(key) if device.ok else None
                if given and given.ok and (given.value in of_xen) != is_xen:
                    only = msg(
                        "{key} {value} is for guests of kind {xen}",
                        key=key,
                        value=given.value,
                        xen=GuestKind.XEN,
                    )
                    right = msg("use {key} {of_xen}", key=key, of_xen=listed(of_xen)) if is_xen else only
                    its = f"{key} {given.value}"
                    told = msg(
                        "a guest of kind {kind} has no {its} ({right})", kind=kind, its=its, right=right
                    )
                    self._wrong(told, given)

    def _only_kvm(self) -> None:
        """Only KVM can offer Hyper-V's interface. Emulation accepts the settings, and ignores them."""
        given = {**self._on("hyperv"), **self._on("kvm"), **self._on("clock", "timers")}
        for name, needed in enlightenments.NEEDS.items():
            if name in given and (missing := [need for need in needed if need not in given]):
                self._wrong(
                    msg(
                        "{name} needs {missing}, which is not offered",
                        name=name,
                        missing=" and ".join(missing),
                    ),
                    given[name],
                )
        kind, accel = kind_of_guest(self.draft.own), self.draft.hardware["accel"]
        asked = [each for name, each in given.items() if name in enlightenments.ONLY_KVM]
        if not asked or kind is None:
            return
        name = asked[0].path.rpartition(".")[2]
        if not kinds.of(kind).takes_kvm_settings:
            self._wrong(
                msg("a guest of kind {kind} has no {name}: it is not KVM's", kind=kind, name=name), *asked
            )
        elif accel.ok and accel.value != Accel.KVM:
            self._wrong(
                msg("only KVM offers {name}; emulation takes it, to no effect (use accel: kvm)", name=name),
                *asked,
                accel,
            )

    def _on(self, *path: str) -> dict[str, Given]:
        """The names of what a mapping of the hardware switches on."""
        given = self.draft.hardware.get(path[0])
        for step in path[1:]:
            given = given.value.get(step) if given and given.ok else None
        values = given.value if given and given.ok else {}
        return {name: value for name, value in values.items() if value.ok and value.value}

    def _agent(self) -> None:
        agent, ports = self.draft.hardware["agent"], self.draft.hardware["serial-ports"]
        if agent.ok and ports.ok and agent.value == AgentPort.SERIAL and ports.value < 2:
            message = msg("an agent on the serial line needs serial-ports: 2 (the console has the first)")
            self._wrong(message, ports, agent)

    def _kernel_args(self) -> None:
        given = self.draft.hardware.get("kernel-args")
        if given is None or not given.ok or not all(arg.ok for arg in given.value):
            return
        size = len(" ".join(arg.value for arg in given.value))
        if size > spec.MAX_COMMAND_LINE:
            most = spec.MAX_COMMAND_LINE
            message = msg(
                "the kernel arguments are {size} characters long together (at most {most})",
                size=size,
                most=most,
            )
            self._wrong(message, given)

    def _transport(self) -> None:
        own, agent = self.draft.own, self.draft.hardware["agent"]
        transport = own.value.get("transport")
        if transport is None or not transport.ok:
            return
        hosted = "parent" in own.value
        if transport.value == Transport.PARENT and not hosted:
            self._wrong(msg("there is no parent to go through (use agent or none)"), transport)
        elif transport.value == Transport.AGENT and hosted:
            self._wrong(
                msg("the host can't reach the agent of a hosted guest (use parent or none)"), transport
            )
        elif transport.value == Transport.AGENT and agent.ok and agent.value == AgentPort.NONE:
            self._wrong(msg("there is no agent (give it agent: virtio or serial)"), transport, agent)
