"""The networks of an instance: each gets a free range, and its guests get addresses in it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from provisioner import errors, render, side_by_side
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.language import msg
from provisioner.lifecycle import host_checks, shield
from provisioner.lifecycle.free_ranges import free_range, taken_here
from provisioner.listener import Listener
from provisioner.model import plan
from provisioner.model.lab import Lab
from provisioner.model.metadata import Address, NetworkMetadata, Origin
from provisioner.model.observed import Observed
from provisioner.model.plan import Step, Verb
from provisioner.model.ranges import Taken

_LOG = msg("libvirt's own log may say more: sudo journalctl -u libvirtd -u virtnetworkd -n 20")


class Networks:
    """Makes, keeps and removes the networks of one instance."""

    def __init__(
        self, session: Session, lab: Lab, origin: Origin, observed: Observed, cancelled: Cancellation
    ) -> None:
        """``cancelled``: of the run, told what would stay behind."""
        self._session = session
        self._lab = lab
        self._origin = origin
        self._seen = observed
        self._cancelled = cancelled
        self._subnets = {n.network: IPv4Network(n.metadata.subnet) for n in observed.networks}
        self._kept = frozenset(self._subnets)
        self._made: set[str] = set()  # by libvirt's names
        self._begun: dict[str, str] = {}  # libvirt's name -> the lab's; some of these may not be made
        self._has_filters = False  # whether this run made some, or began to

    def carry_out(self, steps: Sequence[Step], listener: Listener) -> dict[str, tuple[Address, ...]]:
        """Does the steps, and returns the addresses of each guest's interfaces.

        Where another user takes a range that was chosen at the same moment, another one is chosen, as long as
        one is free. Raises Cancelled before such a new choice.
        """
        if self._session.is_session:
            return plan.addresses(self._lab, self._origin, self._seen, plan.user_ranges(self._lab))
        if not self._origin.trusted:
            shield.check(self._session)
        while True:
            addresses = plan.addresses(self._lab, self._origin, self._seen, self._ranges(steps))
            try:
                for step in steps:
                    self._do(step, addresses, listener)
            except errors.HypervisorError as error:
                if isinstance(error, errors.ConnectionFailed):
                    raise
                if not self._lost_a_range():
                    self._check_kept(steps)
                    host_checks.explain(self._session, error, _LOG)
                    raise
                side_by_side.check(self._cancelled)
            else:
                self._put_up_filters()
                return addresses

    def settle(self, listener: Listener) -> None:
        """Once the guests are up: brings their filters up to date, and those of the user's other labs.

        Filters that nobody needs any more are removed.
        """
        if self._session.is_session:
            return
        self._put_up_filters()
        for failure in self._take_down_filters():
            listener.note(
                msg(
                    "not removed: {message} ({virtlab} down {instance})",
                    message=failure.message,
                    instance=self._origin.instance,
                )
            )
        shield.refresh_others(self._session, self._origin.key)

    def _put_up_filters(self) -> None:
        """Makes the filters of the lab's networks. A lab that is trusted has none."""
        if not self._origin.trusted:
            self._has_filters = True
            there = self._session.look(volumes=False).of(self._origin.key).networks
            used = {i.network for guest in self._lab.top_level for i in guest.interfaces}
            shield.put_up(self._session, [network for network in there if network.network in used])

    def _take_down_filters(self) -> list[errors.VirtlabError]:
        """Removes the filters that no guest of the lab has any more. Returns what could not be."""
        try:
            observed = self._session.look(volumes=False).of(self._origin.key)
        except errors.VirtlabError as error:
            return [error]
        trusted, networks = self._origin.trusted, {each.network for each in observed.networks}
        unused = tuple(each for each in observed.filters if trusted or each.network not in networks)
        return shield.take_down(self._session, unused)

    def _ranges(self, steps: Sequence[Step]) -> plan.Ranges:
        """Subnet and gateway of each network that the steps keep or make."""
        taken = taken_here(self._session)
        networks = {network.name: network for network in self._lab.networks}
        found: plan.Ranges = {}
        for step in steps:
            if step.verb is Verb.REMOVE:
                continue
            network = networks[step.name]
            if step.name not in self._subnets:
                self._subnets[step.name] = free_range(self._origin.key, network.name, taken)
                taken.append(
                    Taken(self._subnets[step.name], msg("network {name} of this lab", name=network.name))
                )
            subnet = self._subnets[step.name]
            found[step.name] = (subnet, render.gateway(network, subnet))
        return found

    def _lost_a_range(self) -> bool:
        """Forgets the ranges of networks that are not made yet and are in use now. Whether there were any."""
        taken = taken_here(self._session)
        lost = [
            name
            for name, subnet in self._subnets.items()
            if name not in self._kept
            and self._origin.key.network(name) not in self._made
            and any(subnet.overlaps(t.range) for t in taken)
        ]
        for name in lost:
            del self._subnets[name]
        return bool(lost)

    def _check_kept(self, steps: Sequence[Step]) -> None:
        """Raises ConflictError where somebody has the range of a network that was stopped."""
        for step in steps:
            if step.verb is not Verb.START:
                continue
            name, subnet = self._origin.key.network(step.name), self._subnets[step.name]
            for other in taken_here(self._session):
                wide = other.range.prefixlen < subnet.prefixlen
                if other.by != msg("network {name}", name=name) and other.range.overlaps(subnet) and not wide:
                    raise errors.ConflictError(
                        msg(
                            "network {name} can't start again: {by} has its range, {subnet}",
                            name=step.name,
                            by=other.by,
                            subnet=subnet,
                        ),
                        hint=msg(
                            "to get another one: {virtlab} down {instance}, then {again}",
                            instance=self._origin.instance,
                            again=self._origin.typed.up(),
                        ),
                    )

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
        listener.phase(msg("network {name}", name=step.name), msg("starting"))
        conn.remove_network(name)
        network = next(n for n in self._lab.networks if n.name == step.name)
        subnet = self._subnets[step.name]
        mark = NetworkMetadata(self._origin, network, str(subnet))
        self._begun[name] = step.name
        self._cancelled.owe(
            f"{{virtlab}} down {self._origin.instance}",
            msg("{instance} network {name}", instance=self._origin.instance, name=step.name),
        )
        other = self._bridges_in_the_way(step.name, listener)
        conn.create_network(render.network_xml(network, mark, hosts, other_bridge=other))
        self._made.add(name)
        listener.done(msg("network {name}", name=step.name), f"{network.mode}, {subnet}")

    def _bridges_in_the_way(self, network: str, listener: Listener) -> int:
        """How many of the names that a network's bridge could have are taken by interfaces of the host.

        Such an interface was left behind, or is somebody's: nothing proves that it is ours.
        """
        state = self._session.host.network_state()
        there = frozenset() if state is None else state.interfaces
        number = 0
        while (bridge := self._origin.key.bridge(network, number)) in there:
            listener.note(
                msg(
                    "there is an interface {bridge} already: it is left alone ({virtlab} doctor)",
                    bridge=bridge,
                )
            )
            number += 1
        return number

    def undo(self) -> list[errors.VirtlabError]:
        """Removes the networks that this run began to make, with their filters, and returns what could not
        be."""
        failures: list[errors.VirtlabError] = []
        for name, network in self._begun.items():
            try:
                self._session.conn.remove_network(name)
            except errors.VirtlabError as error:
                failures.append(error)
            else:
                self._cancelled.pay(
                    msg("{instance} network {network}", instance=self._origin.instance, network=network)
                )
        return failures + (self._take_down_filters() if self._has_filters else [])
