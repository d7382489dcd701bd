"""Which range of addresses a network can have: a free /24, of the private ones or of those that were set.
Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from provisioner.language import joined, msg
from provisioner.model import naming

PREFIX = 24  # of a network's range
USER_SUBNET = IPv4Network("10.0.2.0/24")  # QEMU's user-mode networks; a machine inside a guest has one, too
_SHOWN = 3  # of the ranges in the way, for each block


# No outside: this host itself, what is on the same wire (where clouds keep a machine's keys), and what goes
# to many at once, which a bridge hands to its host, too.
_NO_OUTSIDE = tuple(map(IPv4Network, ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))


@dataclass(frozen=True, slots=True)
class Taken:
    """A range that somebody has. ``by`` says who: "network default", "a route over tun0"."""

    range: IPv4Network
    by: str


_USER_MODE = Taken(USER_SUBNET, msg("QEMU's user mode"))


@dataclass(frozen=True, slots=True)
class Block:
    """Addresses that are cut into ranges.

    A range that somebody has is in the way only where it lies within ``claim``. One that reaches beyond it is
    no claim on these addresses in particular: it is a default route, or one of several that stand for it, as
    a VPN sets them (0.0.0.0/1 and 128.0.0.0/1).
    """

    addresses: IPv4Network
    claim: IPv4Network
    count: int  # of ranges

    def in_the_way(self, taken: Sequence[Taken]) -> list[Taken]:
        """Those that overlap the block, the widest first, without those that lie within another one."""
        found: list[Taken] = []
        for each in sorted((*taken, _USER_MODE), key=lambda t: (t.range.prefixlen, t.range)):
            near = each.range.overlaps(self.addresses) and each.range.prefixlen >= self.claim.prefixlen
            if near and not any(each.range.subnet_of(wider.range) for wider in found):
                found.append(each)
        return found

    def _range(self, index: int) -> IPv4Network:
        return IPv4Network((int(self.addresses.network_address) + (index << (32 - PREFIX)), PREFIX))

    def free(self, start: int, taken: Sequence[Taken]) -> Iterator[IPv4Network]:
        """The free ranges, beginning with that of index ``start``."""
        others = [t.range for t in self.in_the_way(taken)]
        if any(other.supernet_of(self.addresses) for other in others):
            return
        for offset in range(self.count):
            candidate = self._range((start + offset) % self.count)
            if not any(candidate.overlaps(other) for other in others):
                yield candidate


def _private(addresses: str, claim: str) -> Block:
    """A block of RFC 1918, without its last range, which holds the block's own broadcast address."""
    network = IPv4Network(addresses)
    return Block(network, IPv4Network(claim), 2 ** (PREFIX - network.prefixlen) - 1)


# The first is where no router for homes, no libvirt and no Docker begins.
PRIVATE = (
    _private("192.168.128.0/17", "192.168.0.0/16"),
    _private("172.16.0.0/12", "172.16.0.0/12"),
    _private("10.0.0.0/8", "10.0.0.0/8"),
)


def blocks(chosen: Sequence[IPv4Network]) -> tuple[Block, ...]:
    """The blocks to take ranges of: those that were set, where some were. They have room for a range each.

    A route that is wider than a block that was set is not in the way: who set it knows that it is free.
    """
    return tuple(Block(n, n, 2 ** (PREFIX - n.prefixlen)) for n in chosen) or PRIVATE


def subnets(
    instance: naming.Instance, network: str, taken: Sequence[Taken], among: Sequence[Block] = PRIVATE
) -> Iterator[IPv4Network]:
    """Free ranges for a network of the instance, its preferred one first."""
    for block in among:
        yield from block.free(instance.subnet_start(network, block.count), taken)


def closed(
    own: IPv4Network,
    host: Sequence[IPv4Network],
    others: Sequence[IPv4Network],
    routes: Sequence[Taken] = (),
) -> list[IPv4Network]:
    """What guests on the network ``own`` can't send to although they reach the outside, in few ranges.

    ``host``: what the host takes for itself; ``others``: ranges of libvirt's networks; ``routes``: the
    host's. The block from which labs' networks come first is closed as a whole, so that another lab changes
    nothing, unless something else is there.
    """
    block = PRIVATE[0]
    foreign = [each for each in routes if each.range not in others]
    labs = [] if any(each in foreign for each in block.in_the_way(foreign)) else [block.addresses]
    wanted = (each for each in (*_NO_OUTSIDE, *host, *others, *labs) if not each.subnet_of(own))
    return list(collapse_addresses(wanted))


def told(taken: Sequence[Taken], among: Sequence[Block]) -> str:
    """What is in the way of each block, in one line."""
    return joined(
        "; ",
        (
            msg("in {addresses} {taken}", addresses=block.addresses, taken=_listed(block.in_the_way(taken)))
            for block in among
        ),
    )


def _listed(taken: Sequence[Taken]) -> str:
    shown = [msg("{by} has {range}", by=t.by, range=t.range) for t in taken[:_SHOWN]]
    if len(taken) > len(shown):
        shown.append(msg("and so on ({count} in all)", count=len(taken)))
    return joined(", ", shown)
