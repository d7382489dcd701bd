"""The way to the agent of a domain."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.hypervisor.agent import SerialChannel, VirtioChannel
from provisioner.hypervisor.domain import Domain
from provisioner.language import msg
from provisioner.model.enums import AgentPort
from provisioner.transport.channel import AgentChannel, AgentSession, Tuning, Watch
from provisioner.transport.executor import AgentTransport


def channel(domain: Domain, port: AgentPort, label: str) -> AgentChannel:
    """The line that a guest's agent sits on. ``port`` is not NONE."""
    return VirtioChannel(domain, label) if port is AgentPort.VIRTIO else SerialChannel(domain, label)


def agent(session: Session, domain: str, port: AgentPort, label: str) -> AgentTransport:
    """The way to a domain's agent. Raises GuestError where it has none.

    Where the agent is silent because its QEMU was stopped, QemuStopped is raised.
    """
    if port is AgentPort.NONE:
        raise errors.GuestError(
            msg("{label} has no guest agent: its definition says agent: none", label=label),
            hint=errors.look_at(label),
        )
    return AgentTransport(_Explained(session, domain, channel(session.conn.domain(domain), port, label)))


class _Explained:
    """A line whose silence has a cause where the host knows one."""

    def __init__(self, session: Session, domain: str, line: AgentChannel) -> None:
        self._session = session
        self._domain = domain
        self._line = line

    @property
    def label(self) -> str:
        return self._line.label

    @property
    def tuning(self) -> Tuning:
        return self._line.tuning

    @contextmanager
    def session(self, deadline: float) -> Iterator[AgentSession]:
        """See ``transport.channel.AgentChannel``."""
        with self._caused(), self._line.session(deadline) as session:
            yield session

    def wait_agent(
        self,
        deadline: float,
        watch: Watch,
        hint: threading.Event | None = None,
        hopeless: threading.Event | None = None,
    ) -> None:
        """See ``transport.channel.AgentChannel``."""
        with self._caused():
            self._line.wait_agent(deadline, watch, hint, hopeless)

    @contextmanager
    def _caused(self) -> Iterator[None]:
        try:
            yield
        except (errors.NotReady, errors.Busy):
            self._session.require_qemu(self._domain, self.label)
            raise
