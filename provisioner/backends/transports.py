"""The way to talk to a guest, from its definition: its agent, or the guest that hosts it."""

from __future__ import annotations

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.hypervisor.agent import SerialChannel, VirtioChannel
from provisioner.hypervisor.domain import Domain
from provisioner.model import enums
from provisioner.model.enums import AgentPort
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, ObservedInner
from provisioner.transport.channel import AgentChannel
from provisioner.transport.executor import AgentTransport, Transport
from provisioner.transport.parent import ParentTransport


def channel(domain: Domain, port: AgentPort, label: str) -> AgentChannel:
    """The line that a guest's agent sits on. ``port`` is not NONE."""
    return VirtioChannel(domain, label) if port is AgentPort.VIRTIO else SerialChannel(domain, label)


def seen_guest(session: Session, instance: Instance, guest: str) -> Member:
    """A guest of an instance that is up. Raises InputError where the instance has none of that name."""
    observed = session.look(volumes=False).of(instance)
    found = observed.member(guest)
    if found is None:
        origin = observed.origin()
        if origin is not None and guest in origin.choices.left_out:
            raise errors.InputError(
                f"{instance.name}/{guest} is not up: it is optional", hint=origin.with_guest(guest)
            )
        known = ", ".join(member.label for member in observed.members())
        raise errors.InputError(
            f"{instance.name} has no guest {guest!r}", hint=f"its guests: {known}" if known else None
        )
    return found


def transport(session: Session, member: Member) -> Transport:
    """How to run commands in a guest. Raises GuestError where it is down or there is no way into it."""
    if isinstance(member, ObservedInner):
        if member.metadata.definition["transport"] == enums.Transport.NONE:
            raise errors.GuestError(
                f"there is no way into {member.label}: its definition says transport: none",
                hint=f"{{virtlab}} console {member.parent.label}",
            )
        return ParentTransport(transport(session, member.parent), member.guest)
    if not member.is_active:
        raise errors.GuestError(f"{member.label} is {member.state}", hint=f"{{virtlab}} start {member.label}")
    return agent(session, member.name, AgentPort(member.metadata.definition["agent"]), member.label)


def agent(session: Session, domain: str, port: AgentPort, label: str) -> AgentTransport:
    """The way to a domain's agent. Raises GuestError where it has none."""
    if port is AgentPort.NONE:
        raise errors.GuestError(
            f"{label} has no guest agent: its definition says agent: none",
            hint=f"{{virtlab}} console {label}",
        )
    return AgentTransport(channel(session.conn.domain(domain), port, label))
