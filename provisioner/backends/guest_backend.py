"""What can be done with a guest, whatever runs it: the interface of the backends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from provisioner.listener import Listener
from provisioner.model.observed import ObservedDomain
from provisioner.transport.executor import Transport


@dataclass(frozen=True, slots=True)
class ConsolePort:
    """Where a guest's console is: at a machine's first serial port, perhaps behind what is typed there."""

    machine: ObservedDomain
    way: Transport | None  # into that machine; None where it has no agent
    typed: bytes = b""  # what leads from the machine's shell to the guest; empty where it is that machine


class Backend(Protocol):
    """One guest that exists, and the way in which guests of its kind are started, reached and stopped.

    Each method raises GuestError where the guest, or one that it is in, does not do what it was asked for,
    and HypervisorError where libvirt does not.
    """

    def start(self, listener: Listener, *, timeout: float) -> None:
        """Starts the guest, and those inside it, and awaits that each answers.

        What runs already is left alone. Each may take ``timeout`` seconds, else NotReady is raised.
        """
        ...

    def stop(self, listener: Listener, *, timeout: float) -> None:
        """Stops the guest, and with it those inside it. Returns when it is stopped.

        One that takes longer than ``timeout`` seconds is switched off where that can be done from outside.
        """
        ...

    def reach(self) -> Transport:
        """How to run commands in the guest; nothing is asked yet."""
        ...

    def console(self) -> ConsolePort:
        """Where its console is."""
        ...
