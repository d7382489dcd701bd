"""``bench``: measures twins of a lab's guests, one at a time, in turn; the guests themselves stand still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from provisioner import errors, plan
from provisioner.engine import lock, runner, tally, trace
from provisioner.engine.monitor import Monitor
from provisioner.engine.runner import Reading, Task
from provisioner.engine.session import Session
from provisioner.engine.tally import Tally, calls_home, first_line
from provisioner.engine.twin import Twin, Twins
from provisioner.hypervisor import apply
from provisioner.hypervisor import monitor as domain_monitor
from provisioner.lab.enums import AgentPort
from provisioner.lessons import measured, samples, workloads
from provisioner.lessons.measured import Bench
from provisioner.lessons.workloads import Needs, Probe
from provisioner.naming import Instance
from provisioner.processes import iperf3_server
from provisioner.seen import Member, Seen, SeenDomain
from provisioner.units import format_seconds

COUNT_ROUNDS = 5  # of counted accesses, which are nearly the same each time
_MAKE, _WARM, _AROUND, _BOOT = 6.0, 10.0, 0.4, 4.0  # seconds, roughly, for the time left
_FILL_SECONDS = 60.0
_SUBJECT = "bench"


def run(
    session: Session,
    instance: Instance,
    guests: Sequence[Member],
    monitor: Monitor,
    *,
    quick: bool,
    cancelled: threading.Event,
    rounds: int | None = None,
    timeout: float = 120.0,
) -> Bench:
    """Measures the guests given, the first of which is the base of all ratios.

    Guests inside others have no twins: only those of the host's libvirt are measured, which is said.
    What can't be measured is missing in the result, which says why. The guests are paused meanwhile,
    and go on when this returns or raises; the twins are gone then. ``timeout`` is for each boot of a
    twin. Raises KeyboardInterrupt soon after ``cancelled`` is set.
    """
    names = [guest.guest for guest in guests if isinstance(guest, SeenDomain)]
    if inside := [guest.guest for guest in guests if guest.guest not in names]:
        monitor.note(f"not measured: {', '.join(inside)}: bench measures only guests of the host's libvirt")
    with lock.held(session.lock_name(instance.name), monitor, timeout=lock.LONG):
        return _Run(session, instance, names, monitor, quick, cancelled, rounds, timeout).work()


class _Run:
    def __init__(
        self,
        session: Session,
        instance: Instance,
        names: Sequence[str],
        monitor: Monitor,
        quick: bool,
        cancelled: threading.Event,
        rounds: int | None,
        timeout: float,
    ) -> None:
        self._session = session
        self._instance = instance
        self._names = names
        self._monitor = monitor
        self._quick = quick
        self._cancelled = cancelled
        self._rounds = rounds or (workloads.QUICK_ROUNDS if quick else workloads.FULL_ROUNDS)
        self._counts = min(self._rounds, COUNT_ROUNDS)
        self._twins = Twins(session, instance, monitor, cancelled, timeout)
        self._tally = Tally(names)
        self._probes = workloads.probes(quick)
        self._timed = [probe for probe in self._probes if probe.registers is None]
        self._counted = [probe for probe in self._probes if probe.registers is not None]
        self._label = ""
        self._began = time.monotonic()
        self._total = self._estimate()
        self._done = 0.0  # of that

    def work(self) -> Bench:
        """All of it. Whatever happens, the guests go on and the twins go."""
        self._began, taken = time.monotonic(), datetime.now(UTC)
        host = tally.host_facts(self._session)
        seen = self._session.look(volumes=False).of(self._instance)
        domains = self._domains(seen)
        self._tally.doubt(host, domains)
        paused: list[Any] = []
        try:
            # first of all: nothing of the lab runs beside the boots either
            for domain in domains:
                dom = apply.domain(self._session.conn, domain.name)
                if domain.is_active and domain_monitor.pause(dom):
                    paused.append(dom)
            if paused:
                self._monitor.note("the guests are paused while their twins are measured")
            self._measure(domains)
        except BaseException:
            for problem in self._clean_up(paused):
                self._monitor.note(f"not put back: {problem.message} (see {{virtlab}} status)")
            raise
        errors.raise_all(
            self._clean_up(paused),
            "not all was put back as it was",
            hint=f"{{virtlab}} start {self._instance.name}",
        )
        seconds = time.monotonic() - self._began
        self._monitor.done(_SUBJECT, f"done in {format_seconds(seconds)}")
        for guest, why in self._twins.failed.items():
            self._tally.note(f"{guest}: {why}")
        counted = {metric.name for probe in self._counted for metric in tally.metrics_of(probe)}
        outcomes = {
            metric.name: self._tally.outcome(
                metric, self._twins.failed, self._label if metric.name in counted else ""
            )
            for metric in tally.wanted(self._probes, boots=not self._quick)
        }
        control = next((outcomes[name] for name, m in workloads.metrics().items() if m.control), None)
        return Bench(
            format=measured.FORMAT,
            lab=domains[0].stamp.origin.lab,
            instance=self._instance.name,
            taken=taken.isoformat(timespec="seconds"),
            quick=self._quick,
            rounds=self._rounds,
            seconds=seconds,
            host=host,
            guests=tuple(tally.guest_config(d, seen, session=self._session.is_session) for d in domains),
            outcomes=tuple(outcomes.values()),
            control=workloads.MARGIN,
            control_holds=samples.control_holds(control),
            notes=self._tally.notes,
        )

    def _domains(self, seen: Seen) -> list[SeenDomain]:
        """The guests as they are now: there may have been a wait for the lock."""
        found = [domain for name in self._names if (domain := seen.domain(name)) is not None]
        if not found or len(found) < len(self._names):
            raise errors.NotFound(f"{self._instance.name} has changed meanwhile", hint="{virtlab} status")
        return found

    def _clean_up(self, paused: Sequence[Any]) -> list[errors.VirtlabError]:
        problems: list[errors.VirtlabError] = []
        for dom in paused:
            try:
                domain_monitor.unpause(dom)
            except errors.VirtlabError as error:
                problems.append(error)
        try:
            self._twins.remove()
        except errors.VirtlabError as error:
            problems.append(error)
        return problems

    def _measure(self, domains: Sequence[SeenDomain]) -> None:
        able = []
        for domain in domains:
            if not domain.is_active:
                self._twins.failed[domain.guest] = f"it is {domain.state}"
            elif domain.stamp.definition["agent"] == AgentPort.NONE:
                self._twins.failed[domain.guest] = "it has no guest agent to measure it with"
            else:
                able.append(domain)
        self._step("starting the twins", _MAKE)
        self._twins.make(able)
        for twin in self._in_turn(0):
            self._bar_what_it_lacks(twin)
        self._step("warming up", _WARM)
        self._warm_up()
        for number in range(self._rounds):
            for twin in self._in_turn(number):
                self._turn(twin, self._timed, number, f"round {number + 1} of {self._rounds}")
        if not self._quick:
            self._boots()
        if self._counted:
            self._count()

    def _in_turn(self, number: int) -> list[Twin]:
        """The twins that run, in the order of the guests, and every other round in the opposite one."""
        twins = [self._twins.running[name] for name in self._names if name in self._twins.running]
        return twins[::-1] if number % 2 else twins

    def _bar_what_it_lacks(self, twin: Twin) -> None:
        for probe in self._probes:
            if Needs.DISK in probe.needs and not twin.disk:
                several = "its disks are on several controllers: which comes first can't be told"
                self._tally.bar(probe, twin.of, several if twin.definition.disks else "it has no disk")
            if Needs.NETWORK in probe.needs and not twin.addresses:
                self._tally.bar(probe, twin.of, "it has no network card")

    def _warm_up(self) -> None:
        """Does everything once, on all twins side by side, and keeps no number: the first time is slower."""
        twins = self._in_turn(0)
        if not twins:
            return
        with ThreadPoolExecutor(max_workers=len(twins), thread_name_prefix="warm-up") as threads:
            futures = [threads.submit(self._warm_up_one, twin) for twin in twins]
            try:
                for future in futures:
                    future.result()
            except KeyboardInterrupt:
                for twin in twins:
                    apply.destroy(twin.dom)  # what is under way there ends with it
                raise

    def _warm_up_one(self, twin: Twin) -> None:
        if twin.disk and any(Needs.DISK in probe.needs for probe in self._timed):
            self._fill_disk(twin)
        able = [probe for probe in self._timed if not self._tally.is_barred(probe, twin.of)]
        with self._variables(twin, able) as (variables, able):
            tasks = [runner.task(probe) for probe in able]
            with suppress(errors.GuestError, errors.HypervisorError):  # the first round tells of it
                self._install(twin, tasks)
                runner.turn(twin, tasks, variables)

    def _fill_disk(self, twin: Twin) -> None:
        task = Task("prepare", workloads.PREPARE, "echo done", _FILL_SECONDS)
        try:
            runner.install(twin, [task])
            found = runner.turn(twin, [task], {"DISK": twin.disk})[task.name]
        except (errors.GuestError, errors.HypervisorError) as error:
            found = errors.GuestError(error.message)
        if isinstance(found, errors.GuestError):
            for probe in self._timed:
                if Needs.DISK in probe.needs:
                    self._tally.bar(probe, twin.of, f"its disk could not be filled: {first_line(found)}")

    def _install(self, twin: Twin, tasks: Sequence[Task]) -> None:
        names = {task.name for task in tasks}
        if not twin.installed >= names:
            runner.install(twin, tasks)
            twin.installed |= names

    def _turn(self, twin: Twin, probes: Sequence[Probe], number: int, words: str) -> None:
        """One round of probes on one twin."""
        if self._cancelled.is_set():
            raise KeyboardInterrupt
        self._twins.alone(twin)
        costs = {probe.name: probe.seconds + _AROUND for probe in probes}
        titles = {probe.name: probe.title.en for probe in probes}
        target = self._done + sum(costs.values())

        def on_begin(name: str) -> None:
            self._tell(f"{words}: {twin.of}, {titles[name]}")
            self._done += costs[name]

        able = [probe for probe in probes if not self._tally.is_barred(probe, twin.of)]
        with self._variables(twin, able) as (variables, able), ExitStack() as stack:
            counting = None
            if probes is self._counted:
                counting = stack.enter_context(closing(trace.counter(self._session, twin)))
            if able:
                self._probe(twin, able, variables, number, on_begin, counting)
        self._done = target

    def _probe(
        self,
        twin: Twin,
        probes: Sequence[Probe],
        variables: dict[str, str],
        number: int,
        on_begin: Callable[[str], None],
        counting: trace.Counter | None,
    ) -> None:
        tasks = [runner.task(probe) for probe in probes]
        try:
            self._install(twin, tasks)
            readings = runner.turn(twin, tasks, variables, counting=counting, on_begin=on_begin)
        except (errors.GuestError, errors.HypervisorError) as error:
            if not self._has_ended(twin):
                for probe in probes:
                    self._tally.failed(probe, twin.of, number, first_line(error))
            return
        for probe in probes:
            reading = readings[probe.name]
            try:
                if isinstance(reading, errors.GuestError):
                    raise reading
                if counting is None:
                    self._put(twin, probe, number, reading)
                else:
                    self._tally.put_count(probe, twin.of, number, counting.count(twin, probe, reading))
            except (errors.GuestError, ValueError) as error:
                self._tally.failed(probe, twin.of, number, first_line(error))
            else:
                self._tally.succeeded(probe, twin.of)

    def _put(self, twin: Twin, probe: Probe, number: int, reading: Reading) -> None:
        numbers = workloads.read(probe, reading.answer)
        for metric in probe.metrics:
            self._tally.put(metric.name, twin.of, number, numbers[metric.name])
        if probe.host is not None and reading.host_seconds > 0:
            units = numbers[workloads.WORK] / probe.per
            self._tally.put(probe.host.name, twin.of, number, reading.host_seconds / units)

    def _boots(self) -> None:
        for number in range(self._rounds):
            for twin in self._in_turn(number):
                self._step(f"boot {number + 1} of {self._rounds}: {twin.of}", _BOOT)
                self._twins.alone(twin)
                try:
                    booted = self._twins.reboot(twin)
                except (errors.GuestError, errors.HypervisorError) as error:
                    self._lose(twin, f"its twin did not boot again: {first_line(error)}")
                    continue
                self._tally.put(workloads.BOOT_TOTAL.name, twin.of, number, booted.total)
                began, ended = booted.phases.get("init"), booted.phases.get("agent")
                if began is not None and ended is not None:
                    self._tally.put(workloads.BOOT_KERNEL.name, twin.of, number, began)
                    self._tally.put(workloads.BOOT_SYSTEM.name, twin.of, number, ended - began)

    def _count(self) -> None:
        twins = self._in_turn(0)
        reasons = {twin.of: trace.obstacle(self._session, twin) for twin in twins}
        accels = {twin.accel for twin in twins}
        if len(accels) > 1:
            reasons = dict.fromkeys(reasons, "the guests' accelerators differ, and count different things")
        for guest, why in reasons.items():
            for probe in self._counted if why else ():
                self._tally.bar(probe, guest, f"not available here: {why}")
        can = [t for t in twins for p in self._counted if not self._tally.is_barred(p, t.of)]
        if not can:
            return
        self._step("starting twins again, to count register accesses", _MAKE)
        for twin in twins:
            domain_monitor.unpause(twin.dom)
        if accels == {"kvm"}:
            self._label = trace.EXITS
        elif self._twins.count_accesses():
            self._label = trace.NO_EVENTFD
        for number in range(self._counts):
            for twin in self._in_turn(number):
                self._turn(twin, self._counted, number, f"counting, {number + 1} of {self._counts}")

    @contextmanager
    def _variables(self, twin: Twin, probes: Sequence[Probe]) -> Iterator[tuple[dict[str, str], list[Probe]]]:
        """What the scripts are told, and the probes that can run. The host's iperf3 runs meanwhile."""
        found = {"DISK": twin.disk}
        if twin.addresses:
            found["PEER"] = plan.USER_GATEWAY if self._session.is_session else twin.host_end
        with ExitStack() as stack:
            if any(calls_home(probe) for probe in probes):
                try:
                    found["PORT"] = str(stack.enter_context(self._far_end(twin)))
                except errors.HypervisorError as error:
                    why = first_line(error) + (f" ({error.hint})" if error.hint else "")
                    for probe in filter(calls_home, probes):
                        self._tally.bar(probe, twin.of, f"not available here: {why}")
            yield found, [probe for probe in probes if "PORT" in found or not calls_home(probe)]

    def _far_end(self, twin: Twin) -> AbstractContextManager[int]:
        """The host's iperf3; the context's value is its port."""
        if not self._session.choice.is_local:
            raise errors.HypervisorError("its far end would have to run on the remote host")
        return iperf3_server("127.0.0.1" if self._session.is_session else twin.host_end)

    def _has_ended(self, twin: Twin) -> bool:
        try:
            if apply.is_active(twin.dom):
                return False
        except errors.NotFound:
            pass
        self._lose(twin, "its twin stopped in the middle of the measurement")
        return True

    def _lose(self, twin: Twin, why: str) -> None:
        self._twins.drop(twin.of, why)
        self._monitor.failed(twin.definition.name, why)

    def _estimate(self) -> float:
        guests = len(self._names)
        total = _MAKE + _WARM + self._rounds * guests * sum(p.seconds + _AROUND for p in self._timed)
        if not self._quick:
            total += self._rounds * guests * _BOOT
        return total + _MAKE + self._counts * guests * sum(p.seconds + _AROUND for p in self._counted)

    def _step(self, words: str, seconds: float) -> None:
        """Tells what comes now, which takes about so long. Raises KeyboardInterrupt when it was cancelled."""
        if self._cancelled.is_set():
            raise KeyboardInterrupt
        self._tell(words)
        self._done += seconds

    def _tell(self, words: str) -> None:
        pace = (time.monotonic() - self._began) / self._done if self._done else 1.0
        left = max(1, round(max(0.0, self._total - self._done) * pace))
        self._monitor.phase(_SUBJECT, f"{words}, about {left} s left", min(1.0, self._done / self._total))
