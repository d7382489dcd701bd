"""What the hypervisor's host can do, as libvirt and the host itself say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.host.local_host import Host, KvmDevice
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.failures import translated
from provisioner.language import msg
from provisioner.model.accel import KvmFacts

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from provisioner.labfile.offers import OfMachine


@dataclass(frozen=True, slots=True)
class QemuUser:
    """The user that the system's libvirt runs QEMU as."""

    name: str
    uid: int
    groups: tuple[int, ...]

    @property
    def account(self) -> str | None:
        """Its name in the account database, if it is there."""
        return None if self.name == _nameless(self.uid) else self.name

    def can_open(self, device: KvmDevice) -> bool:
        return device.open_to(self.uid, self.groups)


def kvm(conn: Connection | None, host: Host, *, session: bool) -> KvmFacts:
    """What is known of KVM. libvirt is asked last, and only where ``conn`` is given.

    The host's own answers usually settle it.
    """
    device, flags = host.kvm(), host.processor_flags()
    exists = None if device is None else device.exists
    hardware = None if flags is None else next((f for f in ("vmx", "svm") if f in flags), "")
    if exists is False or hardware == "":
        return KvmFacts(exists, None, None, hardware)
    opens, user = (device.opens if device else None), None
    if conn is None:
        return KvmFacts(exists, opens, None, hardware)
    import xml.etree.ElementTree as ET

    root = ET.fromstring(conn.capabilities())  # noqa: S314 - libvirt's own output
    offered = root.find("guest/arch[@name='x86_64']/domain[@type='kvm']") is not None
    if device is not None and not session and (runs_as := _qemu_user(root, host)):
        opens, user = runs_as.can_open(device), runs_as.name
    return KvmFacts(exists, opens, offered, hardware, user)


def qemu_user(conn: Connection, host: Host) -> QemuUser | None:
    """The user that the system's libvirt runs QEMU as. None where it does not say."""
    import xml.etree.ElementTree as ET

    return _qemu_user(ET.fromstring(conn.capabilities()), host)  # noqa: S314 - libvirt's own output


def _qemu_user(capabilities: ET.Element, host: Host) -> QemuUser | None:
    label = capabilities.findtext("host/secmodel[model='dac']/baselabel[@type='kvm']") or ""
    uid, gid = _ids(label)
    if uid is None:
        return None
    groups = {*(host.groups_of(uid) or []), *([gid] if gid is not None else [])}
    return QemuUser(_user(uid), uid, tuple(sorted(groups)))


def counter_khz(conn: Connection) -> int | None:
    """The rate of the time stamp counter of the host's processor, in kHz. None where libvirt does not know
    it.

    Under QEMU's emulation, a guest's counter runs at that rate. libvirt gets it from KVM, and so knows it
    only where it can open /dev/kvm (capabilities, host/cpu/counter).
    """
    import xml.etree.ElementTree as ET

    counter = ET.fromstring(conn.capabilities()).find("host/cpu/counter[@name='tsc']")  # noqa: S314
    rate = "" if counter is None else counter.get("frequency", "")
    return int(rate) // 1000 if rate.isdigit() and int(rate) else None


def offers_x86(conn: Connection) -> bool:
    """Whether libvirt knows a QEMU for x86_64."""
    import xml.etree.ElementTree as ET

    root = ET.fromstring(conn.capabilities())  # noqa: S314 - libvirt's own output
    return root.find("guest/arch[@name='x86_64']/domain[@type='qemu']") is not None


def _ids(label: str) -> tuple[int | None, int | None]:
    """The user and group of a DAC label such as ``+64055:+107``."""
    user, _, group = label.partition(":")
    numbers = [int(part[1:]) if part[:1] == "+" and part[1:].isdigit() else None for part in (user, group)]
    return numbers[0], numbers[1]


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return _nameless(uid)


def _nameless(uid: int) -> str:
    return msg("user {uid}", uid=uid)


def machine_types(conn: Connection) -> frozenset[str]:
    """The machine types of the host's QEMU for x86_64, from the capabilities."""
    import xml.etree.ElementTree as ET

    root = ET.fromstring(conn.capabilities())  # noqa: S314 - libvirt's own output
    return frozenset(each.text or "" for each in root.iterfind("guest/arch[@name='x86_64']//machine"))


def machine_offers(conn: Connection, machine: str) -> OfMachine:
    """What a machine of that type can have, from the domain capabilities. Raises HypervisorError where there
    is no such type."""
    import xml.etree.ElementTree as ET

    from provisioner.labfile.offers import OfMachine  # not needed where nothing is started

    root = ET.fromstring(conn.domain_capabilities(machine))  # noqa: S314 - libvirt's own output

    def all_of(path: str) -> frozenset[str]:
        return frozenset(element.text or "" for element in root.iterfind(path))

    return OfMachine(
        disk_buses=all_of("devices/disk/enum[@name='bus']/value"),
        processors=all_of("cpu/mode[@name='custom']/model"),
        firmwares=all_of("os/enum[@name='firmware']/value"),
    )


def versions(conn: Connection) -> dict[str, str]:
    """The versions of libvirt and of the hypervisor, as "9.0.0"."""
    with translated(msg("can't read libvirt's version")):
        return {"libvirt": _version(conn.handle.getLibVersion()), "qemu": _version(conn.handle.getVersion())}


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
