"""What stands between the guests of a lab and their host: a filter of libvirt's for each network.

A host takes what is sent to any of its addresses, whichever network it comes from. So the filter of a NAT
network names all of them, and is written anew where they have changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Network

from provisioner import errors, render
from provisioner.backends.session import Session
from provisioner.host import lock
from provisioner.language import msg
from provisioner.model import naming, ranges
from provisioner.model.naming import Instance
from provisioner.model.observed import ObservedFilter, ObservedNetwork

PROGRAM = "ebtables"  # by which libvirt sets the rules of a filter
PACKAGE = "iptables"  # which has it


def is_possible(session: Session) -> bool:
    """Whether libvirt has the program by which it keeps guests from the host, as far as that is known."""
    return not session.host.missing_programs([PROGRAM])


def check(session: Session) -> None:
    """Raises HypervisorError where libvirt could not keep guests from the host."""
    if not is_possible(session):
        raise errors.HypervisorError(
            msg(
                "libvirt keeps guests from this host by the program {program}, which is missing",
                program=PROGRAM,
            ),
            hint=msg(
                "install it (sudo apt-get install -y {package}); or, where you trust the lab, let "
                "its guests reach this host: --trust",
                package=PACKAGE,
            ),
        )


def put_up(session: Session, networks: Sequence[ObservedNetwork]) -> None:
    """Makes the filters of these networks, or brings them up to date.

    The caller holds the instance's lock.
    """
    for network, xml in _definitions(session, networks):
        session.conn.define_filter(xml, network.instance.filter(network.network))


def refresh(session: Session, instance: Instance) -> None:
    """Brings the filters of an instance up to date where they are there.

    Where there is none, the lab is trusted, or an earlier virtlab brought it up. Where another virtlab is at
    work on the instance, it is left to that one.
    """
    if not session.is_session and _stale(session, instance):
        with suppress(errors.Busy), lock.held(session.lock_name(instance.name), None, timeout=0):
            put_up(session, _stale(session, instance))  # it may have been taken away meanwhile


def refresh_others(session: Session, instance: Instance) -> None:
    """The same for all instances of the user but this one: its networks gave the host addresses."""
    for other in sorted({each.instance for each in session.look(volumes=False).filters} - {instance}):
        refresh(session, other)


def put_up_for_clones(session: Session, networks: Sequence[ObservedNetwork], ports: Sequence[int]) -> None:
    """Makes filters for clones of the guests on these networks, which reach those ports of the gateway, too.

    Guests have other filters, because libvirt takes seconds to change the rules of all who have one.
    """
    for network, xml in _definitions(session, networks, ports):
        session.conn.define_filter(xml, network.instance.filter(naming.clone(network.network)))


def take_down(session: Session, filters: Sequence[ObservedFilter]) -> list[errors.VirtlabError]:
    """Removes these filters, which no running guest may have any more. Returns what could not be."""
    failures: list[errors.VirtlabError] = []
    for each in filters:
        try:
            session.conn.remove_filter(each.name)
        except errors.VirtlabError as error:
            failures.append(error)
    return failures


def _stale(session: Session, instance: Instance) -> list[ObservedNetwork]:
    """The networks of an instance whose filters are there and do not say what they should."""
    observed = session.look(volumes=False).of(instance)
    there = {each.network for each in observed.filters}
    return [
        network
        for network, xml in _definitions(
            session, [each for each in observed.networks if each.network in there]
        )
        if not session.conn.filter_says(instance.filter(network.network), xml)
    ]


def _definitions(
    session: Session, networks: Sequence[ObservedNetwork], clones: Sequence[int] | None = None
) -> Iterator[tuple[ObservedNetwork, str]]:
    """What the filter of each network should say now; ``clones`` as of ``render.filter_xml``."""
    if not networks:
        return
    host, routes = session.host.own_ranges() or [], session.host.routes() or []
    others = [taken.range for taken in session.conn.ranges_in_use()]
    for each in networks:
        subnet = IPv4Network(each.metadata.subnet)
        closed = ranges.closed(subnet, host, others, routes)
        yield each, render.filter_xml(each.instance, each.metadata.network, subnet, closed, clones=clones)
