"""Compares the facts of guests: the rows of a table whose columns are the guests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from provisioner.language import Text
from provisioner.model import named_facts
from provisioner.model.facts import Device, Facts
from provisioner.model.hardware import disk_buses, identify
from provisioner.model.hardware.interfaces import EMULATED

NO_DRIVER = ""  # the cell of a device that exists, but has no driver


class WithFacts(Protocol):
    """Anything that has the facts of a guest, such as ``observe.collect.GuestFacts``."""

    @property
    def facts(self) -> Facts | None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is compared, and what each guest has for it.

    A cell is None where the guest has no such thing or told nothing at all, and ``NO_DRIVER`` where it has
    the device but no driver. ``counter``: the numbers change from moment to moment. So they are no difference
    between the guests, but worth a look.
    """

    section: Text
    label: Text
    cells: tuple[str | None, ...]
    differs: bool
    counter: bool = False

    def of(self, places: Sequence[int]) -> Row:
        """The same row with the cells of these guests only."""
        return replace(self, cells=tuple(self.cells[place] for place in places))


def filled(rows: Sequence[Row]) -> list[int]:
    """The places of the guests that have anything in these rows: the others need no column. All where none
    has."""
    places = range(len(rows[0].cells)) if rows else ()
    return [p for p in places if any(row.cells[p] is not None for row in rows)] or list(places)


_HYPERV = "Microsoft Hv"
_MACHINE = Text("Processor and machine", "プロセッサとマシン")
_DEVICES = Text("Devices", "デバイス")
PCI = Text("On the PCI bus", "PCIバス上のデバイス")
_CLOCK = Text("Clock", "クロック")
INTERRUPTS = Text("Interrupts since boot", "起動後の割り込み回数")
_SYSTEM = Text("Memory and modules", "メモリとモジュール")
_BOOT = Text("Boot, seconds after its start", "起動の段階(起動後の秒数)")

# What a learner calls the source of an interrupt. All other sources go by their own names.
_ROLES = (
    ("disk", Text("Disk", "ディスク")),
    ("network", Text("Network card", "ネットワークカード")),
    ("agent", Text("Guest agent's port", "エージェントのポート")),
    ("rng", Text("Random numbers", "乱数デバイス")),
    ("balloon", Text("Memory balloon", "メモリバルーン")),
    ("timer", Text("Timer", "タイマ")),
)
_PHASES = {
    "init": Text("First program starts", "最初のプログラム開始"),
    "network": Text("Network is set up", "ネットワーク設定完了"),
    "hardware": Text("Drivers are loaded", "ドライバ読み込み完了"),
    "agent": Text("Guest agent starts", "エージェント開始"),
}


def rows(inside: Sequence[WithFacts]) -> list[Row]:
    """Every row of the comparison, section by section, with cells in the order of the guests."""
    facts = [told.facts for told in inside]
    return [
        *_plain(facts),
        *_pci(facts),
        *_interrupts(facts),
        *_boot(facts),
    ]


def interface_text(names: Iterable[str], interface: str) -> str:
    """``virtio_blk → virtio-pci [virtio]``."""
    return f"{' → '.join(names) or '?'} [{interface}]"


def _row(section: Text, label: Text, cells: Sequence[str | None], facts: Sequence[Facts | None]) -> Row:
    told = {cell for cell, one in zip(cells, facts, strict=True) if one is not None}
    return Row(section, label, tuple(cells), len(told) > 1)


def _plain(facts: Sequence[Facts | None]) -> list[Row]:
    """A row for each thing that every machine has once, or that fits in one line."""
    wanted: tuple[tuple[Text, Text, Callable[[Facts], str]], ...] = (
        (_MACHINE, Text("CPUID signature", "CPUIDの署名"), lambda f: f.signature),
        (_MACHINE, Text("CPUID features", "CPUIDの機能ビット"), _features),
        (_MACHINE, Text("Recognized by the kernel", "カーネルが認識した環境"), lambda f: f.detected),
        (_MACHINE, Text("Kernel says it boots on", "起動メッセージの環境"), lambda f: f.entry),
        (_MACHINE, Text("Processor", "プロセッサ"), lambda f: f.processor),
        (_MACHINE, Text("Processors", "プロセッサの数"), lambda f: str(f.processors)),
        (_MACHINE, Text("Machine", "マシン"), lambda f: f.machine),
        (_MACHINE, Text("Firmware", "ファームウェア"), lambda f: f.firmware),
        (_MACHINE, Text("Kernel", "カーネル"), lambda f: f.kernel),
        (_DEVICES, Text("Disk", "ディスク"), _disks),
        (_DEVICES, Text("Network card", "ネットワークカード"), _cards),
        (_DEVICES, Text("Guest agent's port", "エージェントのポート"), _agent),
        (_DEVICES, Text("Console", "コンソール"), _consoles),
        (_DEVICES, Text("Memory balloon", "メモリバルーン"), _balloon),
        (_DEVICES, Text("Random numbers", "乱数デバイス"), _rng),
        (_CLOCK, Text("Clock source", "クロックソース"), _clock),
        (_CLOCK, Text("Clock sources to choose", "選べるクロックソース"), lambda f: ", ".join(f.clocks)),
        (_SYSTEM, Text("Memory that it sees", "見えているメモリ"), lambda f: f"{f.memory // 1024**2} MiB"),
        (_SYSTEM, Text("Paravirtual modules", "準仮想化用モジュール"), lambda f: ", ".join(f.modules)),
        (
            _SYSTEM,
            Text("Proves nothing either way", "証拠にならないもの"),
            lambda f: ", ".join(f.platform),
        ),
    )
    rows = []
    for section, label, read in wanted:
        cells = [(read(one) or None) if one else None for one in facts]
        rows.append(_row(section, label, cells, facts))
    return rows


def _features(facts: Facts) -> str:
    if facts.signature == _HYPERV:  # where this leaf names the interface
        name = facts.features.to_bytes(4, "little")
        return f"interface {name.decode('ascii')}" if all(0x20 < byte < 0x7F for byte in name) else ""
    return f"{facts.features:#x}" if facts.features else ""


def _disks(facts: Facts) -> str:
    return "; ".join(f"{d.name}: {interface_text(d.drivers, d.interface)}" for d in facts.disks)


def _cards(facts: Facts) -> str:
    return "; ".join(f"{i.name}: {interface_text(i.drivers, i.interface)}" for i in facts.interfaces)


def _agent(facts: Facts) -> str:
    return f"{facts.agent} [{named_facts.agent_interface(facts)}]" if facts.agent else ""


def _consoles(facts: Facts) -> str:
    return ", ".join(f"{name} [{named_facts.console_interface(facts, name)}]" for name in facts.consoles)


def _balloon(facts: Facts) -> str:
    return _of_kind(facts, "balloon") or ", ".join(
        f"[{name}]" for name in named_facts.balloon_interface(facts)
    )


def _rng(facts: Facts) -> str:
    return _of_kind(facts, "rng") or (f"{facts.rng} [{EMULATED}]" if facts.rng else "")


def _of_kind(facts: Facts, kind: str) -> str:
    """The drivers of the paravirtual devices of a kind: that of the device before that of its PCI card."""
    devices = identify.of_kind(facts.devices, kind)
    drivers = dict.fromkeys(device.driver for device in devices if device.driver)
    return interface_text(drivers, devices[0].interface) if devices else ""


def _clock(facts: Facts) -> str:
    interface = named_facts.clock_interface(facts)
    return f"{facts.clock} [{interface}]" if interface not in ("", EMULATED) else facts.clock


def _pci(facts: Sequence[Facts | None]) -> list[Row]:
    """The devices of all guests, grouped by what they are and not by where on the bus they are."""
    kinds: dict[str, Device] = {}
    for one in facts:
        for device in one.devices if one else ():
            if device.bus == "pci":
                kinds.setdefault(device.ident, device)
    rows = []
    for ident, sample in kinds.items():
        name = sample.name if sample.name == ident else f"{sample.name} ({ident})"
        cells = [_drivers_of(one, ident) if one else None for one in facts]
        rows.append(_row(PCI, Text(name), cells, facts))
    return sorted(rows, key=lambda row: row.differs)


def _drivers_of(facts: Facts, ident: str) -> str | None:
    """The driver of the devices of that kind, and their number where there is more than one."""
    devices = [device for device in facts.devices if device.bus == "pci" and device.ident == ident]
    if not devices:
        return None
    drivers = Counter(device.driver or NO_DRIVER for device in devices)
    if drivers == {NO_DRIVER: 1}:
        return NO_DRIVER
    return ", ".join(
        f"{driver or '–'} ×{count}" if count > 1 else driver or "–" for driver, count in drivers.items()
    )


def _interrupts(facts: Sequence[Facts | None]) -> list[Row]:
    """Counters of interrupts, grouped by role. A source without a role goes by its own name."""
    sorted_out = [_by_role(one) if one else {} for one in facts]
    labels = dict(_ROLES)
    others = sorted({role for counted in sorted_out for role in counted if role not in labels})
    rows = []
    for role in (*labels, *others):
        sources = [counted.get(role, {}) for counted in sorted_out]
        if not any(sources):
            continue
        label = labels.get(role, Text(role))
        cells = [_counted(role, counters) for counters in sources]
        rows.append(Row(INTERRUPTS, label, tuple(cells), False, role in labels))
    return rows


def _counted(role: str, counters: dict[str, int]) -> str | None:
    if not counters:
        return None
    if list(counters) == [role]:
        return str(counters[role])
    return ", ".join(f"{source}: {count}" for source, count in counters.items())


def _by_role(facts: Facts) -> dict[str, dict[str, int]]:
    """Role (or the source, where it has none) -> source -> count. The queues of one device are added up."""
    roles = {"timer": "timer", "LOC": "timer"}
    roles |= {driver: "disk" for disk in facts.disks for driver in disk.drivers}
    for interface in facts.interfaces:
        roles |= dict.fromkeys((interface.name, *interface.drivers), "network")
    roles |= {device.address: roles.get(device.driver or "", "") for device in facts.devices}
    for kind, role in (("console", "agent"), ("rng", "rng"), ("balloon", "balloon")):
        for device in identify.of_kind(facts.devices, kind):
            if role != "agent" or named_facts.agent_interface(facts) == device.interface:
                roles[device.address] = role
    if facts.agent:
        roles[facts.agent.removeprefix("/dev/")] = "agent"
    by_role: dict[str, dict[str, int]] = {}
    for interrupt in facts.interrupts:
        source = device_of(interrupt.source)
        counters = by_role.setdefault(roles.get(source) or source, {})
        counters[source] = counters.get(source, 0) + interrupt.count
    return by_role


def device_of(source: str) -> str:
    """The device behind a source: ``virtio0`` of ``virtio0-input.0``, ``ahci`` of ``ahci[0000:00:1f.2]``,
    ``mptsas`` of ``ioc0``, as that driver calls its controllers."""
    if source.startswith("virtio"):
        return source.partition("-")[0]
    for model in disk_buses.MODELS:
        if model.interrupts is not None and model.interrupts.fullmatch(source):
            return model.drivers[0]
    return source.partition("[")[0].partition("-rx-")[0].partition("-rxtx-")[0]


def _boot(facts: Sequence[Facts | None]) -> list[Row]:
    names = dict.fromkeys(phase.name for one in facts if one for phase in one.phases)
    rows = []
    for name in names:
        cells = []
        for one in facts:
            at = next((p.seconds for p in one.phases if p.name == name), None) if one else None
            cells.append(None if at is None else f"{at:.2f}")
        rows.append(Row(_BOOT, _PHASES.get(name, Text(name)), tuple(cells), False, True))
    return rows
