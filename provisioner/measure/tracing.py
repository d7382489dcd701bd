"""Counts a clone's accesses to registers in QEMU's trace, or its exits in KVM's counter, while it works."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.host import qemu_log
from provisioner.hypervisor import qemu_monitor
from provisioner.language import msg
from provisioner.measure import trace_log, workloads
from provisioner.measure.clone import Clone
from provisioner.measure.turns import Reading
from provisioner.measure.workloads import Needs, Probe

NO_EVENTFD = "ioeventfd='off'"
EXITS = "VM exits"
_MOST_LOG = 64 * 1024**2  # bytes of trace for one piece of work
_FLUSH_SECONDS = 3.0  # in which the last lines reach the log


@dataclass(frozen=True, slots=True)
class Count:
    """Accesses or exits for each unit of a probe's work. ``parts`` gives them by the device's registers."""

    number: float
    parts: dict[str, float]


class Tracer:
    """Makes QEMU trace accesses to registers for one turn, and remembers where in QEMU's log the trace
    begins."""

    def __init__(self, session: Session, clone: Clone) -> None:
        self._domain = clone.domain
        self._file = session.host.qemu_log_file(clone.domain.name, session=session.is_session)
        self._place: qemu_log.Place | None = None
        self._requests: dict[str, list[int | None]] = {}
        self._found: list[trace_log.Access] | None = None

    def prepare(self) -> None:
        if self._file is None:
            raise errors.HypervisorError(msg("QEMU's log is on another host"))
        try:
            self._place = qemu_log.end_of(self._file)
        except OSError as error:
            raise errors.HypervisorError(
                msg("QEMU's log can't be read: {reason}: {file}", reason=error.strerror, file=self._file)
            ) from error
        qemu_monitor.trace(self._domain, trace_log.EVENTS, on=True)

    def begun(self, name: str) -> None:
        self._requests[name] = [qemu_monitor.disk_requests(self._domain)]

    def ended(self, name: str) -> None:
        self._requests[name].append(qemu_monitor.disk_requests(self._domain))

    def over(self) -> None:
        qemu_monitor.trace(self._domain, trace_log.EVENTS, on=False)

    def close(self) -> None:
        """Lets go of the log."""
        if self._place is not None:
            self._place.close()

    def count(self, clone: Clone, probe: Probe, reading: Reading) -> Count:
        """Accesses for each unit of the probe's work.

        Raises ValueError where the count can't be trusted, because lines of the trace were lost or QEMU's own
        statistics disagree.
        """
        regions = regions_of(clone, probe)
        if regions is None:
            raise ValueError(msg("it is not known which registers belong to that device"))
        work = workloads.read(probe, reading.answer)[workloads.WORK]
        accesses = self._accesses(reading)
        if Needs.DISK in probe.needs:
            before, after = self._requests[probe.name]
            if before is not None and after is not None and after - before != work:
                raise ValueError(
                    msg(
                        "QEMU served {after} requests, and the guest tells of {work}",
                        after=after - before,
                        work=f"{work:.0f}",
                    )
                )
        parts = trace_log.of_device(trace_log.by_region(accesses), regions)
        if not parts:
            raise ValueError(msg("the trace shows no access to the device"))
        units = work / probe.per
        return Count(sum(parts.values()) / units, {region: count / units for region, count in parts.items()})

    def _accesses(self, reading: Reading) -> list[trace_log.Access]:
        """The accesses between the marks. Raises ValueError where lines were lost."""
        deadline = time.monotonic() + _FLUSH_SECONDS
        while True:
            try:
                return trace_log.between(self._all(), reading.begin, reading.end)
            except ValueError:
                if time.monotonic() > deadline:
                    raise
            self._found = None  # the last lines may not have been written yet
            time.sleep(0.05)

    def _all(self) -> list[trace_log.Access]:
        """All that was traced since ``prepare``."""
        assert self._place is not None  # noqa: S101 - prepare came first
        if self._found is None:
            try:
                log = qemu_log.since(self._place, _MOST_LOG)
            except OSError as error:
                raise ValueError(
                    msg("QEMU's log can't be read any more: {reason}", reason=error.strerror)
                ) from error
            if log is None:
                raise ValueError(msg("QEMU's log was cut meanwhile"))
            self._found = trace_log.accesses(log[: log.rfind(b"\n") + 1])
        return self._found


class ExitCounter:
    """Reads KVM's counter of exits at the beginning and at the end of each task."""

    def __init__(self, clone: Clone) -> None:
        self._domain = clone.domain
        self._counts: dict[str, list[int | None]] = {}

    def prepare(self) -> None:
        pass

    def begun(self, name: str) -> None:
        self._counts[name] = [qemu_monitor.exits(self._domain)]

    def ended(self, name: str) -> None:
        self._counts[name].append(qemu_monitor.exits(self._domain))

    def over(self) -> None:
        pass

    def close(self) -> None:
        pass

    def count(self, _clone: Clone, probe: Probe, reading: Reading) -> Count:
        """Exits for each unit of the probe's work. Raises ValueError where the counter makes no sense."""
        before, after = self._counts[probe.name]
        if before is None or after is None or after <= before:
            raise ValueError(msg("KVM's counter of exits makes no sense"))
        units = workloads.read(probe, reading.answer)[workloads.WORK] / probe.per
        return Count((after - before) / units, {})


Counter = Tracer | ExitCounter


def counter(session: Session, clone: Clone) -> Counter:
    """The right counter for that clone. It is for one turn; the caller closes it then."""
    return ExitCounter(clone) if clone.accel == "kvm" else Tracer(session, clone)


def obstacle(session: Session, clone: Clone) -> str:
    """The reason why a clone's accesses or exits can't be counted here. Empty where they can."""
    if clone.accel == "kvm":
        counted = qemu_monitor.exits(clone.domain)
        return "" if counted is not None else msg("this host's KVM and libvirt do not count a guest's exits")
    file = session.host.qemu_log_file(clone.domain.name, session=session.is_session)
    if file is None:
        return msg("QEMU's log, which the trace goes to, is on another host")
    try:
        qemu_log.end_of(file).close()
    except PermissionError:
        return msg(
            "QEMU's log, which the trace goes to, is readable only by root: {parent}", parent=file.parent
        )
    except OSError as error:
        return msg(
            "QEMU's log, which the trace goes to, can't be read: {reason}: {file}",
            reason=error.strerror,
            file=file,
        )
    return ""


def regions_of(clone: Clone, probe: Probe) -> re.Pattern[str] | None:
    """The names of the registers of the device that the probe is about: the first disk or network card."""
    if Needs.DISK in probe.needs and clone.guest.disks:
        return clone.guest.disks[0].device.regions
    if Needs.NETWORK in probe.needs and clone.guest.interfaces:
        return clone.guest.interfaces[0].device.regions
    return None
