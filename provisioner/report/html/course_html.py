"""The page of all labs: one HTML file in both languages, like the page of a single lab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.model.article import PARTS
from provisioner.report.html.lab_html import context, environment, markup, whole, words
from provisioner.report.terminal import check_page, products_page
from provisioner.report.words import when
from provisioner.teach.verdicts import Verdict

if TYPE_CHECKING:
    from provisioner.labfile.products import Product
    from provisioner.verbs.course import Course, Entry, OtherRun

_TITLE = Text("Server virtualization, lab by lab", "ラボで確かめるサーバ仮想化")
_BAR = "report --all"
_PRODUCTS_PART = "7"
_OTHER = Text("Other labs", "その他のラボ")
_LABS = Text("{} of {} labs were run", "{1}個のラボのうち{0}個を実行済み")
_EXERCISES = Text("Exercises: {} of {} passed", "演習: {1}問中{0}問に合格")
_COPY = Text("a copy ({})", "コピー({})")
_NOT_RUN = Text("not run yet", "未実行")
_NOT_CHECKED = Text("run, not checked yet", "実行済み、未確認")


def html(course: Course, language: Language) -> str:
    """The whole page, with ``language`` shown first."""
    body = environment().get_template("course.html.j2")
    bodies = {each: body.render(_context(course, each)) for each in Language}
    return whole(bodies, language, title=_TITLE, bar=_BAR, version=course.version)


def _context(course: Course, language: Language) -> dict[str, Any]:
    anchors = {id(entry): f"{language}-lab-{number}" for number, entry in enumerate(course.entries, 1)}
    by_lab = {entry.target: anchors[id(entry)] for entry in course.entries}
    return {
        **words(language),
        "title": _TITLE,
        "version": course.version,
        "made": course.made,
        "tally": _tally(course, language),
        "parts": [
            {
                "number": part or "",
                "title": said(PARTS[part] if part else _OTHER, language),
                "labs": [
                    _lab(entry, anchors[id(entry)], language)
                    for entry in course.entries
                    if entry.part == part
                ],
                "products": part == _PRODUCTS_PART,
            }
            for part in (*PARTS, None)
            if part == _PRODUCTS_PART or any(entry.part == part for entry in course.entries)
        ],
        "products": _products(course.products, by_lab, language),
    }


def _tally(course: Course, language: Language) -> dict[str, str]:
    run = [entry for entry in course.entries if entry.page]
    findings = [finding for entry in run if entry.page for finding in entry.page.findings]
    exercises = [passed for entry in course.entries for _, passed in entry.exercises]
    return {
        "labs": said(_LABS, language).format(len(run), len(course.entries)),
        "claims": check_page.summary(findings, language),
        "exercises": _exercised(exercises, language),
    }


def _exercised(passed: Sequence[bool], language: Language) -> str:
    return said(_EXERCISES, language).format(sum(passed), len(passed)) if passed else ""


def _lab(entry: Entry, anchor: str, language: Language) -> dict[str, Any]:
    status = _status(entry, language)
    checked = entry.page.checked if entry.page else ""
    shared = {
        "anchor": anchor,
        "name": Path(entry.target).parent.name if "/" in entry.target else entry.target,
        "typed": quote(entry.target),
        "status": status,
        "checked_on": when(checked) if checked else "",
        "others": [_other(other, language) for other in entry.others],
    }
    if entry.page is None:
        template, values = "unrun.html.j2", {**words(language), "entry": entry}
    else:
        template = "lab.html.j2"
        values = {
            **context(entry.page, language, anchor),
            "failed": any(finding.verdict is Verdict.FAIL for finding in entry.page.findings),
            "exercises": [{"title": said(title, language), "passed": p} for title, p in entry.exercises],
            "exercised": _exercised([passed for _, passed in entry.exercises], language),
        }
    section = environment().get_template(template).render({**values, **shared})
    return {"title": said(entry.title, language), "section": markup(section), **shared}


def _other(other: OtherRun, language: Language) -> dict[str, Any]:
    """A run of the lab as somebody changed it."""
    copy = [said(_COPY, language).format(other.run.source)] if other.run.is_copy else []
    return {
        "name": other.run.instance,
        "typed": quote(other.run.instance),
        "changes": [*copy, *(f"--set {each}" for each in other.run.sets)],
        "status": check_page.summary(other.findings, language) or said(_NOT_CHECKED, language),
        "when": when(other.checked or other.run.written),
    }


def _status(entry: Entry, language: Language) -> str:
    """What came of it, in a few words."""
    if entry.page is None:
        return said(_NOT_RUN, language)
    return check_page.summary(entry.page.findings, language) or said(_NOT_CHECKED, language)


def _products(products: Sequence[Product], anchors: dict[str, str], language: Language) -> dict[str, Any]:
    first = products[0].in_2011.cells() if products else {}
    return {
        "about": products_page.ABOUT,
        "product": said(products_page.PRODUCT, language),
        "labels": [said(products_page.LABELS[name], language) for name in first],
        "lab": said(products_page.LAB, language),
        "since": said(products_page.SINCE, language),
        "sources": said(products_page.SOURCES, language),
        "rows": [_product(product, anchors, language) for product in products],
    }


def _product(product: Product, anchors: dict[str, str], language: Language) -> dict[str, Any]:
    numbers = {source: number for number, source in enumerate(product.sources(), 1)}
    return {
        "title": product.title,
        "name": f"{product.title} ({product.also})" if product.also else product.title,
        "lab": product.lab,
        "anchor": anchors.get(product.lab, ""),
        "today": said(product.today, language),
        "today_cited": products_page.cited(product.today_citations, numbers),
        "cells": [
            {
                "label": said(products_page.LABELS[name], language),
                "brief": said(products_page.brief(cell), language),
                "text": said(cell.text if cell else products_page.NOT_KNOWN, language),
                "cited": products_page.cited(cell.citations, numbers) if cell else "",
            }
            for name, cell in product.in_2011.cells().items()
        ],
        "since": [
            {
                "when": event.when,
                "text": said(event.text, language),
                "cited": products_page.cited(event.citations, numbers),
            }
            for event in product.since
        ],
        "sources": [products_page.source_line(source, language) for source in product.sources()],
    }
