"""The content of the page of all labs: each lab, in the article's order, with what was saved of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from provisioner import __version__, errors, paths
from provisioner.labfile import catalog, lesson, products
from provisioner.labfile.products import Product
from provisioner.language import Text
from provisioner.lifecycle import lab_files
from provisioner.model.article import PARTS
from provisioner.model.lab import Lab
from provisioner.store import progress_file, results
from provisioner.verbs import page as pages
from provisioner.verbs.page import Page


@dataclass(frozen=True, slots=True)
class Entry:
    """A lab of the course."""

    target: str  # as it is typed
    title: Text
    description: Text | None
    part: str | None  # of the article
    page: Page | None  # None where nothing was saved of it: it was not run
    exercises: tuple[tuple[Text, bool], ...]  # the titles, and whether each was passed


@dataclass(frozen=True, slots=True)
class Course:
    entries: tuple[Entry, ...]  # in the article's order; those of no part last
    products: tuple[Product, ...]
    made: str  # UTC, ISO 8601
    version: str


def report_all() -> Course:
    """The labs of the catalogue, whether they were run or not, and all others of which something was saved.

    No guest is asked. Where a lab was run under several names, the newest results count. A lab whose file
    can't be read any more is left out.
    """
    instances: dict[str, str] = {}
    for kept in results.instances():
        instances.setdefault(kept.source, kept.instance)
    entries = []
    for name in catalog.names(paths.labs_dir()):
        entries.append(_entry(name, instances.pop(f"catalog:{name}", None)))
    entries += [
        _entry(source, instance) for source, instance in instances.items() if Path(source).is_absolute()
    ]
    order = [*PARTS, None]
    return Course(
        entries=tuple(sorted(filter(None, entries), key=lambda entry: order.index(entry.part))),
        products=products.load(paths.products_file()),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
    )


def _entry(target: str, instance: str | None) -> Entry | None:
    try:
        lab = lab_files.load(*lab_files.locate(target))
    except errors.InputError:
        return None
    return Entry(
        target=target,
        title=lab.title,
        description=lab.description,
        part=lab.part,
        page=pages.saved_of(lab, instance, target) if instance else None,
        exercises=_exercises(lab),
    )


def _exercises(lab: Lab) -> tuple[tuple[Text, bool], ...]:
    try:
        taught = lesson.load(lab)
    except errors.InputError:
        return ()
    if taught is None:
        return ()
    passed = progress_file.load(taught.name).passed
    return tuple((exercise.title, exercise.name in passed) for exercise in taught.exercises)
