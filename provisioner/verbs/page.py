"""The content of a lab's page: from the running lab where it is up, or else from what was saved of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from provisioner import __version__, errors
from provisioner.backends.session import Session
from provisioner.labfile import lesson
from provisioner.labfile.lesson import Exercise, Lesson
from provisioner.labfile.lesson import Finding as Literature
from provisioner.language import Language, Text, msg
from provisioner.lifecycle import lab_files, running
from provisioner.listener import Listener
from provisioner.measure import findings as run_findings
from provisioner.model import kinds, measurable, selection
from provisioner.model.facts import Facts
from provisioner.model.kinds.kind import Devices
from provisioner.model.lab import Guest, Lab
from provisioner.model.measured import Bench, HostFacts
from provisioner.model.observed import Member
from provisioner.model.typed import Typed
from provisioner.observe import beside, comparison, stack_inside, stack_pictures
from provisioner.observe.beside import Compared
from provisioner.observe.comparison import Row
from provisioner.observe.host_side import Outside
from provisioner.observe.stack import HostSide, Stack
from provisioner.store import results
from provisioner.teach import learning
from provisioner.teach.verdicts import Finding
from provisioner.verbs import kept
from provisioner.verbs.kept import KeptComparison


@dataclass(frozen=True, slots=True)
class PageGuest:
    """One guest of the page. ``facts`` and ``stack`` are None where nothing is known of them."""

    name: str
    title: Text | None
    accel: str  # kvm | tcg; empty where it is not up and nothing of it was saved
    disk: str  # as defined: "ide", "scsi (vmpvscsi)"; empty where it has none
    network: str
    facts: Facts | None
    stack: Stack | None
    error: str  # why there are no facts, of a guest that was asked
    hint: str  # what to do then
    defined: Guest | None = None  # as its lab file has it, where that is known

    @property
    def is_measurable(self) -> bool:
        """Whether ``bench`` can measure it, as far as that is known."""
        return self.defined is None or measurable.obstacle(self.defined) is None


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a page shows. Where something is empty or None, the page says how to get it."""

    typed: Typed
    instance: str
    title: Text
    description: Text | None
    concept: Text | None
    guests: tuple[PageGuest, ...]
    rows: tuple[Row, ...]  # their cells are of ``guests``, in that order
    outside: tuple[Outside, ...]  # likewise, where the lab is up
    findings: tuple[Finding, ...]
    checked: str  # when: UTC, ISO 8601
    host: HostFacts | None
    bench: Bench | None
    guide: dict[Language, str]  # Markdown
    literature: tuple[Literature, ...]
    exercises: tuple[Exercise, ...]
    asked: str  # when the guests told their facts: UTC, ISO 8601; empty where they did not
    made: str
    is_up: bool
    version: str


class _GuestData(NamedTuple):
    """What is known of one guest: its definition, and the facts that it told."""

    name: str
    accel: str
    defined: Guest | None
    facts: Facts | None
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """What is known of the guests, from the running lab or from the last look at it."""

    instance: str
    lab: Lab | None
    told: tuple[_GuestData, ...] = ()
    outside: tuple[Outside, ...] = ()
    host: HostFacts | None = None
    side: HostSide | None = None
    asked: str = ""
    is_up: bool = False


def report(target: str, connect: str | None, listener: Listener) -> Page:
    """Everything that is known of a lab. ``target`` is its name, its instance's name, or its folder or file.

    Raises what ``running.lab_up`` raises where nothing is known of it.
    """
    try:
        with running.lab_up(connect, target) as (session, instance, domains):
            listener.note(msg("asking the guests of {name}", name=instance.name))
            look = _live(session, domains, beside.look(session, instance, domains))
            typed = domains[0].metadata.origin.typed
    except errors.HypervisorError as error:
        if connect and not isinstance(error, errors.NotFound):
            raise
        look, typed = _remembered(target, error)
        listener.note(msg("{message}; the page is made from what was saved", message=error.message))
    return _page(typed, look)


def saved_of(lab: Lab, instance: str, target: str) -> Page:
    """What was saved of a lab under the name of an instance. ``target``: the lab as it is typed."""
    bench, compared = _results(instance, lab.source)
    return _page(_typed(lab, instance, target), _saved(lab, instance, bench, compared))


def _live(session: Session, domains: Sequence[Member], observed: Compared) -> _Look:
    try:
        lab = running.lab_of(domains)
    except errors.InputError:
        lab = None  # its file is gone, or being edited
    told = tuple(
        _GuestData(one.guest, one.metadata.accel, one.metadata.guest, one.facts, one.error, one.hint or "")
        for one in observed.inside
    )
    return _Look(
        observed.instance,
        lab,
        told,
        observed.outside,
        run_findings.host_facts(session),
        stack_pictures.host_side(session),
        observed.taken,
        is_up=True,
    )


def _remembered(target: str, error: errors.VirtlabError) -> tuple[_Look, Typed]:
    """What was saved of a lab that is not up, and how it is typed. Raises ``error`` where it is no lab, and
    nothing was saved."""
    lab, runs = _lab(target), results.instances()
    if lab is not None:
        runs = [run for run in runs if run.source == lab.source]
        named = [run for run in runs if run.instance == lab.name]
    elif named := [run for run in runs if run.instance == target]:
        file = named[0].source.removeprefix("catalog:")
        runs, lab = named, _lab(file)
        target = file if lab else target
    else:
        raise error
    instance = next((run.instance for run in (*named, *runs)), lab.name if lab else target)
    look = _saved(lab, instance, *_results(instance, lab.source if lab else None))
    return look, _typed(lab, instance, target)


def _typed(lab: Lab | None, instance: str, target: str) -> Typed:
    """How a lab that is not up is typed, so that what was saved under the instance's name belongs to it."""
    if lab is None:
        return Typed(target, instance)
    return Typed(target, instance, named=instance != lab.name, folder=lab.folder)


def _results(instance: str, source: str | None) -> tuple[Bench | None, KeptComparison]:
    """The last benchmark and the last comparison that were kept."""
    return results.load_bench(instance, source), kept.last_comparison(instance, source)


def _saved(lab: Lab | None, instance: str, bench: Bench | None, compared: KeptComparison) -> _Look:
    defined = {guest.name: guest for guest in lab.guests} if lab else {}
    told = tuple(_GuestData(g.name, g.accel, defined.get(g.name), g.facts) for g in compared.guests)
    accels = kept.checked_accels(instance, lab.source if lab else None)
    accels |= {guest.name: guest.accel for guest in bench.guests} if bench else {}
    known = {one.name for one in told}
    if lab is not None and not known:
        usual = selection.chosen(lab).top_level
        told = tuple(_GuestData(g.name, accels.get(g.name, ""), g, None) for g in usual)
    asked = compared.taken if known else ""
    return _Look(instance, lab, told, host=bench.host if bench else None, asked=asked)


def _lab(target: str) -> Lab | None:
    try:
        return lab_files.load(*lab_files.locate(target))
    except errors.InputError:
        return None


def _page(typed: Typed, look: _Look) -> Page:
    lab, told = look.lab, look.told
    stack_pictures = _stacks(told, look.side)
    guests = tuple(_guest(one, stack_pictures.get(one.name), lab) for one in told)
    taught = _lesson(lab)
    source = lab.source if lab else None
    checked, findings = kept.last_check(look.instance, source)
    bench = results.load_bench(look.instance, source)
    return Page(
        typed=typed,
        instance=look.instance,
        title=lab.title if lab else Text(look.instance),
        description=lab.description if lab else None,
        concept=taught.concept if taught else None,
        guests=guests,
        rows=tuple(comparison.rows(told)) if any(one.facts for one in told) else (),
        outside=look.outside,
        findings=findings,
        checked=checked,
        host=bench.host if bench else look.host,
        bench=bench,
        guide=_guide(lab),
        literature=taught.literature if taught else (),
        exercises=taught.exercises if taught else (),
        asked=look.asked,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        is_up=look.is_up,
        version=__version__,
    )


def _stacks(told: Sequence[_GuestData], side: HostSide | None) -> dict[str, Stack]:
    known = [
        stack_inside.StackGuest(one.defined, one.accel, one.facts)
        for one in told
        if one.defined is not None and one.accel
    ]
    return stack_inside.of_all(known, host=side)


def _guest(one: _GuestData, pictured: Stack | None, lab: Lab | None) -> PageGuest:
    guest = one.defined
    if guest is not None and kinds.of(guest.kind).devices is not Devices.QEMU:
        guest = None  # its disks and cards are no device models of QEMU's
    title = next((guest.title for guest in lab.guests if guest.name == one.name), None) if lab else None
    return PageGuest(
        name=one.name,
        title=title,
        accel=one.accel,
        disk=guest.disks[0].label if guest and guest.disks else "",
        network=guest.interfaces[0].model if guest and guest.interfaces else "",
        facts=one.facts,
        stack=pictured,
        error=one.error,
        hint=one.hint,
        defined=one.defined,
    )


def _lesson(lab: Lab | None) -> Lesson | None:
    """The lesson, or None where its file is wrong just now: a page without it is better than none."""
    try:
        return lesson.load(lab) if lab else None
    except errors.InputError:
        return None


def _guide(lab: Lab | None) -> dict[Language, str]:
    guides: dict[Language, str] = {}
    if lab is None:
        return guides
    for language in Language:
        with suppress(errors.InputError):
            if text := learning.guide_in(lab, language):
                guides[language] = text
    return guides
