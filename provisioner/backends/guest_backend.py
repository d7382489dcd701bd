"""The interface of the backends: what can be done with a guest, whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from provisioner.cancellation import Cancellation
from provisioner.listener import Listener
from provisioner.model.observed import ObservedDomain
from provisioner.transport.executor import Transport


@dataclass(frozen=True, slots=True)
class ConsolePort:
    """Where a guest's console is: at the first serial port of a machine, perhaps after something is typed
    there."""

    machine: ObservedDomain
    way: Transport | None  # into that machine; None where it has no agent
    typed: bytes = b""  # leads from the machine's shell to the guest; empty where the guest is that machine


class Backend(Protocol):
    """One guest that exists, and the way in which guests of its kind are started, reached and stopped.

    Each method raises GuestError where the guest, or one around it, does not do what it was asked for, and
    HypervisorError where libvirt does not.
    """

    def start(self, listener: Listener, *, timeout: float, cancelled: Cancellation) -> None:
        """Starts the guest and those inside it, and waits until each of them answers.

        Guests that run already are left alone. Raises NotReady where one takes longer than ``timeout``
        seconds, and Broken where one that ran already answers no more. ``cancelled`` is owed a machine, by
        its label, until it answers; where it is set, guests inside are not waited for.
        """
        ...

    def stop(self, listener: Listener, *, timeout: float) -> None:
        """Stops the guest, and with it those inside it. Returns when it is stopped.

        Where it takes longer than ``timeout`` seconds, it is switched off, if that is possible from outside.
        """
        ...

    def reach(self) -> Transport:
        """The way to run commands in the guest. Nothing is sent yet."""
        ...

    def is_off(self) -> bool:
        """Whether it is off by now, as far as libvirt and the guests around it say."""
        ...

    def console(self) -> ConsolePort:
        """Where its console is."""
        ...
