"""What ``up`` has to do, step by step: the lab file compared with what libvirt shows. Pure."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from provisioner.errors import ConflictError, InputError
from provisioner.language import msg
from provisioner.model import naming, ranges
from provisioner.model.accel import Decision
from provisioner.model.change import Change, differences
from provisioner.model.lab import Guest, Lab, Network
from provisioner.model.metadata import Address, Choices, GuestMetadata, Origin
from provisioner.model.observed import Observed, ObservedDomain, ObservedNetwork, state_words

_FLAGS = {"accelerator", "choices", "trusted"}
_NO_RESTART = {"title", "profile", "transport", "optional", "choices"}  # stands in the metadata only
_FRESH = {"create", "start", "restart", "replace"}  # verbs after which a guest boots
_FIRST_HOST = 11
_END_OF_HOSTS = 128  # from here on: what DHCP gives to others
USER_GATEWAY = "10.0.2.2"
USER_NAME_SERVER = "10.0.2.3"

Ranges = dict[str, tuple[ipaddress.IPv4Network, str | None]]  # network -> subnet, gateway (None: isolated)


class Verb(StrEnum):
    """What a step does to a guest or a network."""

    KEEP = "keep"
    CREATE = "create"
    START = "start"
    UPDATE = "update"  # only its metadata changes; nothing restarts
    RESTART = "restart"  # it stops, and starts with its new definition; its memory is lost
    REPLACE = "replace"  # it is made anew; what is on its disks is lost, too
    REMOVE = "remove"
    LEAVE = "leave"  # it stays as it is, where the guest that hosts it says that it runs


@dataclass(frozen=True, slots=True)
class Step:
    verb: Verb
    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    loses: str | None = None  # what a user loses by it; None where nothing
    emptied: tuple[int, ...] = ()  # the disks whose files were deleted

    @property
    def changes_something(self) -> bool:
        return self.verb not in (Verb.KEEP, Verb.LEAVE)


@dataclass(frozen=True, slots=True)
class Plan:
    networks: tuple[Step, ...]
    guests: tuple[Step, ...]
    inner: tuple[Step, ...]  # guests of guests

    @property
    def changes_something(self) -> bool:
        return any(s.changes_something for s in (*self.networks, *self.guests))

    @property
    def losses(self) -> tuple[Step, ...]:
        """The steps that somebody has to agree to."""
        return tuple(step for step in (*self.networks, *self.guests) if step.loses)

    def guest(self, name: str) -> Step:
        """The step for a guest; KeyError where there is none."""
        return {step.name: step for step in self.guests}[name]


def renamed(former: str, name: str) -> str:
    """What is to be said of an instance that is up by a name which the lab had before."""
    return msg(
        "the lab was named {former} before, and that is still up, beside {name}: {virtlab} down {former}",
        former=former,
        name=name,
    )


def check_origin(instance: naming.Instance, lab: Lab, observed: Observed) -> None:
    """Raises ConflictError where the instance was made from another lab file."""
    origin = observed.origin()
    if origin is not None and origin.source != lab.source:
        raise ConflictError(
            msg(
                "{name} is already up, made from {file}, not from {lab}",
                name=instance.name,
                file=origin.file,
                lab=lab.file,
            ),
            hint=msg(
                "give this one a name of its own: {virtlab} up {file} --as NAME; or end that one "
                "first: {virtlab} down {name}",
                file=shlex.quote(str(lab.file)),
                name=instance.name,
            ),
        )


def make(lab: Lab, origin: Origin, observed: Observed, accels: Mapping[str, str], *, session: bool) -> Plan:
    """The steps that make of the instance, as it was observed, what the lab file says.

    ``accels`` gives what each top-level guest is to run with: kvm or tcg.
    """
    networks = [] if session else _network_steps(lab, observed)
    renewed = {step.name for step in networks if step.verb is not Verb.KEEP}
    guests = [
        _guest_step(guest, lab, observed.domain(guest.name), renewed, origin, accels[guest.name])
        for guest in lab.top_level
    ]
    wanted = {guest.name for guest in lab.top_level}
    guests += [
        Step(Verb.REMOVE, domain.guest, msg("a bench that was ended left it behind"))
        if naming.is_clone(domain.guest)
        else Step(Verb.REMOVE, domain.guest, _why_gone(domain, origin), loses=_loss(domain, disks=True))
        for domain in observed.domains
        if domain.guest not in wanted
    ]
    fresh = {step.name for step in guests if step.verb in _FRESH}
    inner: list[Step] = []
    for guest in lab.guests:
        if guest.parent in fresh:
            fresh.add(guest.name)
            inner.append(
                Step(Verb.START, guest.name, msg("inside {parent}, once that answers", parent=guest.parent))
            )
        elif guest.parent is not None:
            inner.append(
                Step(
                    Verb.LEAVE,
                    guest.name,
                    msg("inside {parent}; started if it does not run", parent=guest.parent),
                )
            )
    return Plan(tuple(networks), tuple(guests), tuple(inner))


def _why_gone(domain: ObservedDomain, origin: Origin) -> str:
    if domain.guest in origin.choices.left_out:
        return msg("it is optional, and left out now")
    return msg("the lab file no longer has it")


def _network_steps(lab: Lab, observed: Observed) -> list[Step]:
    existing = {network.network: network for network in observed.networks}
    used = {interface.network for guest in lab.top_level for interface in guest.interfaces}
    steps = [_network_step(n, existing.pop(n.name, None)) for n in lab.networks if n.name in used]
    steps += [
        Step(Verb.REMOVE, name, msg("no guest of the lab file uses it"), loses=None)
        for name in sorted(existing)
    ]
    return steps


def _network_step(network: Network, observed: ObservedNetwork | None) -> Step:
    if observed is None:
        return Step(Verb.CREATE, network.name, msg("not there yet"))
    changes = list(differences(observed.metadata.network, network))
    if any(change.key not in _NO_RESTART for change in changes):
        return Step(Verb.REPLACE, network.name, msg("the lab file changed"), tuple(changes))
    if not observed.active:
        return Step(Verb.START, network.name, msg("it is stopped"))
    return Step(Verb.KEEP, network.name, msg("as the lab file says"))


def _guest_step(
    guest: Guest, lab: Lab, observed: ObservedDomain | None, renewed: set[str], origin: Origin, accel: str
) -> Step:
    if observed is None:
        return Step(Verb.CREATE, guest.name, msg("not there yet"))
    told = observed.metadata
    changes = (
        *differences(told.guest, guest),
        *differences(told.inner, inner_guests(lab, guest.name), ("inner",)),
        *differences(told.accel, accel, ("accelerator",)),
        *differences(told.origin.trusted, origin.trusted, ("trusted",)),
        *differences(_flags(told.origin.choices), _flags(origin.choices), ("choices",)),
    )
    emptied = tuple(observed.lost_disks)
    why = (
        msg("flags ask for it")
        if {change.key for change in changes} <= _FLAGS
        else msg("the lab file changed")
    )
    if _disks_lost(told.guest, guest):
        return Step(Verb.REPLACE, guest.name, why, changes, _loss(observed, disks=True), emptied)
    if any(change.key not in _NO_RESTART for change in changes):
        return Step(Verb.RESTART, guest.name, why, changes, _loss(observed, disks=False), emptied)
    moved = sorted({i.network for i in guest.interfaces} & renewed)
    if moved and observed.is_active:
        reason = msg("its network {names} was not there or is made anew", names=", ".join(moved))
        return Step(Verb.RESTART, guest.name, reason, loses=_loss(observed, disks=False))
    if observed.cut_off and observed.is_active:
        reason = msg(
            "it is cut off from its network {cut_off}, which was started again",
            cut_off=", ".join(observed.cut_off),
        )
        return Step(Verb.RESTART, guest.name, reason, loses=_loss(observed, disks=False))
    if observed.lost_disks and observed.is_active:
        reason = msg("the file of a disk was deleted")
        return Step(
            Verb.RESTART,
            guest.name,
            reason,
            changes,
            msg("{loss} and on that disk", loss=_loss(observed, disks=False)),
            emptied,
        )
    if not observed.is_active or observed.state == "paused":
        reason = msg("it is {state}", state=state_words(observed.state))
        return Step(Verb.START, guest.name, reason, changes, emptied=emptied)
    if changes:
        return Step(Verb.UPDATE, guest.name, why, changes)
    return Step(Verb.KEEP, guest.name, msg("as the lab file says"))


def _flags(choices: Choices) -> str | None:
    accel = [f"--accel {choices.accel}"] if choices.accel else []
    accel += [] if choices.trust is None else ["--trust" if choices.trust else "--no-trust"]
    words = [*accel, *(f"--with {guest}" for guest in choices.guests)]
    return " ".join([*words, *(f"--set {text}" for text in choices.sets)]) or None


def inner_guests(lab: Lab, name: str) -> tuple[Guest, ...]:
    """All guests that a guest hosts, at any depth, in file order, which puts parents first."""
    hosts = {name}
    inner = []
    for guest in lab.guests:
        if guest.parent in hosts:
            hosts.add(guest.name)
            inner.append(guest)
    return tuple(inner)


def guest_metadata(
    lab: Lab,
    guest: Guest,
    origin: Origin,
    decision: Decision,
    images: Mapping[str, naming.ImageSet],
    addresses: tuple[Address, ...],
) -> GuestMetadata:
    """What is written on the domain of a top-level guest; ``images`` has each that it uses."""
    return GuestMetadata(
        origin=origin,
        guest=guest,
        accel=decision.accel,
        accel_why=decision.why,
        fell_back=decision.fell_back,
        images={name: images[name].text for name in guest.images},
        addresses=addresses,
        inner=inner_guests(lab, guest.name),
        place=[each.name for each in lab.top_level].index(guest.name),
    )


def _loss(observed: ObservedDomain, *, disks: bool) -> str | None:
    if disks and observed.metadata.guest.disks:
        return (
            msg("all that is on its disks and in its memory")
            if observed.is_active
            else msg("all that is on its disks")
        )
    return msg("what is in its memory") if observed.is_active else None


def _disks_lost(old: Guest, new: Guest) -> bool:
    """Whether the content of a disk is lost: a disk goes away, or gets another size or image."""
    before = [(disk.size, disk.image) for disk in old.disks]
    after = [(disk.size, disk.image) for disk in new.disks]
    return before != after[: len(before)]


def user_ranges(lab: Lab) -> Ranges:
    """The ranges of user-mode networking: QEMU gives each interface a network of its own."""
    return {network.name: (ranges.USER_SUBNET, USER_GATEWAY) for network in lab.networks}


def addresses(lab: Lab, origin: Origin, observed: Observed, nets: Ranges) -> dict[str, tuple[Address, ...]]:
    """The addresses of each top-level guest's interfaces, in their order.

    A guest that is there keeps what it has; the others take the lowest free ones, in file order.
    Raises InputError where a network has more interfaces than addresses.
    """
    instance = origin.key
    kept: dict[str, Address] = {
        address.mac: address
        for domain in observed.domains
        for address in domain.metadata.addresses
        if address.network in nets
        and ipaddress.IPv4Interface(address.address).network == nets[address.network][0]
    }
    taken = {(a.network, a.address) for a in kept.values()}
    result: dict[str, tuple[Address, ...]] = {}
    for guest in lab.top_level:
        own = []
        for index, interface in enumerate(guest.interfaces):
            mac = instance.mac(guest.name, index)
            subnet, gateway = nets[interface.network]
            old = kept.get(mac)
            if old is None or old.network != interface.network:
                text = lowest_free(interface.network, subnet, taken)
                taken.add((interface.network, text))
                own.append(Address(interface.network, mac, text, gateway))
            else:
                own.append(replace(old, gateway=gateway))
        result[guest.name] = tuple(own)
    return result


def lowest_free(network: str, subnet: ipaddress.IPv4Network, taken: set[tuple[str, str]]) -> str:
    """The lowest address for a guest that is not among the ``taken`` pairs of network and address/prefix."""
    for host in range(_FIRST_HOST, _END_OF_HOSTS):
        text = f"{subnet[host]}/{subnet.prefixlen}"
        if (network, text) not in taken:
            return text
    raise InputError(
        msg(
            "network {network} has more interfaces than addresses for them ({most})",
            network=network,
            most=_END_OF_HOSTS - _FIRST_HOST,
        ),
        hint=msg("spread the guests over several networks"),
    )
