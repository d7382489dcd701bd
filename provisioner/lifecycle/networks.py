"""The networks of an instance: each gets a free range, and its guests get addresses in it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from provisioner import errors, render
from provisioner.backends.session import Session
from provisioner.listener import Listener
from provisioner.model import plan
from provisioner.model.lab import Lab, Network
from provisioner.model.metadata import Address, NetworkMetadata, Origin
from provisioner.model.observed import Observed
from provisioner.model.plan import Step, Verb

_TRIES = 8


class Networks:
    """Makes, keeps and removes the networks of one instance."""

    def __init__(self, session: Session, lab: Lab, origin: Origin, observed: Observed) -> None:
        self._session = session
        self._lab = lab
        self._origin = origin
        self._seen = observed
        self._subnets = {n.network: ipaddress.IPv4Network(n.metadata.subnet) for n in observed.networks}
        self._kept = frozenset(self._subnets)
        self._made: list[str] = []

    def carry_out(self, steps: Sequence[Step], listener: Listener) -> dict[str, tuple[Address, ...]]:
        """Does the steps, and returns the addresses of each guest's interfaces.

        Where another user takes a range that was chosen at the same moment, another one is chosen.
        """
        if self._session.is_session:
            return plan.addresses(self._lab, self._origin, self._seen, plan.user_ranges(self._lab))
        for tries_left in reversed(range(_TRIES)):
            ranges = self._ranges(steps)
            addresses = plan.addresses(self._lab, self._origin, self._seen, ranges)
            try:
                for step in steps:
                    self._do(step, addresses, listener)
            except errors.HypervisorError:
                if not tries_left or not self._lost_a_range():
                    raise
            else:
                break
        return addresses

    def _ranges(self, steps: Sequence[Step]) -> plan.Ranges:
        """Subnet and gateway of each network that the steps keep or make."""
        taken = self._taken()
        networks = {network.name: network for network in self._lab.networks}
        ranges: plan.Ranges = {}
        for step in steps:
            if step.verb is Verb.REMOVE:
                continue
            network = networks[step.name]
            if step.name not in self._subnets:
                self._subnets[step.name] = self._free(network, taken)
                taken.append(self._subnets[step.name])
            subnet = self._subnets[step.name]
            ranges[step.name] = (subnet, render.gateway(network, subnet))
        return ranges

    def _taken(self) -> list[ipaddress.IPv4Network]:
        used = [ipaddress.ip_interface(text).network for text in self._session.conn.subnets_in_use()]
        routes = self._session.host.routes() or []
        return [*(n for n in used if isinstance(n, ipaddress.IPv4Network)), *routes]

    def _free(self, network: Network, taken: list[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
        for subnet in plan.subnets(self._origin.key, network.name, taken):
            return subnet
        raise errors.HypervisorError(
            f"no free range for network {network.name}: all of 192.168.128.0 to 192.168.254.0 is in use",
            hint="end labs that nobody needs: {virtlab} status, {virtlab} down LAB",
        )

    def _lost_a_range(self) -> bool:
        """Forgets the ranges of networks that are not made yet and are in use now. Whether there were any."""
        taken = self._taken()
        lost = [
            name
            for name, subnet in self._subnets.items()
            if name not in self._kept
            and self._origin.key.network(name) not in self._made
            and any(subnet.overlaps(t) for t in taken)
        ]
        for name in lost:
            del self._subnets[name]
        return bool(lost)

    def _do(self, step: Step, addresses: dict[str, tuple[Address, ...]], listener: Listener) -> None:
        conn, name = self._session.conn, self._origin.key.network(step.name)
        if name in self._made:
            return
        if step.verb is Verb.REMOVE:
            conn.remove_network(name)
            return
        hosts = [(guest, a) for guest, own in addresses.items() for a in own if a.network == step.name]
        if step.verb in (Verb.KEEP, Verb.START):
            if step.verb is Verb.START:
                conn.network(name).start()
            conn.network(name).set_hosts(render.dhcp_hosts(hosts))
            return
        listener.phase(f"network {step.name}", "starting")
        conn.remove_network(name)
        network = next(n for n in self._lab.networks if n.name == step.name)
        subnet = self._subnets[step.name]
        mark = NetworkMetadata(self._origin, network, str(subnet))
        conn.create_network(render.network_xml(network, mark, hosts))
        self._made.append(name)
        listener.done(f"network {step.name}", f"{network.mode}, {subnet}")

    def undo(self) -> list[errors.VirtlabError]:
        """Removes the networks that this run made, and returns what could not be."""
        failures: list[errors.VirtlabError] = []
        for name in self._made:
            try:
                self._session.conn.remove_network(name)
            except errors.VirtlabError as error:
                failures.append(error)
        return failures
