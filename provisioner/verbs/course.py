"""The content of the page of all labs: each lab, in the article's order, with what was saved of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from provisioner import __version__, paths
from provisioner.labfile import products
from provisioner.labfile.products import Product
from provisioner.language import Text
from provisioner.model.article import PARTS
from provisioner.teach.verdicts import Finding
from provisioner.verbs import kept, own_work
from provisioner.verbs import page as pages
from provisioner.verbs.own_work import Run, Work
from provisioner.verbs.page import Page


@dataclass(frozen=True, slots=True)
class OtherRun:
    """Results of a lab that was changed: by ``--set``, or in a copy."""

    run: Run
    checked: str  # when: UTC, ISO 8601; empty where it was not
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A lab of the course."""

    target: str  # as it is typed
    title: Text
    description: Text | None
    part: str | None  # of the article
    page: Page | None  # None where nothing was saved of it: it was not run
    exercises: tuple[tuple[Text, bool], ...]  # the titles, and whether each was passed
    others: tuple[OtherRun, ...] = ()  # they count for nothing: an exercise may ask for what fails


@dataclass(frozen=True, slots=True)
class Course:
    entries: tuple[Entry, ...]  # in the article's order; those of no part last
    products: tuple[Product, ...]
    made: str  # UTC, ISO 8601
    version: str


def report_all() -> Course:
    """The labs of the catalogue, whether they were run or not, and all others of which something was saved.

    No guest is asked. Where a lab was run under several names, the newest results count, and those of a
    changed lab do not. A copy of a lab is no lab of its own. A lab whose file can't be read any more is left
    out.
    """
    entries = [entry for work in own_work.all_work() if (entry := _entry(work)) is not None]
    order = [*PARTS, None]
    return Course(
        entries=tuple(sorted(entries, key=lambda entry: order.index(entry.part))),
        products=products.load(paths.products_file()),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
    )


def _entry(work: Work) -> Entry | None:
    lab = work.lab
    if lab is None:
        return None
    newest = next((run for run in work.runs if run.as_it_comes), None)
    passed = work.progress.passed
    return Entry(
        target=work.target,
        title=lab.title,
        description=lab.description,
        part=lab.part,
        page=pages.saved_of(lab, newest.instance, work.target) if newest else None,
        exercises=tuple((each.title, each.name in passed) for each in work.exercises),
        others=tuple(_other(run) for run in work.runs if not run.as_it_comes),
    )


def _other(run: Run) -> OtherRun:
    return OtherRun(run, *kept.last_check(run.instance, run.source))
