"""Gathers what a run of ``bench`` finds: numbers, what is missing, and what makes the numbers doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from provisioner import language
from provisioner.backends.session import Session
from provisioner.hypervisor import host_facts as facts
from provisioner.language import joined, mapped, msg, of_text
from provisioner.measure import statistics, workloads
from provisioner.measure.tracing import Count
from provisioner.measure.workloads import Metric, Probe
from provisioner.model.measured import GuestConfig, HostFacts, Outcome
from provisioner.model.observed import Observed, ObservedDomain
from provisioner.sanitize import printable

_BUSY = 0.5  # load for each core, before anything is measured, above which the host counts as busy
_GIVE_UP = 2  # failures in a row, of one probe on one guest, after which it is given up
_LONGEST_WHY = 300
Rounds = list[float | None]  # a number for each round; None where that round gave none


class Results:
    """The numbers by metric and guest. Several threads may add to it, but of each guest only one at a
    time."""

    def __init__(self, guests: Sequence[str]) -> None:
        self._guests = tuple(guests)
        self._values: dict[str, dict[str, Rounds]] = {}
        self._missing: dict[str, dict[str, str]] = {}  # metric -> guest -> why
        self._barred: set[tuple[str, str]] = set()  # probe, guest
        self._failures: dict[tuple[str, str], int] = {}
        self._parts: dict[str, dict[str, list[float]]] = {}  # metric -> "guest: region" -> rounds
        self._notes: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._notes))

    def note(self, text: str) -> None:
        self._notes.append(text)

    def put(self, metric: str, guest: str, number: int, value: float) -> None:
        """Adds the number of one round. ``number`` is the round's, counted from 0."""
        rows = self._values.setdefault(metric, {name: [] for name in self._guests})
        rows[guest] += [None] * (number + 1 - len(rows[guest]))
        rows[guest][number] = value

    def put_count(self, probe: Probe, guest: str, number: int, count: Count) -> None:
        """Adds what was counted in a round."""
        assert probe.registers is not None  # noqa: S101 - it is one of those
        self.put(probe.registers.name, guest, number, count.number)
        parts = self._parts.setdefault(probe.registers.name, {})
        for region, value in count.parts.items():
            parts.setdefault(f"{guest}: {region}", []).append(value)

    def succeeded(self, probe: Probe, guest: str) -> None:
        self._failures.pop((probe.name, guest), None)

    def failed(self, probe: Probe, guest: str, number: int, why: str, *, connected: bool = True) -> None:
        """Notes that a round of a probe gave nothing. After several such rounds in a row it is given up.

        ``connected`` is false where the guest did not reach the host's iperf3.
        """
        if not connected:
            why = msg("{why} (does a firewall on the host drop what comes from the lab's network?)", why=why)
        count = self._failures.get((probe.name, guest), 0) + 1
        self._failures[probe.name, guest] = count
        if count >= _GIVE_UP:
            self.bar(probe, guest, msg("given up in round {number}: {why}", number=number + 1, why=why))
        else:
            self._lacks(probe, guest, msg("round {number}: {why}", number=number + 1, why=why))

    def bar(self, probe: Probe, guest: str, why: str, *, noted: bool = False) -> None:
        """Notes that a probe is not tried any more, or was never tried. ``noted``: a note tells of it
        already."""
        if (probe.name, guest) not in self._barred:
            self._barred.add((probe.name, guest))
            self._lacks(probe, guest, why, noted=noted)

    def is_barred(self, probe: Probe, guest: str) -> bool:
        return (probe.name, guest) in self._barred

    def _lacks(self, probe: Probe, guest: str, why: str, *, noted: bool = False) -> None:
        if not noted:
            self.note(joined(": ", (guest, of_text(probe.title), why)))
        for metric in workloads.metrics_of(probe):
            self._missing.setdefault(metric.name, {})[guest] = why

    def outcome(self, metric: Metric, lost: Mapping[str, str], label: str = "") -> Outcome:
        """One metric on all guests. ``lost`` says why all numbers of a guest are missing."""
        rounds = self._values.get(metric.name) or {name: [] for name in self._guests}
        missing = {**self._missing.get(metric.name, {}), **lost}
        for guest, values in rounds.items():
            if not any(value is not None for value in values):
                missing.setdefault(guest, msg("it gave no number"))
        raw = tuple(
            (part, f"{statistics.median(v):g}") for part, v in self._parts.get(metric.name, {}).items()
        )
        return statistics.outcome(metric, rounds, missing=missing, label=label, raw=raw)

    def doubt(self, host: HostFacts, domains: Sequence[ObservedDomain]) -> None:
        """Notes the circumstances that make the numbers less certain. Called before anything is measured."""
        if host.load is not None and host.cores and host.load > _BUSY * host.cores:
            self.note(
                msg(
                    "the host was busy before it began (load {load} on {cores} cores): what takes time "
                    "is measured less sharply",
                    load=f"{host.load:.1f}",
                    cores=host.cores,
                )
            )
        if len({domain.metadata.accel for domain in domains}) > 1:
            self.note(msg("the guests run with different accelerators, which is a difference of its own"))
        for domain in domains:
            rings = any(card.device.has_eventfd for card in domain.metadata.guest.interfaces)
            if domain.metadata.accel == "kvm" and rings:
                self.note(
                    msg(
                        "{guest}: what the host's kernel does for its network card (vhost) may not be in the "
                        "host's processor time",
                        guest=domain.guest,
                    )
                )
            if domain.state == "paused":
                self.note(msg("{guest} was paused before, and still is", guest=domain.guest))


def wanted(probes: Sequence[Probe], *, boots: bool) -> list[Metric]:
    """The metrics of a run, in the order in which they are shown."""
    metrics = [metric for probe in probes for metric in workloads.metrics_of(probe)]
    return [*metrics, *(workloads.BOOT if boots else ())]


def first_line(error: Exception) -> str:
    """The first line of an error's message, made printable: a guest may have written a part of it."""
    return mapped(language.first_line(msg("{error}", error=error)), partial(printable, limit=_LONGEST_WHY))


def host_facts(session: Session) -> HostFacts:
    """The machine that the guests run on, as far as it can be read."""
    machine = session.host.machine()
    versions = facts.versions(session.conn)
    return HostFacts(
        processor=machine.processor if machine else "",
        cores=machine.cores if machine else 0,
        kernel=machine.kernel if machine else "",
        qemu=versions["qemu"],
        libvirt=versions["libvirt"],
        connection=session.choice.uri,
        load=machine.load if machine else None,
    )


def guest_config(domain: ObservedDomain, observed: Observed, *, session: bool) -> GuestConfig:
    """A guest as it is measured: its first disk and its first network card."""
    guest = domain.metadata.guest
    disk = next(iter(guest.disks), None)
    card = next(iter(guest.interfaces), None)
    modes = {network.network: str(network.metadata.network.mode) for network in observed.networks}
    return GuestConfig(
        name=domain.guest,
        accel=domain.metadata.accel,
        machine=guest.machine,
        processors=guest.processor.count,
        memory=guest.memory,
        disk="none" if disk is None else disk.label,
        cache="" if disk is None else disk.cache,
        network="none" if card is None else card.model,
        network_mode="" if card is None else "user" if session else modes.get(card.network, ""),
    )
