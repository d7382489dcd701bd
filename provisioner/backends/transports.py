"""The way to the agent of a domain."""

from __future__ import annotations

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.hypervisor.agent import SerialChannel, VirtioChannel
from provisioner.hypervisor.domain import Domain
from provisioner.model.enums import AgentPort
from provisioner.transport.channel import AgentChannel
from provisioner.transport.executor import AgentTransport


def channel(domain: Domain, port: AgentPort, label: str) -> AgentChannel:
    """The line that a guest's agent sits on. ``port`` is not NONE."""
    return VirtioChannel(domain, label) if port is AgentPort.VIRTIO else SerialChannel(domain, label)


def agent(session: Session, domain: str, port: AgentPort, label: str) -> AgentTransport:
    """The way to a domain's agent. Raises GuestError where it has none."""
    if port is AgentPort.NONE:
        raise errors.GuestError(
            f"{label} has no guest agent: its definition says agent: none",
            hint=f"{{virtlab}} console {label}",
        )
    return AgentTransport(channel(session.conn.domain(domain), port, label))
