"""Labs, and what libvirt would show after a plan for them was carried out."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from provisioner import render
from provisioner.language import Text
from provisioner.model import metadata, naming, plan
from provisioner.model.accel import Decision
from provisioner.model.enums import Accel, AgentPort, GuestKind, NetworkMode, Transport
from provisioner.model.lab import Clock, Disk, Guest, Interface, Lab, Network, Processor
from provisioner.model.observed import Observed, ObservedDomain, ObservedNetwork
from provisioner.model.plan import Plan, Step, Verb
from provisioner.model.ranges import Taken, subnets
from provisioner.units import MIB

NOTHING = Observed((), ())


def disk(size: int = 64 * MIB, image: str | None = None, bus: str = "virtio") -> Disk:
    return Disk(bus, size, "writeback", image=image)


def guest(name: str, **changes: object) -> Guest:
    """A guest with a disk and an interface on the network lab, but for the changes."""
    plain = Guest(
        name=name,
        kind=GuestKind.MACHINE,
        parent=None,
        transport=Transport.AGENT,
        optional=False,
        title=None,
        profile="virtio",
        accel=Accel.AUTO,
        image="tiny",
        machine="pc",
        firmware="bios",
        processor=Processor(1, "auto"),
        memory=192 * MIB,
        disks=(disk(),),
        interfaces=(Interface("lab", "virtio"),),
        video="none",
        clock=Clock("utc"),
        hyperv={},
        kvm={},
        smbios={},
        features={},
        balloon="virtio",
        rng="virtio",
        agent=AgentPort.VIRTIO,
        console="serial",
        serial_ports=1,
        kernel_args=(),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def reached_by(way: Callable[[Any, Any], Any]) -> Callable[[Any, Any], SimpleNamespace]:
    """In the place of ``choose.backend``: each guest is reached by what ``way`` makes of a session and it."""
    return lambda session, guest: SimpleNamespace(reach=lambda: way(session, guest))


def network(name: str = "lab", mode: NetworkMode = NetworkMode.NAT, title: Text | None = None) -> Network:
    return Network(name, title, mode)


def lab(*guests: Guest, networks: Sequence[Network] | None = None, source: str = "catalog:demo") -> Lab:
    nets = (network(),) if networks is None else tuple(networks)
    return Lab("demo", Text("Demo"), None, nets, guests, Path("/labs/demo/lab.yaml"), source)


def origin(of: Lab, user: str = "learner") -> metadata.Origin:
    return metadata.Origin(user, of.name, of.name, of.source, str(of.file))


def ranges(of: Lab, observed: Observed = NOTHING, *, session: bool = False) -> plan.Ranges:
    """A range for each network: the one that it has, else the first that is free."""
    if session:
        return plan.user_ranges(of)
    found: plan.Ranges = {}
    before = {n.network: ipaddress.IPv4Network(n.metadata.subnet) for n in observed.networks}
    for each in of.networks:
        used = [Taken(n, "network") for n in (*before.values(), *(subnet for subnet, _ in found.values()))]
        subnet = before.get(each.name) or next(subnets(origin(of).key, each.name, used))
        found[each.name] = (subnet, render.gateway(each, subnet))
    return found


def make(of: Lab, observed: Observed = NOTHING, *, session: bool = False) -> Plan:
    accels = {guest.name: "tcg" for guest in of.top_level}
    return plan.make(of, origin(of), observed, accels, session=session)


def after(of: Lab, observed: Observed = NOTHING, *, session: bool = False) -> Observed:
    """What is there once the plan for the lab was carried out; all metadata goes through its text."""
    steps, own = make(of, observed, session=session), origin(of)
    nets = ranges(of, observed, session=session)
    addresses = plan.addresses(of, own, observed, nets)
    instance = own.key
    domains = []
    for step in steps.guests:
        if step.verb is Verb.REMOVE:
            continue
        old = observed.domain(step.name)
        if step.verb is Verb.KEEP and old is not None:
            domains.append(old)
            continue
        each = of.guest(step.name)
        images = dict.fromkeys(each.images, naming.ImageSet("tiny", "0" * 12, "0" * 16, "learner"))
        decision = Decision("tcg", "this host has no /dev/kvm")
        mark = plan.guest_metadata(of, each, own, decision, images, addresses[each.name])
        read = metadata.loads(metadata.dumps(mark))
        assert isinstance(read, metadata.GuestMetadata)
        state = old.state if step.verb is Verb.UPDATE and old else "running"
        domains.append(ObservedDomain(instance.domain(each.name), instance, each.name, state, read))
    networks = []
    for step in steps.networks:
        if step.verb is Verb.REMOVE:
            continue
        known = next((n for n in observed.networks if n.network == step.name), None)
        if step.verb in (Verb.KEEP, Verb.START) and known:
            networks.append(dataclasses.replace(known, active=True))
            continue
        (each_net,) = (n for n in of.networks if n.name == step.name)
        written = metadata.NetworkMetadata(own, each_net, str(nets[step.name][0]))
        back = metadata.loads(metadata.dumps(written))
        assert isinstance(back, metadata.NetworkMetadata)
        networks.append(ObservedNetwork(instance.network(step.name), instance, step.name, True, back))
    return Observed(tuple(domains), tuple(networks))


def stopped(observed: Observed, name: str, state: str = "stopped") -> Observed:
    domains = (dataclasses.replace(d, state=state) if d.guest == name else d for d in observed.domains)
    return dataclasses.replace(observed, domains=tuple(domains))


def told(step: Step) -> tuple[str, ...]:
    """The changes of a step, as a person reads them."""
    return tuple(map(str, step.changes))
