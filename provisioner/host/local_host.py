"""What is read of the host without libvirt: one interface, whose answers may be "not available".

``LocalHost`` reads this machine; ``unknown_host`` stands for one that only libvirt reaches.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from provisioner.host import permissions, routing
from provisioner.model.ranges import Taken

if TYPE_CHECKING:
    from provisioner.host.firewall import Firewall
    from provisioner.host.network_state import NetworkState

_T = TypeVar("_T")

_LOG_TAIL = 16 * 1024
_STOPPED = ("T", "t")  # by a signal, by a debugger: states in /proc/PID/stat, see proc(5)


@dataclass(frozen=True, slots=True)
class KvmDevice:
    """/dev/kvm: whether it exists, who owns it, and whether this process can open it."""

    exists: bool
    uid: int = 0
    gid: int = 0
    mode: int = 0
    opens: bool = False

    def open_to(self, uid: int, gids: Sequence[int]) -> bool:
        """Whether a process of that user and those groups may read and write it."""
        return self.exists and permissions.may(self.uid, self.gid, self.mode, uid, gids, wanted=6)

    def is_usual(self, kvm_group: int | None) -> bool:
        """Whether it has the permissions that udev gives it: open to the group kvm, or to everybody."""
        return self.mode & 0o006 == 0o006 or (self.gid == kvm_group and self.mode & 0o060 == 0o060)


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts about a machine on which measured numbers depend. A field is empty where it can't be read."""

    processor: str
    cores: int  # that this process may use
    kernel: str
    load: float | None  # of the last minute


@dataclass(frozen=True, slots=True)
class HostThread:
    """A thread of a process, and the processor time that it has used."""

    tid: int
    name: str  # "CPU 0/KVM", "IO mon_iothread"
    seconds: float


@dataclass(frozen=True, slots=True)
class HostProcess:
    """A guest as the host's kernel sees it."""

    pid: int
    user: str
    resident: int  # bytes of it that are in memory
    seconds: float  # of processor time, all its threads together
    threads: tuple[HostThread, ...]


@dataclass(frozen=True, slots=True)
class Storage:
    """What a folder lies on."""

    file_system: str
    drivers: tuple[str, ...]  # of the disk below it, from its own towards the bus; empty where there is none


class Host(Protocol):
    """Facts that libvirt does not give. None stands for what can't be known."""

    def kvm(self) -> KvmDevice | None: ...
    def nested_kvm(self) -> bool | None: ...
    def processor_flags(self) -> frozenset[str] | None: ...
    def routes(self) -> list[Taken] | None: ...
    def network_state(self) -> NetworkState | None: ...
    def firewall(self) -> Firewall | None: ...
    def own_ranges(self) -> list[IPv4Network] | None: ...
    def groups_of(self, uid: int) -> list[int] | None: ...
    def group_id(self, name: str) -> int | None: ...
    def free_memory(self) -> int | None: ...
    def free_disk(self, path: str) -> int | None: ...
    def barred(self, path: str, uid: int, groups: Sequence[int]) -> str | None: ...
    def missing_programs(self, names: Sequence[str]) -> list[str]: ...
    def qemu_log(self, domain: str, *, session: bool) -> str | None: ...
    def qemu_log_file(self, domain: str, *, session: bool) -> Path | None: ...
    def machine(self) -> Machine | None: ...
    def qemu_processes(self, domains: Sequence[str]) -> dict[str, HostProcess]: ...
    def stopped_qemus(self, domains: Sequence[str]) -> dict[str, int]: ...
    def storage(self, path: str) -> Storage | None: ...
    def bridge_ports(self, bridge: str) -> frozenset[str] | None: ...


class LocalHost:
    """This machine, through /proc, /dev and the account database."""

    def kvm(self) -> KvmDevice | None:
        try:
            info = Path("/dev/kvm").stat()
        except FileNotFoundError:
            return KvmDevice(exists=False)
        except OSError:
            return None
        if not stat.S_ISCHR(info.st_mode):
            return KvmDevice(exists=False)
        try:
            os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
            opens = True
        except OSError:
            opens = False
        return KvmDevice(True, info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode), opens)

    def processor_flags(self) -> frozenset[str] | None:
        try:
            with Path("/proc/cpuinfo").open() as lines:
                for line in lines:
                    name, _, value = line.partition(":")
                    if name.strip() == "flags":
                        return frozenset(value.split())
        except OSError:
            pass
        return None

    def routes(self) -> list[Taken] | None:
        return routing.routes()

    def own_ranges(self) -> list[IPv4Network] | None:
        return routing.own_ranges()

    def bridge_ports(self, bridge: str) -> frozenset[str] | None:
        """The interfaces that are attached to a bridge. None where none of that name is seen."""
        return routing.bridge_ports(bridge)

    def network_state(self) -> NetworkState:
        from provisioner.host import network_state  # few verbs ask, and status must be quick

        return network_state.read()

    def firewall(self) -> Firewall:
        from provisioner.host import firewall

        return firewall.found()

    def groups_of(self, uid: int) -> list[int] | None:
        import pwd

        try:
            user = pwd.getpwuid(uid)
        except KeyError:
            return None
        return os.getgrouplist(user.pw_name, user.pw_gid)

    def group_id(self, name: str) -> int | None:
        """The number of a group; None where there is none of that name."""
        import grp

        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None

    def nested_kvm(self) -> bool | None:
        """Whether KVM gives its guests a working KVM of their own."""
        for module in ("kvm_intel", "kvm_amd"):
            try:
                told = Path(f"/sys/module/{module}/parameters/nested").read_text().strip()
            except OSError:
                continue
            return told in ("1", "Y")
        return None

    def free_memory(self) -> int | None:
        """Bytes that new processes can have without swapping."""
        try:
            for line in Path("/proc/meminfo").read_text().splitlines():
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        return None

    def free_disk(self, path: str) -> int | None:
        """Bytes free to this user on the file system of ``path``, or of its nearest folder that exists."""
        place = Path(path)
        for folder in (place, *place.parents):
            try:
                info = os.statvfs(folder)
            except OSError:
                continue
            return info.f_bavail * info.f_frsize
        return None

    def barred(self, path: str, uid: int, groups: Sequence[int]) -> str | None:
        """See ``permissions.barred``."""
        return permissions.barred(path, uid, groups)

    def missing_programs(self, names: Sequence[str]) -> list[str]:
        """Which of these programs are not installed in any of the system's usual folders."""
        import shutil

        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
        return [name for name in names if shutil.which(name, path=places) is None]

    def qemu_log(self, domain: str, *, session: bool) -> str | None:
        """The end of QEMU's own log of a domain, at most 16 KiB."""
        try:
            with self.qemu_log_file(domain, session=session).open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - _LOG_TAIL))
                return log.read().decode(errors="replace")
        except OSError:
            return None

    def qemu_log_file(self, domain: str, *, session: bool) -> Path:
        """Where QEMU's own log of a domain is, whether or not it is there and can be read."""
        if session:
            import platformdirs

            folder = platformdirs.user_cache_path("libvirt") / "qemu" / "log"
        else:
            folder = Path("/var/log/libvirt/qemu")
        return folder / f"{domain}.log"

    def machine(self) -> Machine:
        system = os.uname()
        try:
            load: float | None = os.getloadavg()[0]
        except OSError:
            load = None
        cores = len(os.sched_getaffinity(0))
        return Machine(_processor(), cores, f"{system.sysname} {system.release}", load)

    def qemu_processes(self, domains: Sequence[str]) -> dict[str, HostProcess]:
        """The QEMU processes of domains, by the domain's name; those that are found."""
        return _of_qemus(domains, _process)

    def stopped_qemus(self, domains: Sequence[str]) -> dict[str, int]:
        """The process ids of those domains whose QEMU a signal or a debugger stopped, by the domain's
        name."""
        states = _of_qemus(domains, lambda folder: (_fields(folder)[0], int(folder.name)))
        return {name: pid for name, (state, pid) in states.items() if state in _STOPPED}

    def storage(self, path: str) -> Storage | None:
        """The file system and disk of that folder, or of the nearest folder above it that exists."""
        place = Path(path)
        for folder in (place, *place.parents):
            try:
                device = folder.stat().st_dev
            except OSError:
                continue
            number = f"{os.major(device)}:{os.minor(device)}"
            return Storage(_file_system(number), _drivers(Path("/sys/dev/block") / number))
        return None


def _of_qemus(domains: Sequence[str], read: Callable[[Path], _T]) -> dict[str, _T]:
    """What is read in the folder in /proc of the QEMU of each domain, by the domain's name; of those that are
    found."""
    starts = {f"guest={domain}".encode(): domain for domain in domains}
    found: dict[str, _T] = {}
    for folder in Path("/proc").iterdir() if starts else ():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"-name" not in words or b"qemu" not in words[0]:
                continue
            name = words[words.index(b"-name") + 1].partition(b",")[0]
            if name in starts:
                found[starts[name]] = read(folder)
        except (OSError, ValueError, IndexError):
            continue  # it has ended meanwhile
    return found


def _process(folder: Path) -> HostProcess:
    import pwd

    uid = folder.stat().st_uid
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    pages = int((folder / "statm").read_text().split()[1])
    threads = []
    for task in sorted((folder / "task").iterdir(), key=lambda task: int(task.name)):
        try:
            threads.append(
                HostThread(int(task.name), (task / "comm").read_text().strip(), _processor_seconds(task))
            )
        except OSError:
            continue  # it has ended meanwhile
    resident = pages * os.sysconf("SC_PAGE_SIZE")
    return HostProcess(int(folder.name), user, resident, _processor_seconds(folder), tuple(threads))


def _processor_seconds(folder: Path) -> float:
    """User and system time of a process or thread, in seconds."""
    fields = _fields(folder)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _fields(folder: Path) -> list[str]:
    """The fields of its file ``stat`` from the state on, see proc(5). Its name, in brackets before them, may
    hold anything."""
    return (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()


def _file_system(number: str) -> str:
    """The kind of the file system on the device of that number."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        before, _, after = line.partition(" - ")
        if before.split()[2] == number and after:
            return after.split()[0]
    return ""


def _drivers(device: Path) -> tuple[str, ...]:
    """The drivers behind a block device, as sysfs shows them."""
    try:
        place = device.resolve(strict=True)
    except OSError:
        return ()
    drivers = []
    while place != place.parent and place.name != "devices":
        driver = place / "driver"
        if driver.exists():
            drivers.append(driver.resolve().name)
        place = place.parent
    return tuple(drivers)


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open() as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return ""


def user_name() -> str:
    """The account that this process runs as."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid-{os.geteuid()}"
