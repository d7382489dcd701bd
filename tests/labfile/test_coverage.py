"""docs/coverage.md: the labs, checks, exercises and products that it names are there, all sections too."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from provisioner import paths
from provisioner.labfile import catalog, lesson, products
from provisioner.labfile.lesson import Lesson
from provisioner.lifecycle import lab_files
from provisioner.model.lab import Lab

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
TEXT = PAGE.read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:demo-|products )[^`]*)`", TEXT)))
ARTICLE = "article"  # its name among the sources of products
LINES = {"today", "since"}  # of a product, beside those of the table


@cache
def loaded(name: str) -> tuple[Lab, Lesson | None]:
    lab = lab_files.load(*lab_files.locate(name))
    return lab, lesson.load(lab)


@pytest.mark.parametrize("named", NAMED)
def test_what_it_names_is_there(named: str) -> None:
    what, *rest = named.split()
    if what == "products":
        name, line = rest
        known = {product.name: product for product in products.load(paths.products_file())}
        assert line in {*known[name].in_2011.cells(), *LINES}
        return
    assert what in catalog.names(paths.labs_dir()), f"there is no lab {what}"
    lab, taught = loaded(what)
    if rest:
        kind, name = rest
        exercises = [exercise.name for exercise in taught.exercises] if taught else []
        known_names = {"check": [item.name for item in lab.observe], "exercise": exercises}
        assert name in known_names[kind], f"{what} has no {kind} {name}"


def test_every_lab_is_named() -> None:
    assert [lab for lab in catalog.names(paths.labs_dir()) if f"`{lab}`" not in TEXT] == []


def test_every_product_is_named_with_every_line_of_it_that_the_article_speaks_of() -> None:
    for product in products.load(paths.products_file()):
        for name, cell in product.in_2011.cells().items():
            says = cell and any(each.source.name == ARTICLE for each in cell.citations)
            if says and name not in ("type", "method"):
                assert f"products {product.name} {name}" in NAMED


def test_every_section_and_note_of_the_article_is_there_in_its_order() -> None:
    heads = re.findall(r"^## ([567][.(]\S*)", TEXT, re.MULTILINE)
    assert heads == ["5.", "5(1)", "5(2)", "6(1)", "6(2)", "6(3)", "6(4)", "6(5)", "6(6)", "7."]
    notes = re.findall(r"Note (\S+):", TEXT)
    assert notes == ["1", "2", "3", "7.1.1", "7.1.2", "7.1.3.1", "7.1.3.2", "7.1.4", "7.1.5"]


def test_every_statement_has_an_answer() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|") and not line.startswith("|---")]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 2, row
        assert all(cells), row
    told = [row for row in rows if not row.startswith(("| the article", "| written", "| `"))]
    assert len(told) > 50
    for row in told:
        answer = row.strip("|").split("|")[1]
        assert "`" in answer or "Not shown:" in answer, row


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (PAGE.parent / target).exists(), target
