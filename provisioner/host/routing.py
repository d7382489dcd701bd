"""This machine's IPv4 routes and addresses, as the kernel shows them in /proc/net, and its bridges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from provisioner.language import msg
from provisioner.model.ranges import Taken

_ROUTES = Path("/proc/net/route")
_INTERFACES = Path("/sys/class/net")

# A leaf of the kernel's table of routes, with a line for each of its routes (Linux, net/ipv4/fib_trie.c).
_LEAF = re.compile(r"\|-- ([0-9.]+)\n((?: +/[0-9]+ .*\n)+)")
_OWN = re.compile(r"/([0-9]+) \S+ (?:LOCAL|BROADCAST)\b")


def routes() -> list[Taken] | None:
    """The IPv4 networks to which this host has a route, without the default route. None where it can't be
    read."""
    try:
        table = _ROUTES.read_text()
    except OSError:
        return None
    return [
        Taken(network, msg("a route over {interface}", interface=interface))
        for interface, network in _rows(table)
        if network.prefixlen
    ]


def _rows(table: str) -> Iterator[tuple[str, IPv4Network]]:
    """Each route of the text of /proc/net/route: its interface, and where it leads."""
    for fields in map(str.split, table.splitlines()[1:]):
        if len(fields) >= 8:
            address, mask = (
                IPv4Address(int.from_bytes(bytes.fromhex(fields[at]), "little")) for at in (1, 7)
            )
            yield fields[0], IPv4Network(f"{address}/{mask}", strict=False)


def own_ranges() -> list[IPv4Network] | None:
    """What stays inside this host when it is sent to: its addresses, those for all on one of its networks,
    and networks that no hardware leads to, such as those of containers. None where it can't be read."""
    try:
        return [*own_in(Path("/proc/net/fib_trie").read_text()), *inner_in(_ROUTES.read_text(), _INTERFACES)]
    except OSError:
        return None


def bridge_ports(bridge: str) -> frozenset[str] | None:
    """The interfaces that are attached to a bridge of this host. None where none of that name is seen: in
    some containers /sys is about another network than theirs."""
    try:
        return frozenset(port.name for port in (_INTERFACES / bridge / "brif").iterdir())
    except OSError:
        return None


def inner_in(table: str, interfaces: Path) -> list[IPv4Network]:
    """The networks on bridges that no hardware is attached to, of the text of /proc/net/route; each once.

    ``interfaces`` is the folder /sys/class/net. A bridge of the default route leads outside, whatever it is
    made of: what a container has for hardware is none.
    """
    rows = list(_rows(table))
    outside = {interface for interface, network in rows if not network.prefixlen}
    inner = {interface for interface, _ in rows if _is_inner(interfaces / interface)} - outside
    return sorted({network for interface, network in rows if interface in inner})


def _is_inner(bridge: Path) -> bool:
    try:
        return not any(_is_hardware(bridge.parent / port.name) for port in (bridge / "brif").iterdir())
    except OSError:
        return False  # it is no bridge


def _is_hardware(interface: Path) -> bool:
    """Whether it is a device, or stands on one, as a VLAN or a bond does."""
    below = (interface.parent / link.name.removeprefix("lower_") for link in interface.glob("lower_*"))
    return (interface / "device").exists() or any(map(_is_hardware, below))


def own_in(table: str) -> list[IPv4Network]:
    """What this host takes for itself, of the text of /proc/net/fib_trie; each range once."""
    found = {
        IPv4Network(f"{address}/{length}")
        for address, lines in _LEAF.findall(table)
        for length in _OWN.findall(lines)
    }
    return sorted(found)
