"""``bench``: measures clones of a lab's guests in turn, one at a time. The guests themselves are paused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.host import lock
from provisioner.language import joined, msg, of_text
from provisioner.listener import Listener
from provisioner.measure import far_end, findings, measurable_now, statistics, tracing, turns, workloads
from provisioner.measure.clone import Clone, Clones
from provisioner.measure.findings import Results, first_line
from provisioner.measure.paused_guests import PausedGuests
from provisioner.measure.turns import Reading, Task, TaskFailed
from provisioner.measure.workloads import Needs, Probe
from provisioner.model import measured
from provisioner.model.measured import Bench
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, Observed, ObservedDomain
from provisioner.units import format_seconds

COUNT_ROUNDS = 5  # of counted accesses, which are nearly the same each time
_MAKE, _WARM, _AROUND, _BOOT = 6.0, 10.0, 0.4, 4.0  # seconds, roughly, for the time left
_FILL_SECONDS = 60.0
_SUBJECT = "bench"


def run(
    session: Session,
    instance: Instance,
    guests: Sequence[Member],
    monitor: Listener,
    *,
    quick: bool,
    cancelled: Cancellation,
    rounds: int | None = None,
    timeout: float = 120.0,
) -> tuple[Bench, errors.VirtlabError | None]:
    """Measures these guests, and says what kept them from the network. The first one is the base of all
    ratios.

    Only guests of the host's libvirt are measured, because guests inside others have no clones; the listener
    is told which are left out. The result says what could not be measured, and why. The guests are paused
    until this returns or raises, and the clones are gone then. ``timeout`` is for each boot of a clone.
    Raises GuestError where there is nothing to measure, before anything is done, and Cancelled soon after
    ``cancelled`` is set; nothing stops the cleaning up.
    """
    measurable_now.require_some(instance, guests)
    names = [guest.guest for guest in guests if isinstance(guest, ObservedDomain)]
    if inside := [guest.guest for guest in guests if guest.guest not in names]:
        left = ", ".join(inside)
        monitor.note(msg("not measured: {left}: bench measures only guests of the host's libvirt", left=left))
    with lock.held(session.lock_name(instance.name), monitor, timeout=lock.LONG):
        work = _Run(session, instance, names, monitor, quick, cancelled, rounds, timeout)
        return work.work(), work.unreached


class _Run:
    def __init__(
        self,
        session: Session,
        instance: Instance,
        names: Sequence[str],
        monitor: Listener,
        quick: bool,
        cancelled: Cancellation,
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
        self._clones = Clones(session, instance, monitor, cancelled, timeout)
        self._results = Results(names)
        self.unreached: errors.VirtlabError | None = None  # why clones do not reach the host
        self._probes = workloads.probes(quick)
        self._timed = [probe for probe in self._probes if probe.registers is None]
        self._counted = [probe for probe in self._probes if probe.registers is not None]
        self._label = ""
        self._began = time.monotonic()
        self._total = self._estimate()
        self._done = 0.0  # of that

    def work(self) -> Bench:
        """Measures. Whatever happens, the guests are resumed and the clones removed."""
        self._began, taken = time.monotonic(), datetime.now(UTC)
        host = findings.host_facts(self._session)
        observed = self._session.look(volumes=False).of(self._instance)
        domains = self._domains(observed)
        self._results.doubt(host, domains)
        paused = PausedGuests(self._session, self._instance, self._cancelled)
        try:
            with self._cancelled.stoppable():
                # before anything else, so that the guests do not run while the clones boot
                if paused.pause(domains):
                    self._monitor.note(msg("the guests are paused while their clones are measured"))
                self._measure(domains)
        except BaseException:
            for problem in self._clean_up(paused):
                why = problem.message
                self._monitor.note(msg("not put back: {why} (see {virtlab} status)", why=why))
            raise
        errors.raise_all(
            self._clean_up(paused),
            msg("not all was put back as it was"),
            hint=f"{{virtlab}} start {self._instance.name}",
        )
        seconds = time.monotonic() - self._began
        self._monitor.done(_SUBJECT, msg("done in {seconds}", seconds=format_seconds(seconds)))
        for guest, why in self._clones.failed.items():
            self._results.note(joined(": ", (guest, why)))
        counted = {metric.name for probe in self._counted for metric in workloads.metrics_of(probe)}
        outcomes = {
            metric.name: self._results.outcome(
                metric, self._clones.failed, self._label if metric.name in counted else ""
            )
            for metric in findings.wanted(self._probes, boots=not self._quick)
        }
        control = next((outcomes[name] for name, m in workloads.metrics().items() if m.control), None)
        return Bench(
            format=measured.FORMAT,
            lab=domains[0].metadata.origin.lab,
            instance=self._instance.name,
            taken=taken.isoformat(timespec="seconds"),
            quick=self._quick,
            rounds=self._rounds,
            seconds=seconds,
            host=host,
            guests=tuple(
                findings.guest_config(d, observed, session=self._session.is_session) for d in domains
            ),
            outcomes=tuple(outcomes.values()),
            control=workloads.MARGIN,
            control_holds=statistics.control_holds(control),
            notes=self._results.notes,
        )

    def _domains(self, observed: Observed) -> list[ObservedDomain]:
        """The guests as they are now: they may have changed while this waited for the lock."""
        domains = [domain for name in self._names if (domain := observed.domain(name)) is not None]
        if not domains or len(domains) < len(self._names):
            told = msg("{name} has changed meanwhile", name=self._instance.name)
            raise errors.NotFound(told, hint="{virtlab} status")
        return domains

    def _clean_up(self, paused: PausedGuests) -> list[errors.VirtlabError]:
        problems = paused.resume()
        try:
            self._clones.remove()
        except errors.VirtlabError as error:
            problems.append(error)
        return problems

    def _measure(self, domains: Sequence[ObservedDomain]) -> None:
        reasons = {domain.guest: measurable_now.obstacle(domain) for domain in domains}
        self._clones.failed.update({guest: why for guest, why in reasons.items() if why})
        able = [domain for domain in domains if not reasons[domain.guest]]
        self._step(msg("starting the clones"), _MAKE)
        self._clones.make(able)
        for clone in self._in_turn(0):
            self._bar_what_it_lacks(clone)
        self.unreached = far_end.check(
            self._session, self._instance, self._in_turn(0), self._probes, self._results, self._cancelled
        )
        if self.unreached is not None:
            self._monitor.note(joined("; ", (self.unreached.message, self.unreached.hint or "")))
        self._step(msg("warming up"), _WARM)
        self._warm_up()
        for number in range(self._rounds):
            for clone in self._in_turn(number):
                words = msg("round {number} of {rounds}", number=number + 1, rounds=self._rounds)
                self._turn(clone, self._timed, number, words)
        if not self._quick:
            self._boots()
        if self._counted:
            self._count()

    def _in_turn(self, number: int) -> list[Clone]:
        """The clones that run, in the order of the guests, and in every second round in the reverse order."""
        clones = [self._clones.running[name] for name in self._names if name in self._clones.running]
        return clones[::-1] if number % 2 else clones

    def _bar_what_it_lacks(self, clone: Clone) -> None:
        for probe in self._probes:
            if Needs.DISK in probe.needs and not clone.guest.first_disk:
                several = msg("its disks are on several controllers: it is not known which one is the first")
                self._results.bar(probe, clone.of, several if clone.guest.disks else msg("it has no disk"))
            if Needs.NETWORK in probe.needs and not clone.addresses:
                self._results.bar(probe, clone.of, msg("it has no network card"))

    def _warm_up(self) -> None:
        """Does everything once on all clones side by side, and keeps no number: the first time is slower."""
        clones = self._in_turn(0)

        def end() -> None:
            for clone in clones:
                clone.domain.destroy()  # what is under way there ends with it

        work = [partial(self._warm_up_one, clone) for clone in clones]
        side_by_side.run(work, cancelled=self._cancelled, end=end)

    def _warm_up_one(self, clone: Clone) -> None:
        if clone.guest.first_disk and any(Needs.DISK in probe.needs for probe in self._timed):
            self._fill_disk(clone)
        able = [probe for probe in self._timed if not self._results.is_barred(probe, clone.of)]
        with self._variables(clone, able) as (variables, able):
            tasks = [turns.task(probe) for probe in able]
            with suppress(errors.GuestError, errors.HypervisorError):  # the first round tells of it
                self._install(clone, tasks)
                turns.turn(clone, tasks, variables)

    def _fill_disk(self, clone: Clone) -> None:
        task = Task("prepare", workloads.PREPARE, "echo done", _FILL_SECONDS)
        try:
            turns.install(clone, [task])
            reading = turns.turn(clone, [task], {"DISK": clone.guest.first_disk})[task.name]
        except (errors.GuestError, errors.HypervisorError) as error:
            reading = errors.GuestError(error.message)
        if isinstance(reading, errors.GuestError):
            for probe in self._timed:
                if Needs.DISK in probe.needs:
                    why = msg("its disk could not be filled: {why}", why=first_line(reading))
                    self._results.bar(probe, clone.of, why)

    def _install(self, clone: Clone, tasks: Sequence[Task]) -> None:
        names = {task.name for task in tasks}
        if not clone.installed >= names:
            turns.install(clone, tasks)
            clone.installed |= names

    def _turn(self, clone: Clone, probes: Sequence[Probe], number: int, words: str) -> None:
        """One round of probes on one clone."""
        side_by_side.check(self._cancelled)
        self._clones.alone(clone)
        costs = {probe.name: probe.seconds + _AROUND for probe in probes}
        titles = {probe.name: of_text(probe.title) for probe in probes}
        target = self._done + sum(costs.values())

        def on_begin(name: str) -> None:
            self._tell(msg("{words}: {guest}, {title}", words=words, guest=clone.of, title=titles[name]))
            self._done += costs[name]

        able = [probe for probe in probes if not self._results.is_barred(probe, clone.of)]
        with self._variables(clone, able) as (variables, able), ExitStack() as stack:
            counting = None
            if probes is self._counted:
                counting = stack.enter_context(closing(tracing.counter(self._session, clone)))
            if able:
                self._probe(clone, able, variables, number, on_begin, counting)
        self._done = target

    def _probe(
        self,
        clone: Clone,
        probes: Sequence[Probe],
        variables: dict[str, str],
        number: int,
        on_begin: Callable[[str], None],
        counting: tracing.Counter | None,
    ) -> None:
        tasks = [turns.task(probe) for probe in probes]
        try:
            self._install(clone, tasks)
            readings = turns.turn(clone, tasks, variables, counting=counting, on_begin=on_begin)
        except (errors.GuestError, errors.HypervisorError) as error:
            if not self._has_ended(clone):
                for probe in probes:
                    self._results.failed(probe, clone.of, number, first_line(error))
            return
        for probe in probes:
            reading = readings[probe.name]
            try:
                if isinstance(reading, errors.GuestError):
                    raise reading
                if counting is None:
                    self._put(clone, probe, number, reading)
                else:
                    self._results.put_count(probe, clone.of, number, counting.count(clone, probe, reading))
            except TaskFailed as error:
                connected = error.code != workloads.NO_CONNECTION
                self._results.failed(probe, clone.of, number, first_line(error), connected=connected)
            except (errors.GuestError, ValueError) as error:
                self._results.failed(probe, clone.of, number, first_line(error))
            else:
                self._results.succeeded(probe, clone.of)

    def _put(self, clone: Clone, probe: Probe, number: int, reading: Reading) -> None:
        numbers = workloads.read(probe, reading.answer)
        for metric in probe.metrics:
            self._results.put(metric.name, clone.of, number, numbers[metric.name])
        if probe.host is not None and reading.host_seconds > 0:
            units = numbers[workloads.WORK] / probe.per
            self._results.put(probe.host.name, clone.of, number, reading.host_seconds / units)

    def _boots(self) -> None:
        for number in range(rounds := self._rounds):
            for clone in self._in_turn(number):
                words = msg("boot {at} of {rounds}: {guest}", at=number + 1, rounds=rounds, guest=clone.of)
                self._step(words, _BOOT)
                self._clones.alone(clone)
                try:
                    booted = self._clones.reboot(clone)
                except (errors.GuestError, errors.HypervisorError) as error:
                    self._lose(clone, msg("its clone did not boot again: {why}", why=first_line(error)))
                    continue
                self._results.put(workloads.BOOT_TOTAL.name, clone.of, number, booted.total)
                began, ended = booted.phases.get("init"), booted.phases.get("agent")
                if began is not None and ended is not None:
                    self._results.put(workloads.BOOT_KERNEL.name, clone.of, number, began)
                    self._results.put(workloads.BOOT_SYSTEM.name, clone.of, number, ended - began)

    def _count(self) -> None:
        clones = self._in_turn(0)
        reasons = {clone.of: tracing.obstacle(self._session, clone) for clone in clones}
        accels = {clone.accel for clone in clones}
        if len(accels) > 1:
            differ = msg("the guests' accelerators differ, and count different things")
            reasons = dict.fromkeys(reasons, differ)
        for guest, why in reasons.items():
            for probe in self._counted if why else ():
                self._results.bar(probe, guest, msg("not available here: {why}", why=why))
        can = [t for t in clones for p in self._counted if not self._results.is_barred(p, t.of)]
        if not can:
            return
        self._step(msg("starting clones again, to count register accesses"), _MAKE)
        for clone in clones:
            clone.domain.unpause()
        if accels == {"kvm"}:
            self._label = tracing.EXITS
        elif self._clones.count_accesses():
            self._label = tracing.NO_EVENTFD
        for number in range(self._counts):
            for clone in self._in_turn(number):
                words = msg("counting, {number} of {counts}", number=number + 1, counts=self._counts)
                self._turn(clone, self._counted, number, words)

    @contextmanager
    def _variables(
        self, clone: Clone, probes: Sequence[Probe]
    ) -> Iterator[tuple[dict[str, str], list[Probe]]]:
        """The variables for the scripts, and the probes that can run. Inside it, the host's iperf3 runs."""
        variables = {"DISK": clone.guest.first_disk}
        if clone.addresses:
            variables["PEER"] = far_end.peer(self._session, clone)
        with ExitStack() as stack:
            if any(Needs.FAR_END in probe.needs for probe in probes):
                try:
                    variables["PORT"] = str(stack.enter_context(far_end.opened(self._session, clone)))
                except errors.HypervisorError as error:
                    why = first_line(error) + (f" ({error.hint})" if error.hint else "")
                    for probe in probes:
                        if Needs.FAR_END in probe.needs:
                            self._results.bar(probe, clone.of, msg("not available here: {why}", why=why))
            yield variables, [probe for probe in probes if not self._results.is_barred(probe, clone.of)]

    def _has_ended(self, clone: Clone) -> bool:
        try:
            if clone.domain.is_active():
                return False
        except errors.NotFound:
            pass
        self._lose(clone, msg("its clone stopped in the middle of the measurement"))
        return True

    def _lose(self, clone: Clone, why: str) -> None:
        self._clones.drop(clone.of, why)
        self._monitor.failed(clone.guest.name, why)

    def _estimate(self) -> float:
        guests = len(self._names)
        total = _MAKE + _WARM + self._rounds * guests * sum(p.seconds + _AROUND for p in self._timed)
        if not self._quick:
            total += self._rounds * guests * _BOOT
        return total + _MAKE + self._counts * guests * sum(p.seconds + _AROUND for p in self._counted)

    def _step(self, words: str, seconds: float) -> None:
        """Tells what comes now, which takes about so long. Raises Cancelled when it was cancelled."""
        side_by_side.check(self._cancelled)
        self._tell(words)
        self._done += seconds

    def _tell(self, words: str) -> None:
        pace = (time.monotonic() - self._began) / self._done if self._done else 1.0
        left = max(1, round(max(0.0, self._total - self._done) * pace))
        told = msg("{words}, about {left} s left", words=words, left=left)
        self._monitor.phase(_SUBJECT, told, min(1.0, self._done / self._total))
