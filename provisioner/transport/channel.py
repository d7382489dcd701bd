"""The interface that all ways to a guest's agent have in common.

Deadlines are absolute, in seconds of ``time.monotonic()``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

# Seconds of silence after which an agent that is up is taken for dead, whatever time its command may take.
# Where its guest has nothing else to do, one on a serial line answers within 0.2 to 1.5 s (qga._RESEND), one
# on a virtio channel within milliseconds; there libvirt itself waits 5 s. A busy host needs ten times that.
SILENCE = 15.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a line is used. What is cheap on a virtio channel is expensive on a serial line of 3.8 KB/s."""

    compress: bool
    first_poll: float  # seconds until a command's end is first asked for
    slowest_poll: float  # seconds between later questions, at most
    push_chunk: int  # bytes of a file in one request
    look_piece: int  # bytes of each output that are taken at a look at a command that runs
    most_output: int  # bytes of standard output, and of standard error, in one answer


FAST = Tuning(
    compress=False,
    first_poll=0.004,
    slowest_poll=0.25,
    push_chunk=96 * 1024,
    look_piece=128 * 1024,
    most_output=1280 * 1024,
)
SLOW = Tuning(
    compress=True,
    first_poll=0.03,
    slowest_poll=1.0,
    push_chunk=32 * 1024,
    look_piece=8 * 1024,
    most_output=1280 * 1024,
)


class AgentSession(Protocol):
    """A conversation with the agent, in which nobody else can interfere."""

    def command(
        self, execute: str, arguments: Mapping[str, object] | None, *, deadline: float, most: int
    ) -> object:
        """The value that the agent returns for a command, in an answer of at most ``most`` bytes.

        Raises NotReady where no answer came in time, TooMuch where it is longer, GuestError where the agent
        refuses or the answer makes no sense, and HypervisorError where the line breaks.
        """
        ...


class Watch(Protocol):
    """Events of one domain; see ``hypervisor.events.DomainWatch``."""

    @property
    def stopped(self) -> str | None: ...

    @property
    def changes(self) -> int: ...

    def wait(self, observed: int, deadline: float) -> bool: ...

    def wait_stopped(self, deadline: float) -> bool: ...


class AgentChannel(Protocol):
    """A way to the agent of one guest."""

    @property
    def label(self) -> str:
        """The guest, as the user writes it: LAB/GUEST."""
        ...

    @property
    def tuning(self) -> Tuning: ...

    def session(self, deadline: float) -> AbstractContextManager[AgentSession]:
        """Holds the agent for one conversation. Where only one can use the line at a time, waits its turn.

        Raises Busy where others hold it past ``deadline``, NotReady where the agent is silent,
        GuestError where the guest is not running.
        """
        ...

    def wait_agent(
        self,
        deadline: float,
        watch: Watch,
        hint: threading.Event | None = None,
        hopeless: threading.Event | None = None,
    ) -> None:
        """Return when the agent answers for the first time after a boot.

        ``hint``, where given, is an event that is set when the agent is probably up, and ``hopeless`` one
        that is set when it will never be. Waiting takes hardly any processor time. Raises NotReady at the
        deadline and, within seconds, where it is hopeless; GuestError where the guest stops.
        """
        ...


def left(deadline: float) -> float:
    """Seconds until ``deadline``, never negative."""
    return max(0.0, deadline - time.monotonic())
