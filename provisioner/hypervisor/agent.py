"""The two ways to a guest agent: a virtio channel, which libvirt shares out, and a plain serial port."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import libvirt
import libvirt_qemu

from provisioner import errors
from provisioner.hypervisor import calls
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import code_of, translate, undecodable
from provisioner.hypervisor.streams import CharStream, open_console
from provisioner.language import msg
from provisioner.transport import qga
from provisioner.transport.channel import FAST, SILENCE, SLOW, AgentSession, Tuning, Watch, left

_PING_SECONDS = 5
_COMMAND_SECONDS = 20
_STOP_SECONDS = 5.0
_SHOWN = 200  # characters of what makes no sense
_LINE_BUFFER = 8 * 1024 * 1024


def _code(name: str) -> int:
    """An error code that older bindings lack. They get -1, which is no code at all."""
    return int(getattr(libvirt, name, -1))


_SILENT = {
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE,
    libvirt.VIR_ERR_AGENT_UNSYNCED,
    _code("VIR_ERR_AGENT_COMMAND_TIMEOUT"),
}
_REFUSED = {libvirt.VIR_ERR_INTERNAL_ERROR, _code("VIR_ERR_AGENT_COMMAND_FAILED")}
_NO_AGENT = {libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, libvirt.VIR_ERR_CONFIG_UNSUPPORTED}


class _NotRunningError(errors.CutShort):
    """The domain is stopped or paused."""


class VirtioChannel:
    """The agent on the virtio channel ``org.qemu.guest_agent.0``, through the libvirt daemon."""

    tuning: Tuning = FAST

    def __init__(self, domain: Domain, label: str) -> None:
        self._domain = domain
        self.label = label

    @contextmanager
    def session(self, deadline: float) -> Iterator[AgentSession]:
        """See ``transport.channel.AgentChannel``; the daemon itself lets commands in one by one."""
        del deadline
        yield self

    def command(
        self, execute: str, arguments: Mapping[str, object] | None, *, deadline: float, most: int
    ) -> object:
        """See ``transport.channel.AgentSession``."""
        return self._command(execute, arguments, min(left(deadline), _COMMAND_SECONDS), most)

    def wait_agent(
        self,
        deadline: float,
        watch: Watch,
        hint: threading.Event | None = None,
        hopeless: threading.Event | None = None,
    ) -> None:
        """See ``transport.channel.AgentChannel``: sleeps until libvirt says that the agent connected."""
        del hint
        while True:
            observed = watch.changes
            if watch.stopped:
                raise stopped(self.label, watch)
            try:
                self._command("guest-ping", None, min(left(deadline), _PING_SECONDS), 4096)
            except errors.Broken:
                raise
            except (errors.NotReady, errors.Busy, _NotRunningError) as error:
                if left(deadline) <= 0 or (hopeless is not None and hopeless.is_set()):
                    raise errors.NotReady(error.message, hint=error.hint) from error
                watch.wait(observed, min(deadline, time.monotonic() + _PING_SECONDS))
            else:
                return

    def _command(
        self, execute: str, arguments: Mapping[str, object] | None, seconds: float, most: int
    ) -> object:
        text = qga.request(execute, arguments).decode("ascii")
        try:
            answer = calls.on(
                self._domain.handle, libvirt_qemu.qemuAgentCommand, text, max(1, math.ceil(seconds)), 0
            )
        except libvirt.libvirtError as error:
            raise self._translated(error, execute) from error
        except UnicodeDecodeError as error:
            raise errors.Broken(
                msg(
                    "{label}: the guest agent answered {execute} with bytes that are no text: {error}",
                    label=self.label,
                    execute=execute,
                    error=undecodable(error)[:_SHOWN],
                ),
                hint=errors.start_anew(self.label),
            ) from error
        if len(answer) > most:
            raise qga.too_much(self.label, most)
        message = qga.parse(answer)
        if message is None:
            raise errors.Broken(
                msg(
                    "{label}: the guest agent's answer to {execute} makes no sense",
                    label=self.label,
                    execute=execute,
                ),
                hint=errors.start_anew(self.label),
            )
        return qga.value_of(message, execute, self.label)

    def _translated(self, error: libvirt.libvirtError, execute: str) -> errors.VirtlabError:
        code = code_of(error)
        translated = translate(
            error, msg("{label}: guest agent, {execute}", label=self.label, execute=execute)
        )
        text = translated.message
        if isinstance(translated, errors.ConnectionFailed):
            return translated
        if code in _SILENT:  # whoever hears that names the guest
            text = translate(error, msg("guest agent, {execute}", execute=execute)).message
            return errors.NotReady(text, hint=errors.look_at(self.label))
        if code == libvirt.VIR_ERR_OPERATION_INVALID:
            return _NotRunningError(text, hint=errors.see_status(self.label))
        if code in _REFUSED:
            return qga.RefusedError(text)
        if code in _NO_AGENT:
            return errors.GuestError(text)
        return translated


class SerialChannel:
    """The agent on a plain serial port, which only one program at a time can open.

    ``device`` is the port's alias in libvirt: ``serial1`` is the guest's /dev/ttyS1.
    """

    tuning: Tuning = SLOW

    def __init__(self, domain: Domain, label: str, device: str = "serial1") -> None:
        self._domain = domain
        self._device = device
        self.label = label

    @contextmanager
    def session(self, deadline: float) -> Iterator[AgentSession]:
        """See ``transport.channel.AgentChannel``: queues for the line, then finds the agent on it."""
        with self._open(deadline, None) as line:
            session = qga.SerialSession(line, self.label)
            session.sync(min(deadline, time.monotonic() + SILENCE))
            yield session

    def wait_agent(
        self,
        deadline: float,
        watch: Watch,
        hint: threading.Event | None = None,
        hopeless: threading.Event | None = None,
    ) -> None:
        """See ``transport.channel.AgentChannel``."""
        try:
            with self._open(deadline, watch) as line:
                qga.SerialSession(line, self.label).sync(deadline, hint, hopeless, any_answer=True)
        except (errors.NotReady, errors.TooMuch):
            raise
        except (errors.GuestError, errors.HypervisorError) as error:
            # the line closes a moment before libvirt says why
            watch.wait_stopped(min(deadline, time.monotonic() + _STOP_SECONDS))
            if watch.stopped:
                raise stopped(self.label, watch) from error
            raise

    def _open(self, deadline: float, watch: Watch | None) -> CharStream:
        pause = 0.03
        while True:
            if watch is not None and watch.stopped:
                raise stopped(self.label, watch)
            try:
                return open_console(self._domain, self._device, label=self.label, limit=_LINE_BUFFER)
            except errors.Busy as error:
                if left(deadline) <= 0:
                    raise errors.Busy(
                        msg(
                            "{label}: another command is using its agent's serial line, which takes one "
                            "at a time",
                            label=self.label,
                        ),
                        hint=msg("wait for the other command to end, or give this one a longer --timeout"),
                    ) from error
            time.sleep(min(left(deadline), pause * random.uniform(0.5, 1.5)))  # noqa: S311
            pause = min(pause * 1.5, 0.5)


def stopped(label: str, watch: Watch) -> errors.GuestError:
    """The error for a guest that stopped while somebody waited for it."""
    return errors.GuestError(
        msg("{label} stopped before it was ready: {stopped}", label=label, stopped=watch.stopped),
        hint=errors.see_status(label),
    )
