"""This machine's IPv4 routes and addresses, as the kernel shows them in /proc/net, and its bridges."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from provisioner.language import msg
from provisioner.model.ranges import Taken

# A leaf of the kernel's table of routes, with a line for each of its routes (Linux, net/ipv4/fib_trie.c).
_LEAF = re.compile(r"\|-- ([0-9.]+)\n((?: +/[0-9]+ .*\n)+)")
_OWN = re.compile(r"/([0-9]+) \S+ (?:LOCAL|BROADCAST)\b")


def routes() -> list[Taken] | None:
    """The IPv4 networks to which this host has a route, without the default route. None where it can't be
    read."""
    try:
        lines = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:
        return None
    networks = []
    for line in lines:
        fields = line.split()
        if len(fields) < 8 or fields[7] == "00000000":
            continue
        address = IPv4Address(int.from_bytes(bytes.fromhex(fields[1]), "little"))
        mask = IPv4Address(int.from_bytes(bytes.fromhex(fields[7]), "little"))
        networks.append(
            Taken(
                IPv4Network(f"{address}/{mask}", strict=False),
                msg("a route over {interface}", interface=fields[0]),
            )
        )
    return networks


def own_ranges() -> list[IPv4Network] | None:
    """What this host takes for itself when it is sent to: its addresses, and those for all on one of its
    networks. None where it can't be read."""
    try:
        table = Path("/proc/net/fib_trie").read_text()
    except OSError:
        return None
    return own_in(table)


def bridge_ports(bridge: str) -> frozenset[str] | None:
    """The interfaces that are attached to a bridge of this host. None where none of that name is seen: in
    some containers /sys is about another network than theirs."""
    try:
        return frozenset(port.name for port in Path(f"/sys/class/net/{bridge}/brif").iterdir())
    except OSError:
        return None


def own_in(table: str) -> list[IPv4Network]:
    """The same, of the text of /proc/net/fib_trie; each range once."""
    found = {
        IPv4Network(f"{address}/{length}")
        for address, lines in _LEAF.findall(table)
        for length in _OWN.findall(lines)
    }
    return sorted(found)
