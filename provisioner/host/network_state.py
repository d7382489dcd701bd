"""What labs' networks need of this machine, and what stands in their way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provisioner.host.processes import answer, can_listen, is_installed

_TUN = Path("/dev/net/tun")
_FORWARDING = Path("/proc/sys/net/ipv4")
_DNS_PORT = 53
_DNS = f":{_DNS_PORT:04X}"
_UNUSED = "127.53.53.53"  # of the loopback, on which nobody listens in particular
_LISTENING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN, TCP_CLOSE (Linux, include/net/tcp_states.h)
_ADDRESS, _STATE, _INODE = 1, 3, 9  # columns of /proc/net/tcp and its like


@dataclass(frozen=True, slots=True)
class NetworkState:
    """``dns_taken_by``: the program that listens on port 53 of all addresses; "a program" where that is all
    that is known, and None where there is none."""

    has_tun: bool  # /dev/net/tun, by which QEMU attaches guests to bridges
    knows_tun: bool  # whether the kernel has tun devices
    can_forward: bool  # whether forwarding can be switched on
    sets_rules: bool  # whether iptables works, where it is installed and root asks
    dns_taken_by: str | None
    interfaces: frozenset[str]


def read() -> NetworkState:
    """This machine's state now."""
    return NetworkState(
        has_tun=_TUN.exists(),
        knows_tun=Path("/sys/class/misc/tun").exists(),
        can_forward=_writable(_FORWARDING),
        sets_rules=_iptables_works(),
        dns_taken_by=None if can_listen(_UNUSED, _DNS_PORT) else _dns_taken_by(Path("/proc")),
        interfaces=_interfaces(),
    )


def _interfaces() -> frozenset[str]:
    """From /proc, which is about this process's own network; /sys may be another's, as in some containers."""
    try:
        rows = Path("/proc/net/dev").read_text().splitlines()[2:]
    except OSError:
        return frozenset()
    return frozenset(row.partition(":")[0].strip() for row in rows)


def _writable(folder: Path) -> bool:
    """Whether the file system of the folder can be written to by those who may."""
    try:
        return not os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return True


def _iptables_works() -> bool:
    if os.geteuid() != 0 or not is_installed("iptables"):
        return True
    return answer("iptables", "-w", "-t", "nat", "-S") is not None


def _dns_taken_by(proc: Path) -> str | None:
    inodes = {inode for kind, state in _LISTENING.items() for inode in _everywhere(proc, kind, state)}
    if not inodes:
        return None
    return next((name for name in _owners(proc, inodes)), "a program")


def _everywhere(proc: Path, kind: str, state: str) -> Iterator[str]:
    """The inodes of sockets on port 53 of all addresses. One of IPv6 mostly takes IPv4's, too."""
    for file in (kind, f"{kind}6"):
        try:
            rows = (proc / "net" / file).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            address, found = fields[_ADDRESS], fields[_STATE]
            if found == state and address.endswith(_DNS) and not address.removesuffix(_DNS).strip("0"):
                yield fields[_INODE]


def _owners(proc: Path, inodes: set[str]) -> Iterator[str]:
    """The names of the processes that have one of these sockets; others' are seen only by root."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if any(str(file.readlink()) in wanted for file in (folder / "fd").iterdir()):
                yield (folder / "comm").read_text(errors="replace").strip()
        except OSError:
            continue  # it has ended, or is somebody else's
