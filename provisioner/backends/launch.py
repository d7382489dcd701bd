"""Brings one guest up: defines it, makes its volumes, starts it, and waits until it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from provisioner import errors, render
from provisioner.backends.prompts import prompt_of
from provisioner.backends.session import Session
from provisioner.backends.transports import channel
from provisioner.host import qemu_log
from provisioner.hypervisor import host_facts
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.events import DomainWatch
from provisioner.hypervisor.storage import Pool
from provisioner.hypervisor.streams import open_console
from provisioner.language import msg
from provisioner.listener import Listener
from provisioner.model import accel, plan
from provisioner.model.enums import Accel, AgentPort
from provisioner.model.lab import Guest
from provisioner.model.metadata import GuestMetadata
from provisioner.transport import readiness
from provisioner.transport.channel import SILENCE
from provisioner.transport.console_log import ConsoleLog
from provisioner.transport.executor import AgentTransport
from provisioner.transport.readiness import Ready
from provisioner.units import format_seconds

# errors that say nothing about KVM when a guest does not come up
_NOT_KVM = (
    errors.NotReady,
    errors.LacksMemory,
    errors.Busy,
    errors.NotFound,
    errors.PermissionDenied,
    errors.ConnectionFailed,
)
_PROMPT = 1.5  # seconds in which a guest's agent answers, even on a serial line, once it is up


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that is needed to bring up one guest."""

    step: plan.Step
    guest: Guest
    mark: GuestMetadata
    boot: render.BootFiles
    backing: tuple[str | None, ...]  # for each disk, the path of the image below it
    old_disks: int  # how many disks it had before
    kept_disks: frozenset[int]  # whose volumes are there, and stay where it is not made anew


@dataclass(slots=True)
class Launched:
    """What became of a guest."""

    name: str
    verb: plan.Verb
    mark: GuestMetadata
    guest: Guest
    ready_after: float | None = None  # seconds from QEMU's start until the agent answered
    phases: dict[str, float] = field(default_factory=dict)  # seconds, by step of virtlab's
    boot: dict[str, float] = field(default_factory=dict)  # the guest's own marks: seconds of its uptime
    error: errors.VirtlabError | None = None


class Launcher:
    """Brings up guests of one instance. Each method runs in a thread of its guest."""

    def __init__(
        self,
        session: Session,
        pool: Pool,
        listener: Listener,
        *,
        timeout: float,
        cancelled: threading.Event,
        eventfd: bool = True,
    ) -> None:
        """``eventfd``: see ``render.domain_xml``."""
        self._session = session
        self._pool = pool
        self._listener = listener
        self._timeout = timeout
        self._cancelled = cancelled
        self._eventfd = eventfd
        self._counter_khz = host_facts.counter_khz(session.conn)

    def launch(self, order: Order) -> Launched:
        """Does the order's step. A VirtlabError is not raised, but put into the result."""
        result = Launched(order.guest.name, order.step.verb, order.mark, order.guest)
        try:
            self._launch(order, result)
        except errors.VirtlabError as error:
            result.error = error
            why = msg("interrupted") if self._cancelled.is_set() else errors.brief(error)
            self._listener.failed(order.guest.name, why)
        return result

    def _launch(self, order: Order, result: Launched) -> None:
        name = order.mark.origin.key.domain(order.guest.name)
        verb = order.step.verb
        if verb is plan.Verb.UPDATE:
            self._define(order, order.mark)
            self._listener.done(order.guest.name, msg("updated"))
            return
        if verb in (plan.Verb.RESTART, plan.Verb.REPLACE):
            self._listener.phase(order.guest.name, msg("stopping"))
            self._session.conn.domain(name).destroy()
        if verb is plan.Verb.REPLACE:
            # before the new definition is written, so that a run that is killed does not leave it with old
            # disks
            self._remove_volumes(order, 0)
        clock = Stopwatch(result.phases)
        self._listener.phase(order.guest.name, msg("defining"))
        try:
            domain = self._define(order, order.mark)
        except errors.HypervisorError as error:
            domain = self._define(order, self._without_kvm(order, result, error, error.message))
        clock.lap("define")
        self._volumes(order)
        clock.lap("volumes")
        self._start(order, domain, result, clock)

    def _define(self, order: Order, mark: GuestMetadata) -> Domain:
        xml = render.domain_xml(
            order.guest,
            mark,
            order.boot,
            self._pool.folder,
            session=self._session.is_session,
            counter_khz=self._counter_khz,
            eventfd=self._eventfd,
        )
        return self._session.conn.define_domain(xml)

    def _volumes(self, order: Order) -> None:
        """Makes the volumes that the step needs. A guest that only restarts keeps its own."""
        instance = order.mark.origin.key
        fresh = order.step.verb in (plan.Verb.CREATE, plan.Verb.REPLACE)
        for index, (disk, backing) in enumerate(zip(order.guest.disks, order.backing, strict=True)):
            name = instance.volume(order.guest.name, index)
            if fresh or index not in order.kept_disks:
                xml = render.volume_xml(name, disk.size, fmt="qcow2", backing=backing)
                try:
                    self._pool.create_volume(name, xml)
                except errors.ConflictError:
                    # no definition may claim that volume: whoever removed the guest would delete it
                    guest = replace(order.guest, disks=order.guest.disks[:index])
                    self._define(replace(order, guest=guest), replace(order.mark, guest=guest))
                    raise
        self._remove_volumes(order, len(order.guest.disks))

    def _remove_volumes(self, order: Order, first: int) -> None:
        for index in range(first, order.old_disks):
            self._pool.remove_volume(order.mark.origin.key.volume(order.guest.name, index))

    def _start(self, order: Order, domain: Domain, result: Launched, clock: Stopwatch) -> None:
        try:
            self._run(order, domain, result, clock)
        except (errors.HypervisorError, errors.GuestError) as error:
            if self._cancelled.is_set():
                raise
            mark = self._without_kvm(order, result, error, self._qemu_reason(domain.name) or error.message)
            domain.destroy()
            self._run(order, self._define(order, mark), result, clock)

    def _without_kvm(
        self, order: Order, result: Launched, error: errors.VirtlabError, reason: str
    ) -> GuestMetadata:
        """The metadata for going on without KVM. Raises the error where KVM was not used, or was asked
        for."""
        if result.mark.accel != "kvm" or isinstance(error, _NOT_KVM):
            raise error
        if order.guest.accel is Accel.KVM or order.mark.origin.choices.accel == Accel.KVM:
            raise errors.HypervisorError(
                msg("{name} does not run with KVM: {reason}", name=order.guest.name, reason=reason),
                hint=msg("let virtlab choose (--accel auto), or emulate (--accel tcg)"),
            ) from error
        self._listener.note(
            msg("{name}: KVM failed ({reason}); emulated instead", name=order.guest.name, reason=reason)
        )
        result.mark = order.mark.with_accel("tcg", accel.tried(reason))
        return result.mark

    def _run(self, order: Order, domain: Domain, result: Launched, clock: Stopwatch) -> None:
        label = f"{order.mark.origin.instance}/{order.guest.name}"
        if order.step.verb is plan.Verb.START:
            self._session.require_qemu(domain.name, label)  # it may be there, and paused
        ready = await_ready(
            domain,
            order.guest,
            label,
            self._listener,
            timeout=self._timeout,
            cancelled=self._cancelled,
            clock=clock,
        )
        if ready is not None:
            result.ready_after = ready.seconds
            result.boot = dict(ready.marks)

    def _qemu_reason(self, domain: str) -> str | None:
        """The line in which QEMU says why it ended, where its log can be read."""
        log = self._session.host.qemu_log(domain, session=self._session.is_session)
        return None if log is None else qemu_log.reason(log)


def await_ready(
    domain: Domain,
    guest: Guest,
    label: str,
    listener: Listener,
    *,
    timeout: float,
    cancelled: threading.Event | None = None,
    clock: Stopwatch | None = None,
    on_mark: Callable[[str], None] | None = None,
) -> Ready | None:
    """Starts a guest that is defined, and waits until its agent answers or, where it has none, until it waits
    for a line at its console. The seconds are counted from QEMU's start.

    A guest that is paused, by somebody or by a run that was killed, is resumed. Returns None where there is
    nothing to wait for, or where ``cancelled`` was set before the start. ``on_mark`` is called with each
    phase of the boot that the guest reports.
    """
    clock = clock or Stopwatch({})
    listener.phase(guest.name, msg("starting QEMU"))

    def reported(mark: str, _seconds: float) -> None:
        if on_mark is not None:
            on_mark(mark)
        listener.phase(guest.name, msg("booting: {mark}", mark=mark))

    prompt = prompt_of(guest.image) if guest.agent is AgentPort.NONE else None
    log = ConsoleLog(on_mark=reported, prompt=prompt)
    if cancelled is not None and cancelled.is_set():
        return None
    began = time.monotonic()
    was_active = domain.is_active()
    if not was_active:
        domain.start_paused()
    clock.lap("start")
    console = partial(open_console, domain, "serial0", label=label, on_data=log.feed, on_end=log.close)
    with DomainWatch(domain) as watch, console() as line:
        domain.resume()
        clock.lap("resume")
        if guest.agent is AgentPort.NONE and prompt is None:
            listener.done(guest.name, msg("started; it has no agent to wait for"))
            return None
        listener.phase(guest.name, msg("booting"))
        if guest.agent is AgentPort.NONE:
            nudge = partial(line.write, b"\r", time.monotonic() + timeout) if was_active else None
            ready = readiness.wait_prompted(label, watch, timeout, log, nudge)
        else:
            ready = readiness.wait_ready(channel(domain, guest.agent, label), watch, timeout, log)
    if guest.agent is not AgentPort.NONE:
        _note_answered(domain)
    clock.lap("boot")
    ready = replace(ready, seconds=time.monotonic() - began)
    listener.done(guest.name, msg("ready after {seconds}", seconds=format_seconds(ready.seconds)))
    return ready


def await_answer(
    session: Session, domain: Domain, guest: Guest, label: str, listener: Listener, *, timeout: float
) -> None:
    """Returns when commands can be run in a running guest.

    That one was waited for is told to the listener, at the end, too.

    Raises QemuStopped at once where it can't answer; NotReady where it is still starting, and does not answer
    within ``timeout`` seconds; Broken where it had come up before, and gives no answer soon, or none that
    makes sense.
    """
    way = channel(domain, guest.agent, label)
    began = time.monotonic()
    try:
        AgentTransport(way).check(_PROMPT)
    except errors.Busy:
        session.require_qemu(domain.name, label)
        return  # somebody is talking to it
    except errors.Broken:
        session.require_qemu(domain.name, label)
        if domain.has_answered():
            listener.phase(guest.name, msg("is up, and does not answer yet"))
        else:
            listener.phase(guest.name, msg("runs, and is still starting"))
            with DomainWatch(domain) as watch:
                readiness.wait_ready(way, watch, timeout)
        AgentTransport(way).check(SILENCE)
        waited = format_seconds(time.monotonic() - began)
        listener.done(guest.name, msg("answers after {seconds}", seconds=waited))
    _note_answered(domain)


def _note_answered(domain: Domain) -> None:
    with suppress(errors.HypervisorError):  # it is needed only to tell sooner that the guest is broken
        domain.note_answered()


class Stopwatch:
    """Measures laps. Each adds the seconds since the lap before, or since the start, to the lap of its
    name."""

    def __init__(self, laps: dict[str, float]) -> None:
        self._laps = laps
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name] = self._laps.get(name, 0.0) + now - self._last
        self._last = now
