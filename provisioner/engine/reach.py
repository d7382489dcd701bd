"""The way to talk to a guest, from its definition: the agent on the channel that it has."""

from __future__ import annotations

from typing import Any

from provisioner import errors
from provisioner.engine.session import Session
from provisioner.guest.channel import AgentChannel
from provisioner.guest.transport import AgentTransport, Transport
from provisioner.hypervisor import apply
from provisioner.hypervisor.agent import SerialChannel, VirtioChannel
from provisioner.lab.enums import AgentPort
from provisioner.naming import Instance
from provisioner.seen import SeenDomain


def channel(dom: Any, port: AgentPort, label: str) -> AgentChannel:
    """The line that a guest's agent sits on. ``port`` is not NONE."""
    return VirtioChannel(dom, label) if port is AgentPort.VIRTIO else SerialChannel(dom, label)


def seen_guest(session: Session, instance: Instance, guest: str) -> SeenDomain:
    """A guest that is up. Raises InputError where the instance has none of that name."""
    seen = session.look(volumes=False).of(instance)
    domain = seen.domain(guest)
    if domain is None:
        for host in seen.domains:
            if guest in {inner["name"] for inner in host.stamp.inner}:
                raise errors.GuestError(
                    f"{instance.name}/{guest} runs inside {instance.name}/{host.guest}, "
                    "and this version of virtlab has no way into it from here",
                    hint=f"go through its host: {{virtlab}} console {instance.name}/{host.guest}",
                )
        known = ", ".join(f"{instance.name}/{d.guest}" for d in seen.domains)
        raise errors.InputError(
            f"{instance.name} has no guest {guest!r}", hint=f"its guests: {known}" if known else None
        )
    return domain


def transport(session: Session, domain: SeenDomain) -> Transport:
    """How to run commands in a guest. Raises GuestError where it is down or has no agent."""
    label = f"{domain.instance.name}/{domain.guest}"
    if not domain.is_active:
        raise errors.GuestError(f"{label} is {domain.state}", hint=f"{{virtlab}} start {label}")
    port = AgentPort(domain.stamp.definition["agent"])
    if port is AgentPort.NONE:
        raise errors.GuestError(
            f"{label} has no guest agent: its definition says agent: none",
            hint=f"{{virtlab}} console {label}",
        )
    return AgentTransport(channel(apply.domain(session.conn, domain.name), port, label))
