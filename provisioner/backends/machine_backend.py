"""Machines of the host's libvirt: libvirt starts and stops them, and their agent is the way into them."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

from provisioner import errors
from provisioner.backends import inner, launch, transports
from provisioner.backends.guest_backend import ConsolePort
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.events import DomainWatch
from provisioner.language import msg
from provisioner.listener import Listener
from provisioner.model.enums import AgentPort
from provisioner.model.observed import ObservedDomain, state_words
from provisioner.transport.executor import Transport

_AGENT_TIMEOUT = 3.0  # seconds in which an agent has to accept that its system is to shut down


class LibvirtMachine:
    """``Backend`` of a domain."""

    def __init__(self, session: Session, domain: ObservedDomain) -> None:
        self._session = session
        self._domain = domain

    def start(self, listener: Listener, *, timeout: float, cancelled: Cancellation) -> None:
        """See ``Backend``. A guest that is paused is resumed."""
        domain = self._domain
        if domain.is_active:
            self._session.require_qemu(domain.name, domain.label)
        if domain.is_active and domain.state != "paused":
            self.await_answer(listener, timeout=timeout)
            listener.done(domain.guest, msg("is {state} already", state=state_words(domain.state)))
        else:
            if not domain.is_active:
                cancelled.owe(f"{{virtlab}} stop {domain.label}", domain.label)
            try:
                self._bring_up(listener, timeout, cancelled)
            finally:
                cancelled.pay(domain.label)
            self._domain = replace(domain, state="running", out_of_space=False)
        if inside := inner.guests_inside(domain):
            way = self.reach()
            started = inner.ensure(domain.guest, way, inside, listener, timeout=timeout, cancelled=cancelled)
            inner.raise_failures(started)

    def _bring_up(self, listener: Listener, timeout: float, cancelled: Cancellation) -> None:
        guest, label = self._domain.metadata.guest, self._domain.label
        launch.await_ready(self._libvirt(), guest, label, listener, timeout=timeout, cancelled=cancelled)

    def stop(self, listener: Listener, *, timeout: float) -> None:
        """See ``Backend``. With a ``timeout`` of 0 it is switched off at once."""
        domain = self._domain
        running = self._libvirt()
        listener.phase(domain.guest, msg("shutting down"))
        with DomainWatch(running) as watch:
            deadline = time.monotonic() + timeout
            why = msg("it did not shut down in time")
            try:
                if timeout:
                    self._ask_to_shut_down()
            except errors.QemuStopped:
                deadline, why = time.monotonic(), msg("its QEMU was stopped by a signal or a debugger")
            changes = watch.changes
            while watch.stopped is None and watch.wait(changes, deadline):
                changes = watch.changes
            if watch.stopped is None:
                running.destroy()
                listener.done(domain.guest, msg("switched off: {why}", why=why))
            else:
                listener.done(domain.guest, msg("stopped"))

    def _ask_to_shut_down(self) -> None:
        """Asks the guest's system through its agent or, where that fails, by the power button.

        Raises QemuStopped where there is nobody to hear it.
        """
        try:
            self.reach().shutdown(_AGENT_TIMEOUT)
        except errors.QemuStopped:
            raise
        except errors.GuestError:
            with suppress(errors.Busy):  # a QEMU that is stopped or stuck: it is switched off in the end
                self._libvirt().press_power_button()
        except errors.HypervisorError:
            return  # it went down while it was asked, and whoever watches it notices that

    def await_answer(self, listener: Listener, *, timeout: float) -> None:
        """Returns when commands can be run in the running guest, or at once where it has no agent.

        Raises what ``launch.await_answer`` raises.
        """
        guest = self._domain.metadata.guest
        if guest.agent is not AgentPort.NONE:
            launch.await_answer(
                self._session, self._libvirt(), guest, self._domain.label, listener, timeout=timeout
            )

    def reach(self) -> Transport:
        """See ``Backend``. Raises GuestError where the machine is down or paused, or has no agent."""
        domain = self._domain
        domain.require_running()
        port = domain.metadata.guest.agent
        return transports.agent(self._session, domain.name, port, domain.label)

    def is_off(self) -> bool:
        """See ``Backend``."""
        try:
            return not self._libvirt().is_active()
        except errors.NotFound:  # somebody took it away
            return False

    def console(self) -> ConsolePort:
        """See ``Backend``. Raises GuestError where the machine is down or paused."""
        self._domain.require_running()
        self._session.require_qemu(self._domain.name, self._domain.label)
        has_agent = self._domain.metadata.guest.agent is not AgentPort.NONE
        return ConsolePort(self._domain, self.reach() if has_agent else None)

    def _libvirt(self) -> Domain:
        """The domain, as libvirt has it now."""
        return self._session.conn.domain(self._domain.name)
