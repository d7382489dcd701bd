"""One guest from its definition until it answers: volumes, define, start, wait; and back again on failure."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from provisioner import errors, plan, render
from provisioner.engine.monitor import Monitor
from provisioner.engine.reach import channel
from provisioner.engine.session import Session
from provisioner.guest import readiness
from provisioner.guest.console_log import ConsoleLog
from provisioner.guest.readiness import Ready
from provisioner.hypervisor import apply
from provisioner.hypervisor.events import DomainWatch
from provisioner.hypervisor.streams import open_console
from provisioner.lab.enums import Accel, AgentPort
from provisioner.lab.model import Guest
from provisioner.stamp import GuestStamp
from provisioner.units import format_seconds


@dataclass(frozen=True, slots=True)
class Order:
    """All that is needed to bring up one guest."""

    step: plan.Step
    guest: Guest
    mark: GuestStamp
    boot: render.BootFiles
    backing: tuple[str | None, ...]  # for each disk, the path of the image below it
    old_disks: int  # how many volumes it had before


@dataclass(slots=True)
class Launched:
    """What became of a guest."""

    name: str
    verb: plan.Verb
    mark: GuestStamp
    guest: Guest
    ready_after: float | None = None  # seconds from QEMU's start until the agent answered
    phases: dict[str, float] = field(default_factory=dict)  # seconds, by step of virtlab's
    boot: dict[str, float] = field(default_factory=dict)  # the guest's own marks: seconds of its uptime
    error: errors.VirtlabError | None = None


class Launcher:
    """Brings up guests of one instance. Each method runs in a thread of its guest."""

    def __init__(
        self, session: Session, pool: Any, monitor: Monitor, *, timeout: float, cancelled: threading.Event
    ) -> None:
        self._session = session
        self._pool = pool
        self._pool_path = apply.pool_path(pool)
        self._monitor = monitor
        self._timeout = timeout
        self._cancelled = cancelled

    def launch(self, order: Order) -> Launched:
        """Does the order's step. Never raises a VirtlabError: it is in the result."""
        result = Launched(order.guest.name, order.step.verb, order.mark, order.guest)
        try:
            self._launch(order, result)
        except errors.VirtlabError as error:
            result.error = error
            self._monitor.failed(order.guest.name, error.message.splitlines()[0])
        return result

    def _launch(self, order: Order, result: Launched) -> None:
        name = order.mark.origin.key.domain(order.guest.name)
        verb = order.step.verb
        if verb is plan.Verb.UPDATE:
            self._define(order, order.mark)
            self._monitor.done(order.guest.name, "updated")
            return
        if verb in (plan.Verb.RESTART, plan.Verb.REPLACE):
            self._monitor.phase(order.guest.name, "stopping")
            apply.destroy(apply.domain(self._session.conn, name))
        clock = _Stopwatch(result.phases)
        self._monitor.phase(order.guest.name, "defining")
        dom = self._define(order, order.mark)
        clock.lap("define")
        self._volumes(order)
        clock.lap("volumes")
        self._start(order, dom, result, clock)

    def _define(self, order: Order, mark: GuestStamp) -> Any:
        xml = render.domain_xml(
            order.guest, mark, order.boot, self._pool_path, session=self._session.is_session
        )
        return apply.define_domain(self._session.conn, xml)

    def _volumes(self, order: Order) -> None:
        """Makes the volumes that the step calls for; those of a guest that only restarts stay."""
        instance = order.mark.origin.key
        fresh = order.step.verb in (plan.Verb.CREATE, plan.Verb.REPLACE)
        for index, (disk, backing) in enumerate(zip(order.guest.disks, order.backing, strict=True)):
            if fresh or index >= order.old_disks:
                name = instance.volume(order.guest.name, index)
                xml = render.volume_xml(name, disk.size, fmt="qcow2", backing=backing)
                apply.create_volume(self._pool, name, xml)
        for index in range(len(order.guest.disks), order.old_disks):
            apply.remove_volume(self._session.conn, instance.volume(order.guest.name, index))

    def _start(self, order: Order, dom: Any, result: Launched, clock: _Stopwatch) -> None:
        try:
            self._run(order, dom, result, clock)
        except (errors.HypervisorError, errors.GuestError) as error:
            if order.mark.accel != "kvm" or isinstance(error, errors.NotReady) or self._cancelled.is_set():
                raise
            reason = self._qemu_reason(dom.name()) or error.message
            if order.guest.accel is Accel.KVM or order.mark.origin.choices.accel == Accel.KVM:
                raise errors.HypervisorError(
                    f"{order.guest.name} does not run with KVM: {reason}",
                    hint="let virtlab choose (--accel auto), or emulate (--accel tcg)",
                ) from error
            self._monitor.note(f"{order.guest.name}: KVM failed ({reason}); emulated instead")
            apply.destroy(dom)
            result.mark = order.mark.with_accel("tcg", f"KVM was tried and failed: {reason}")
            self._run(order, self._define(order, result.mark), result, clock)

    def _run(self, order: Order, dom: Any, result: Launched, clock: _Stopwatch) -> None:
        label = f"{order.mark.origin.instance}/{order.guest.name}"
        ready = await_ready(
            dom,
            order.guest,
            label,
            self._monitor,
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
        if log is None:
            return None
        lines = [line.strip() for line in log.splitlines()]
        told = [line for line in lines if line.startswith("qemu-system") and "terminating" not in line]
        return told[-1].partition(": ")[2] if told else None


def await_ready(
    dom: Any,
    guest: Guest,
    label: str,
    monitor: Monitor,
    *,
    timeout: float,
    cancelled: threading.Event | None = None,
    clock: _Stopwatch | None = None,
) -> Ready | None:
    """Starts a defined guest and waits until its agent answers; the seconds count from QEMU's start.

    None where the guest has no agent to wait for, or ``cancelled`` was set before the start.
    """
    clock = clock or _Stopwatch({})
    monitor.phase(guest.name, "starting QEMU")
    log = ConsoleLog(on_mark=lambda mark, _seconds: monitor.phase(guest.name, f"booting: {mark}"))
    if cancelled is not None and cancelled.is_set():
        return None
    began = time.monotonic()
    apply.start_paused(dom)
    clock.lap("start")
    console = partial(open_console, dom, "serial0", label=label, on_data=log.feed, on_end=log.close)
    with DomainWatch(dom) as watch, console():
        apply.resume(dom)
        clock.lap("resume")
        if guest.agent is AgentPort.NONE:
            monitor.done(guest.name, "started; it has no agent to wait for")
            return None
        monitor.phase(guest.name, "booting")
        ready = readiness.wait_ready(channel(dom, guest.agent, label), watch, timeout, log)
    clock.lap("boot")
    ready = replace(ready, seconds=time.monotonic() - began)
    monitor.done(guest.name, f"ready after {format_seconds(ready.seconds)}")
    return ready


class _Stopwatch:
    def __init__(self, laps: dict[str, float]) -> None:
        self._laps = laps
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name] = self._laps.get(name, 0.0) + now - self._last
        self._last = now
