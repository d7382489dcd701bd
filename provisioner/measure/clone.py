"""Throw-away clones of guests, which are measured, rebooted and traced instead of the learner's own guests.

A clone is a domain of the same instance, made from its guest's metadata: the same definition,
accelerator and image, with fresh disks, a MAC and an address of its own. ``down`` removes it with
the rest, whenever the bench was killed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import IPv4Interface

from provisioner import errors, side_by_side
from provisioner.backends import transports
from provisioner.backends.launch import Launcher, Order, await_ready
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.host import processes
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.storage import Pool
from provisioner.language import first_line, msg
from provisioner.lifecycle import image_upload, preflight, shield
from provisioner.lifecycle.image_upload import Images, boot_files
from provisioner.listener import Listener
from provisioner.measure import clock
from provisioner.model import naming, plan
from provisioner.model.enums import Accel
from provisioner.model.lab import Guest
from provisioner.model.metadata import Address
from provisioner.model.naming import Instance
from provisioner.model.observed import ObservedDomain
from provisioner.model.plan import Step, Verb
from provisioner.transport.executor import AgentTransport

_CLOCK_TRIES = 4


@dataclass(slots=True)
class Clone:
    """A clone that runs. ``of`` is the guest's name, ``domain`` the clone's own domain."""

    of: str
    domain: Domain
    guest: Guest  # with the clone's own name
    order: Order
    label: str
    port: int | None = None  # of TCP, open at its gateway; None where all are open or none is free
    installed: frozenset[str] = frozenset()  # the tasks whose scripts it has, see ``turns.install``

    @property
    def transport(self) -> AgentTransport:
        return AgentTransport(transports.channel(self.domain, self.guest.agent, self.label))

    @property
    def accel(self) -> str:
        return self.order.mark.accel

    @property
    def addresses(self) -> tuple[Address, ...]:
        return self.order.mark.addresses

    @property
    def host_end(self) -> str:
        """The host's own address on the network of its first card."""
        return str(next(IPv4Interface(self.addresses[0].address).network.hosts()))


@dataclass(frozen=True, slots=True)
class Booted:
    """A boot: seconds from QEMU's start until each phase that the guest reported, and until it answered."""

    phases: dict[str, float]
    total: float


@dataclass(slots=True)
class Clones:
    """The clones of one run. The caller holds the instance's lock, and must call ``remove`` in any case."""

    session: Session
    instance: Instance
    monitor: Listener
    cancelled: Cancellation
    timeout: float  # seconds for each to boot
    running: dict[str, Clone] = field(default_factory=dict)  # by the name of the guest
    failed: dict[str, str] = field(default_factory=dict)  # guest -> why it has no clone
    _ports: dict[str, int] = field(default_factory=dict)  # guest -> port of its clone

    def make(self, domains: Sequence[ObservedDomain]) -> None:
        """Brings up a clone for each guest, side by side. One that fails is in ``failed``."""
        self.remove()
        self._check_memory(domains)
        pool = image_upload.open_pool(self.session)
        store = Images(self.session, pool, self.monitor)
        taken = {
            (address.network, address.address)
            for observed in self.session.look(volumes=False).of(self.instance).domains
            for address in observed.metadata.addresses
        }
        orders: dict[str, Order] = {}
        self._open_ports(domains)
        for observed in domains:
            try:
                orders[observed.guest] = self._order(observed, store, taken)
            except (errors.VirtlabError, ValueError) as error:
                self.failed[observed.guest] = first_line(msg("{error}", error=error))
        self._launch(pool, orders)

    def _open_ports(self, domains: Sequence[ObservedDomain]) -> None:
        """Makes the filters of clones, each of which reaches a port of the host's end of measurements."""
        if self.session.is_session or all(domain.metadata.origin.trusted for domain in domains):
            return
        ports: list[int] = []
        with suppress(errors.HypervisorError):  # whoever wants to listen there says it again
            ports = processes.free_ports("0.0.0.0", len(domains))  # noqa: S104 - looked at, not listened on
        self._ports = dict(zip((domain.guest for domain in domains), ports, strict=False))
        networks = self.session.look(volumes=False).of(self.instance).networks
        shield.put_up_for_clones(self.session, networks, ports)

    def count_accesses(self) -> bool:
        """Restarts those with virtio devices, so that QEMU's trace sees their notifications.

        False where there is none.
        """
        orders = {}
        for name, clone in self.running.items():
            if _has_eventfd(clone.guest):
                step = Step(Verb.RESTART, clone.guest.name, msg("its register accesses are counted"))
                orders[name] = replace(clone.order, step=step)
        self._launch(image_upload.open_pool(self.session), orders, eventfd=False)
        return bool(orders)

    def _order(self, observed: ObservedDomain, store: Images, taken: set[tuple[str, str]]) -> Order:
        guest = observed.metadata.guest
        used = {name: store.kept(text) for name, text in observed.metadata.images.items()}
        images = {name: image for name, image in used.items() if image is not None}
        if images.keys() != used.keys():
            raise errors.ImageError(
                msg("the image that it was made from is gone"),
                hint=msg(
                    "{virtlab} down {name}, then {again}",
                    name=self.instance.name,
                    again=observed.metadata.origin.typed.up(),
                ),
            )
        # with the guest's own accelerator outright: one that falls back to emulation would be no clone
        clone = replace(guest, name=naming.clone(guest.name), accel=Accel(observed.metadata.accel))
        addresses = []
        for index, old in enumerate(observed.metadata.addresses):
            text = plan.lowest_free(old.network, IPv4Interface(old.address).network, taken)
            taken.add((old.network, text))
            addresses.append(replace(old, mac=self.instance.mac(clone.name, index), address=text))
        mark = replace(observed.metadata, guest=clone, addresses=tuple(addresses))
        return Order(
            step=Step(Verb.CREATE, clone.name, msg("to be measured")),
            guest=clone,
            mark=mark,
            boot=boot_files(images[clone.image], clone.firmware),
            backing=tuple(images[disk.image].paths["disk"] if disk.image else None for disk in clone.disks),
            old_disks=0,
            kept_disks=frozenset(range(len(clone.disks))),
        )

    def _launch(self, pool: Pool, orders: dict[str, Order], *, eventfd: bool = True) -> None:
        if not orders:
            return
        launcher = Launcher(
            self.session, pool, self.monitor, timeout=self.timeout, cancelled=self.cancelled, eventfd=eventfd
        )
        remedy = next(iter(orders.values())).mark.origin.typed.up()
        self.cancelled.owe(remedy, *(f"{self.instance.name}/{o.guest.name}" for o in orders.values()))
        launched = side_by_side.run(
            [partial(launcher.launch, order) for order in orders.values()],
            cancelled=self.cancelled,
            end=partial(self._switch_off, list(orders.values())),
        )
        results = dict(zip(orders, launched, strict=True))
        for name, result in results.items():
            order = orders[name]
            if result.error is not None:
                self.running.pop(name, None)
                self.failed[name] = msg(
                    "its clone did not come up: {message}", message=first_line(result.error.message)
                )
                continue
            domain = self.session.conn.domain(self.instance.domain(order.guest.name))
            label = f"{self.instance.name}/{order.guest.name}"
            self.running[name] = Clone(name, domain, order.guest, order, label, self._ports.get(name))
        self._mend_clocks([name for name in results if name in self.running])

    def _mend_clocks(self, names: Sequence[str]) -> None:
        """Boots the clones again whose clocks are far off. One whose clock stays wrong is put into
        ``failed``."""
        for tries_left in reversed(range(_CLOCK_TRIES)):
            wrong = clock.far_off({n: self.running[n].transport for n in names if n in self.running})
            for name, pace in wrong.items():
                clone, why = (
                    self.running[name],
                    msg("its clone's clock runs at {pace} times the true speed", pace=f"{pace:.2g}"),
                )
                try:
                    if not tries_left:
                        raise errors.GuestError(msg("{why}: this host is too busy", why=why))
                    self.monitor.note(msg("{name}: {why}: it boots again", name=name, why=why))
                    self.reboot(clone)
                except (errors.GuestError, errors.HypervisorError) as error:
                    self.drop(name, error.message)
            if not wrong:
                return

    def _switch_off(self, orders: Sequence[Order]) -> None:
        """Ends the clones that somebody may be waiting for."""
        for order in orders:
            with suppress(errors.HypervisorError):
                self.session.conn.domain(self.instance.domain(order.guest.name)).destroy()

    def _check_memory(self, domains: Sequence[ObservedDomain]) -> None:
        preflight.check_memory(
            self.session,
            [observed.metadata.guest for observed in domains],
            {},
            subject=msg("the clones of the guests, which are measured,"),
        )

    def alone(self, clone: Clone) -> None:
        """Lets this clone run, and pauses all others."""
        for other in self.running.values():
            if other is not clone:
                other.domain.pause()
        clone.domain.unpause()

    def reboot(self, clone: Clone) -> Booted:
        """Switches a clone off and on. Raises GuestError or HypervisorError where it does not come up."""
        clone.installed = frozenset()
        clone.domain.destroy()
        phases: dict[str, float] = {}
        began = time.monotonic()

        def reported(mark: str) -> None:
            phases.setdefault(mark, time.monotonic() - began)

        ready = await_ready(
            clone.domain,
            clone.guest,
            clone.label,
            self.monitor,
            timeout=self.timeout,
            cancelled=self.cancelled,
            on_mark=reported,
        )
        if ready is None:
            raise errors.GuestError(msg("{label} did not say when it was up", label=clone.label))
        return Booted(phases, ready.seconds)

    def drop(self, name: str, why: str) -> None:
        """Gives a clone up: it is not measured any more."""
        self.failed.setdefault(name, why)
        self.running.pop(name, None)

    def remove(self) -> None:
        """Takes all clones of the instance away, those of a run that was killed, too."""
        self.running.clear()
        observed = self.session.look().of(self.instance)
        clones = [domain for domain in observed.domains if naming.is_clone(domain.guest)]
        pool = self.session.pool()

        def attempt(clone: ObservedDomain) -> errors.VirtlabError | None:
            try:
                self.session.conn.remove_domain(clone.name, pool)
            except errors.VirtlabError as error:
                return error
            self.cancelled.pay(clone.label)
            return None

        problems = side_by_side.run([partial(attempt, clone) for clone in clones])
        failures = [each for each in problems if each]
        if not failures:
            filters = [each for each in observed.filters if naming.is_clone(each.network)]
            failures = shield.take_down(self.session, filters)
        errors.raise_all(
            failures,
            msg("not all clones of {name} could be removed", name=self.instance.name),
            hint=f"{{virtlab}} down {self.instance.name}",
        )


def _has_eventfd(guest: Guest) -> bool:
    """Whether a disk or a network card of it is notified past QEMU's register code."""
    models = [disk.device for disk in guest.disks] + [card.device for card in guest.interfaces]
    return any(model.has_eventfd for model in models)
