"""Guests that are cut off from a network which is there: somebody stopped it and started it again.

libvirt makes another bridge then, and does not attach the guests' interfaces to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from provisioner import errors
from provisioner.host.local_host import Host
from provisioner.hypervisor.connection import Connection
from provisioner.model.observed import Observed, ObservedDomain, ObservedNetwork

_RUNS = ("running", "paused")


def marked(conn: Connection, host: Host, observed: Observed) -> Observed:
    """The same, with the networks that each guest is cut off from, as far as the host knows.

    libvirt is asked only where a bridge has fewer interfaces than guests have cards on it.
    """
    short = {
        network.name: (network, ports)
        for network in observed.networks
        if network.active and (ports := host.bridge_ports(network.bridge)) is not None
        if len(ports) < sum(len(_macs(domain, network)) for domain in observed.domains)
    }
    if not short:
        return observed
    return replace(observed, domains=tuple(_marked(conn, domain, short) for domain in observed.domains))


def _macs(domain: ObservedDomain, network: ObservedNetwork) -> set[str]:
    """The cards that a guest has on a network, if it runs."""
    if domain.instance != network.instance or domain.state not in _RUNS:
        return set()
    return {each.mac for each in domain.metadata.addresses if each.network == network.network}


def _marked(
    conn: Connection, domain: ObservedDomain, short: Mapping[str, tuple[ObservedNetwork, frozenset[str]]]
) -> ObservedDomain:
    if not any(_macs(domain, network) for network, _ in short.values()):
        return domain
    interfaces: Mapping[str, str] = {}
    with suppress(errors.HypervisorError):  # it has gone meanwhile
        interfaces = conn.domain(domain.name).interfaces()
    lost = {
        network.network
        for network, ports in short.values()
        for mac in _macs(domain, network) & interfaces.keys()
        if interfaces[mac] not in ports
    }
    return replace(domain, cut_off=tuple(sorted(lost)))
