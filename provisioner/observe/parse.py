"""Makes ``Facts`` of what ``templates/guest/facts.sh`` wrote in a guest.

Nothing of it is trusted: texts are made printable and cut, the length of lists is limited, and a part that
makes no sense counts as missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from provisioner.language import msg
from provisioner.model import facts
from provisioner.model.facts import Device, Facts
from provisioner.model.hardware import identify
from provisioner.model.hardware.interfaces import EMULATED
from provisioner.sanitize import printable

MOST_BYTES = 64 * 1024  # the most that the script may write
_LONGEST = 120  # characters of one text
_MOST = 128  # items of one list
_PORT = "/dev/"
_XEN_BACK_END = re.compile(r"v(if|bd)-\d+-\d+")
_FILE = re.compile(r"(.*?/[a-z_]+):(.*)")
_KEPT_INTERRUPTS = 64
_PLATFORM_PCI = {"8086:1237": "i440FX board", "8086:29c0": "Q35 board"}
_AHCI = "10601"
_QEMU_LOADER = "176"
_PVH_BOOT = "0x020c"  # the version that the kernel writes itself where it was started by its PVH entry


class _Sections:
    """The parts of the script's answer."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MOST_BYTES:
            raise ValueError(msg("it told more than {size} KiB", size=MOST_BYTES // 1024))
        head, marker, tail = data.rpartition(b"\n@end")
        if not marker or tail.strip():
            raise ValueError(msg("what it told of itself was cut short"))
        text, _, self.cpuid = head.partition(b"\n@cpuid\n")
        self._parts: dict[str, list[str]] = {}
        part: list[str] = []
        for line in text.decode("utf-8", "backslashreplace").split("\n"):
            if line.startswith("@"):
                part = self._parts.setdefault(line[1:], [])
            elif line.strip():
                part.append(line)

    def lines(self, name: str) -> list[str]:
        return self._parts.get(name, [])

    def first(self, name: str) -> str:
        return _clean(next(iter(self.lines(name)), ""))


class _Files:
    """The guest's files: the lines of each by its path, which is relative to /sys for files there."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines: dict[str, list[str]] = {}
        for line in lines:
            path, value = _split(line)
            self._lines.setdefault(path, []).append(value)

    def text(self, path: str) -> str:
        return _clean(next(iter(self.lines(path)), ""))

    def lines(self, path: str) -> list[str]:
        return self._lines.get(path, [])

    def under(self, folder: str, name: str) -> list[tuple[str, list[str]]]:
        """The entries of a folder that contain a file of that name, each with the lines of that file."""
        entries = []
        for path, lines in self._lines.items():
            head, _, last = path.rpartition("/")
            parent, _, entry = head.rpartition("/")
            if last == name and parent == folder:
                entries.append((_clean(entry), lines))
        return entries[:_MOST]


def facts_of(data: bytes) -> Facts:
    """The facts in a guest's answer. Raises ValueError where the answer is cut off or too long."""
    sections = _Sections(data)
    files = _Files(sections.lines("files"))
    listed = " ".join(sections.lines("listed")).split()
    missing: list[str] = []

    def need(part: str, value: str) -> str:
        if not value:
            missing.append(part)
        return value

    devices = _devices(files, sections)
    paths = _paths(sections)
    drivers = {device.address: device for device in devices}
    messages = [line.partition("] ")[2] or line for line in sections.lines("messages")]
    # the words of every kernel that could be a guest's, and those of one that is Xen's
    ordinary = _after("Booting paravirtualized kernel on ", messages)
    entry = ordinary or _after("Booting kernel on ", messages)
    agent = sections.first("agent")
    serials = [name for name, lines in files.under("class/tty", "type") if lines[0].strip() != "0"]
    phases = _phases(files)
    interrupts = _interrupts(files)
    signature, features = _cpuid(sections.cpuid)
    clock = "devices/system/clocksource/clocksource0/"
    if len(sections.cpuid) < 32:
        missing.append("cpuid")
    need("boot messages", entry)
    if not interrupts:
        missing.append("interrupts")
    if not phases:
        missing.append("boot phases")
    return Facts(
        kernel=need("kernel", files.text("/proc/sys/kernel/osrelease")),
        machine=f"{files.text('class/dmi/id/sys_vendor')} {files.text('class/dmi/id/product_name')}".strip(),
        firmware="uefi" if "firmware/efi" in listed else "bios" if "firmware/dmi" in listed else "none",
        processor=need("processor", sections.first("processor")),
        processors=_count(files.text("devices/system/cpu/online")),
        memory=_kibibytes(files.text("/proc/meminfo")),
        signature=signature,
        features=features,
        detected=_after("Hypervisor detected: ", messages),
        entry=entry,
        clock=need("clock", files.text(clock + "current_clocksource")),
        clocks=tuple(files.text(clock + "available_clocksource").split()[:_MOST]),
        devices=_with_scsi(devices, paths),
        disks=_disks(files, paths, drivers),
        interfaces=_interfaces(files, paths, drivers),
        interrupts=interrupts,
        modules=_modules(files),
        agent=agent if agent.startswith(_PORT) else "",
        consoles=_consoles(listed, files, serials, agent, devices),
        rng=_rng(files),
        phases=phases,
        platform=_platform(listed, files, serials, ordinary),
        missing=tuple(missing),
    )


def _clean(text: str) -> str:
    return printable(text.strip(), _LONGEST)


def _split(line: str) -> tuple[str, str]:
    """The path and the text in a line that grep printed. Paths on a bus contain colons, too."""
    match = _FILE.match(line)
    return (match.group(1), match.group(2)) if match else ("", "")


def _after(start: str, lines: Iterable[str]) -> str:
    return next((_clean(line.partition(start)[2]) for line in lines if line.startswith(start)), "")


def _number(text: str, most: int = 1 << 62) -> int:
    """A decimal number, or 0 where the text is none."""
    text = text.strip()
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _count(online: str) -> int:
    """How many processors ``0-3,5`` is."""
    total = 0
    for part in online.split(",")[:_MOST]:
        first, dash, last = part.partition("-")
        total += max(0, _number(last) - _number(first)) + 1 if dash else 1 if first.isdigit() else 0
    return min(total, 1 << 16)


def _kibibytes(line: str) -> int:
    """The bytes of ``MemTotal:  142068 kB``."""
    words = line.split()
    return _number(words[1]) * 1024 if len(words) == 3 else 0


def _cpuid(raw: bytes) -> tuple[str, int]:
    """The hypervisor's signature, and EAX of the next leaf, where the first leaf says that there is one."""
    if len(raw) < 32:
        return "", 0
    highest = int.from_bytes(raw[:4], "little")
    name = raw[4:16].rstrip(b"\0")
    if not name or not all(0x20 <= byte < 0x7F for byte in name):
        return "", 0
    # old versions of KVM give 0 as the highest leaf, and mean the next one
    told = highest >= 0x40000001 or (highest == 0 and name == b"KVMKVMKVM")
    return name.decode("ascii"), int.from_bytes(raw[16:20], "little") if told else 0


def _fields(lines: Iterable[str]) -> dict[str, str]:
    return {key: _clean(value) for key, _, value in (line.partition("=") for line in lines)}


def _devices(files: _Files, sections: _Sections) -> list[Device]:
    """All devices on the buses, except those on SCSI."""
    names = _names(sections)
    devices = []
    for address, lines in files.under("bus/pci/devices", "uevent"):
        fields = _fields(lines)
        ident = fields.get("PCI_ID", "").lower()
        if re.fullmatch("[0-9a-f]{4}:[0-9a-f]{4}", ident):
            driver, interface = fields.get("DRIVER"), identify.pci_interface(ident)
            devices.append(Device("pci", address, ident, names.get(address, ident), driver, interface))
    for bus in ("virtio", "xen", "vmbus", "usb"):
        for address, lines in files.under(f"bus/{bus}/devices", "uevent"):
            fields = _fields(lines)
            ident = _ident(bus, fields.get("MODALIAS", ""))
            name = f"{bus} {ident}".strip()
            interface = identify.bus_interface(bus)
            devices.append(Device(bus, address, ident, name, fields.get("DRIVER"), interface))
    for address, lines in files.under("bus/scsi/devices", "uevent"):
        at = f"bus/scsi/devices/{address}/"
        name = f"{files.text(at + 'vendor')} {files.text(at + 'model')}".strip()
        fields = _fields(lines)
        ident = fields.get("MODALIAS", "").removeprefix("scsi:")
        devices.append(Device("scsi", address, ident, name or ident, fields.get("DRIVER"), EMULATED))
    return devices[:_MOST]


def _ident(bus: str, alias: str) -> str:
    """The bus's identifier for the kind of a device, from its module alias."""
    value = alias.partition(":")[2]
    if bus == "virtio":
        number = re.match("d([0-9A-Fa-f]{8})v", value)
        return identify.virtio_kind(int(number.group(1), 16)) if number else value
    return identify.vmbus_kind(value.lower()) if bus == "vmbus" else value


def _names(sections: _Sections) -> dict[str, str]:
    """The names of PCI devices by address, from ``lspci -Dmm``: a class, a vendor, a device, each quoted."""
    names = {}
    for line in sections.lines("names")[:_MOST]:
        quoted = re.findall(r'"([^"]*)"', line)
        if len(quoted) >= 3:
            name = f"{quoted[1]} {quoted[2]}" if quoted[2].startswith("Device ") else quoted[2]
            names[_clean(line.split(" ", 1)[0])] = _clean(name)
    return names


def _paths(sections: _Sections) -> dict[str, list[str]]:
    """The parts of the real path behind each entry that is listed in /sys."""
    paths = {}
    for line in sections.lines("paths")[:_MOST]:
        entry, _, path = line.partition(" ")
        paths[_clean(entry)] = _clean(path).split("/") if len(path) <= _LONGEST else []
    return paths


def _chain(parts: list[str], drivers: dict[str, Device]) -> tuple[tuple[str, ...], str]:
    """The drivers from a device towards the processor, and the interface by which they use it."""
    on_the_way = [drivers[part] for part in reversed(parts) if part in drivers]
    chain = tuple(device.driver for device in on_the_way if device.driver)
    return chain, next((d.interface for d in on_the_way if d.interface != EMULATED), EMULATED)


def _with_scsi(devices: list[Device], paths: dict[str, list[str]]) -> tuple[Device, ...]:
    """All devices. Those on SCSI have the interface of their controller."""
    by_address = {device.address: device for device in devices}

    def completed(device: Device) -> Device:
        if device.bus != "scsi":
            return device
        parts = paths.get(f"/sys/bus/scsi/devices/{device.address}", [])
        return replace(device, interface=_chain(parts, by_address)[1])

    return tuple(completed(device) for device in devices)


def _is_real(parts: list[str]) -> bool:
    """Whether it is a device that this guest was given: not one that its kernel made, or a back end for
    others."""
    return len(parts) > 3 and parts[3] != "virtual" and not _XEN_BACK_END.fullmatch(parts[3])


def _disks(files: _Files, paths: dict[str, list[str]], drivers: dict[str, Device]) -> tuple[facts.Disk, ...]:
    disks = []
    for name, lines in files.under("block", "size"):
        parts = paths.get(f"/sys/block/{name}", [])
        if _is_real(parts):
            chain, interface = _chain(parts, drivers)
            disks.append(facts.Disk(name, _number(lines[0]) * 512, chain, interface))
    return tuple(disks)


def _interfaces(
    files: _Files, paths: dict[str, list[str]], drivers: dict[str, Device]
) -> tuple[facts.Interface, ...]:
    interfaces = []
    for name, lines in files.under("class/net", "address"):
        parts = paths.get(f"/sys/class/net/{name}", [])
        if _is_real(parts):
            chain, interface = _chain(parts, drivers)
            interfaces.append(facts.Interface(name, _clean(lines[0]), chain, interface))
    return tuple(interfaces)


def _interrupts(files: _Files) -> tuple[facts.Interrupt, ...]:
    """The counters of /proc/interrupts by source, those of all processors together."""
    head, *lines = files.lines("/proc/interrupts") or [""]
    processors = len(head.split())
    counts: dict[str, int] = {}
    for line in lines:
        number, _, rest = line.partition(":")
        words = rest.split()
        if len(words) <= processors:
            continue
        source = number.strip()
        if source.isdigit():
            told = " ".join(words[processors:])
            handler = re.search(r"(?:\d+-\w+|XT-PIC)\s+(.+)", told)
            source = handler.group(1) if handler else told
        source = _clean(source)
        counts[source] = counts.get(source, 0) + sum(_number(word) for word in words[:processors])
    return tuple(facts.Interrupt(s, n) for s, n in counts.items() if n)[:_KEPT_INTERRUPTS]


def _modules(files: _Files) -> tuple[str, ...]:
    names = (line.split(" ", 1)[0] for line in files.lines("/proc/modules"))
    return tuple(sorted(_clean(name) for name in names if identify.drives_paravirtual(name))[:_MOST])


def _consoles(
    listed: list[str], files: _Files, serials: list[str], agent: str, devices: list[Device]
) -> tuple[str, ...]:
    """Serial ports except the agent's, and paravirtual consoles, which are virtio's ports without a name."""
    named = {name for name, lines in files.under("class/virtio-ports", "name") if lines[0].strip()}
    ports = [entry for entry in listed if entry.startswith("class/virtio-ports/vport")]
    more = sum(entry.rpartition("/")[2] not in named for entry in ports)
    more += len([device for device in devices if device.bus == "xen" and device.ident == "console"])
    present = [e.rpartition("/")[2] for e in listed if re.fullmatch(r"class/tty/hvc\d+", e)]
    present.sort(key=lambda name: int(name[3:]))
    return tuple(name for name in serials if _PORT + name != agent) + tuple(present[:more])


def _rng(files: _Files) -> str:
    current = files.text("class/misc/hw_random/rng_current")
    return "" if current == "none" else current


def _phases(files: _Files) -> tuple[facts.Phase, ...]:
    phases: dict[str, float] = {}
    for line in files.lines("/run/virtlab/phases")[:_MOST]:
        name, _, seconds = line.strip().partition(" ")
        if re.fullmatch(r"[a-z-]{1,20} \d{1,9}(\.\d{1,3})?", line.strip()):
            phases.setdefault(name, float(seconds))
    return tuple(facts.Phase(name, seconds) for name, seconds in phases.items())[:_MOST]


def _platform(listed: list[str], files: _Files, serials: list[str], entry: str) -> tuple[str, ...]:
    """What proves nothing about paravirtual devices, though some of it sounds as if it did."""
    platform = []
    for _, lines in files.under("bus/pci/devices", "uevent"):
        fields = _fields(lines)
        platform += [
            name for ident, name in _PLATFORM_PCI.items() if fields.get("PCI_ID", "").lower() == ident
        ]
        if fields.get("PCI_CLASS") == _AHCI:
            platform.append("AHCI controller")
    if any(entry.startswith("bus/acpi/devices/QEMU0002") for entry in listed) or (
        "firmware/qemu_fw_cfg" in listed
    ):
        platform.append("fw_cfg")
    if "firmware/acpi" in listed:
        platform.append("ACPI tables")
    if serials:
        platform.append("serial ports")
    loader, version = files.text("/proc/sys/kernel/bootloader_type"), files.text("kernel/boot_params/version")
    if (loader, version) == (_QEMU_LOADER, _PVH_BOOT):
        platform.append("PVH entry")
    if entry:
        platform.append(f"Booting paravirtualized kernel on {entry}")
    return tuple(dict.fromkeys(platform))[:_MOST]
