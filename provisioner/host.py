"""What is read of the host outside libvirt's API: one interface, which may answer "not available".

``LocalHost`` reads this machine. ``UnknownHost`` stands for a machine that only libvirt reaches:
every answer of it is None or empty.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Protocol

_LOG_TAIL = 16 * 1024


@dataclass(frozen=True, slots=True)
class KvmDevice:
    """/dev/kvm: whether it is there, whose it is, and whether this process can open it."""

    exists: bool
    uid: int = 0
    gid: int = 0
    mode: int = 0
    opens: bool = False

    def open_to(self, uid: int, gids: Sequence[int]) -> bool:
        """Whether a process of that user and those groups may read and write it."""
        if not self.exists:
            return False
        if uid == 0:
            return True
        if uid == self.uid:
            bits = self.mode >> 6
        elif self.gid in gids:
            bits = self.mode >> 3
        else:
            bits = self.mode
        return bits & 6 == 6


class Host(Protocol):
    """Facts that libvirt does not give; None where they can't be had."""

    def kvm(self) -> KvmDevice | None: ...
    def processor_flags(self) -> frozenset[str] | None: ...
    def routes(self) -> list[IPv4Network] | None: ...
    def groups_of(self, uid: int) -> list[int] | None: ...
    def free_memory(self) -> int | None: ...
    def free_disk(self, path: str) -> int | None: ...
    def missing_programs(self, names: Sequence[str]) -> list[str]: ...
    def qemu_log(self, domain: str, *, session: bool) -> str | None: ...


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

    def routes(self) -> list[IPv4Network] | None:
        """The IPv4 networks that this host has a route to, the default route left out."""
        try:
            lines = Path("/proc/net/route").read_text().splitlines()[1:]
        except OSError:
            return None
        found = []
        for line in lines:
            fields = line.split()
            if len(fields) < 8 or fields[7] == "00000000":
                continue
            address = IPv4Address(int.from_bytes(bytes.fromhex(fields[1]), "little"))
            mask = IPv4Address(int.from_bytes(bytes.fromhex(fields[7]), "little"))
            found.append(IPv4Network(f"{address}/{mask}", strict=False))
        return found

    def groups_of(self, uid: int) -> list[int] | None:
        import pwd

        try:
            user = pwd.getpwuid(uid)
        except KeyError:
            return None
        return os.getgrouplist(user.pw_name, user.pw_gid)

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

    def missing_programs(self, names: Sequence[str]) -> list[str]:
        """Those programs that the system has in none of its folders for them."""
        import shutil

        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
        return [name for name in names if shutil.which(name, path=places) is None]

    def qemu_log(self, domain: str, *, session: bool) -> str | None:
        """The end of QEMU's own log of a domain, at most 16 KiB."""
        if session:
            import platformdirs

            folder = platformdirs.user_cache_path("libvirt") / "qemu" / "log"
        else:
            folder = Path("/var/log/libvirt/qemu")
        try:
            with (folder / f"{domain}.log").open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - _LOG_TAIL))
                return log.read().decode(errors="replace")
        except OSError:
            return None


class UnknownHost:
    """A machine of which nothing is known but what libvirt tells."""

    def kvm(self) -> KvmDevice | None:
        return None

    def processor_flags(self) -> frozenset[str] | None:
        return None

    def routes(self) -> list[IPv4Network] | None:
        return None

    def groups_of(self, uid: int) -> list[int] | None:
        del uid
        return None

    def free_memory(self) -> int | None:
        return None

    def free_disk(self, path: str) -> int | None:
        del path
        return None

    def missing_programs(self, names: Sequence[str]) -> list[str]:
        del names
        return []

    def qemu_log(self, domain: str, *, session: bool) -> str | None:
        del domain, session
        return None


def user_name() -> str:
    """The account that this process runs as."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid-{os.geteuid()}"
