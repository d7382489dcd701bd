"""The page of all labs: their order, what was run and what was not, the products; it loads nothing."""

from __future__ import annotations

import dataclasses
import re

import course_samples
import page_samples
import pytest
from test_report_page import HOSTILE, LOADING, Reader

from provisioner.language import Language
from provisioner.report.html import course_html as report
from provisioner.teach.verdicts import Verdict
from provisioner.verbs.course import Course


@pytest.fixture(scope="module")
def full() -> Reader:
    return Reader(report.html(course_samples.course(), Language.EN))


def plain(reader: Reader, language: Language = Language.EN) -> str:
    return " ".join(reader.texts[language].split())


def test_every_element_is_closed_every_id_is_one_of_a_kind_and_every_link_leads_somewhere(
    full: Reader,
) -> None:
    assert full.open == []
    names = [attributes["id"] for _, attributes in full.elements if "id" in attributes]
    assert len(names) == len(set(names))
    links = [str(attributes["href"]) for attributes in full.all("a")]
    assert len(links) > 20
    assert {link.removeprefix("#") for link in links} <= set(map(str, names))


def test_nothing_is_loaded_and_no_script_is_in_it(full: Reader) -> None:
    for tag, attributes in full.elements:
        assert tag not in LOADING
        assert not [name for name in attributes if name.startswith("on")]
    document = report.html(course_samples.course(), Language.EN)
    assert "@import" not in document
    assert "url(" not in document


def test_both_languages_are_in_it_and_the_wanted_one_is_shown_first() -> None:
    for language in Language:
        found = Reader(report.html(course_samples.course(), language))
        assert next(found.all("html"))["lang"] == language
        (chosen,) = (a for a in found.all("input") if "checked" in a)
        assert chosen["id"] == f"language-{language}"
        assert "2 of 4 labs were run" in found.texts["en"]
        assert "4個のラボのうち2個を実行済み" in found.texts["ja"]


def test_labs_stand_under_the_articles_parts_in_its_order_with_the_products(full: Reader) -> None:
    text = plain(full)
    body = text[text.index("not run yet 7 ") :] if "not run yet 7 " in text else text
    places = [
        body.rindex(words)
        for words in (
            "A machine as an application demo-hosted",
            "Emulated hardware beside virtio demo-paravirt",
            "One kernel, cut into VPSes demo-openvz",
            "As of 2011, from the article's text",
            "Made by virtlab",
        )
    ]
    assert places == sorted(places)
    assert "5(1) Virtualization on top of a host's system" in text
    assert "7 The products beside each other" in text
    assert "Other labs" in text


def test_a_lab_that_was_run_shows_what_came_of_it(full: Reader) -> None:
    text = plain(full)
    for words in (
        "driver virtio_blk → virtio-pci",
        "run by emulation (TCG)",
        "26 per request with full, 1 with virtio",
        "Exercises: 1 of 2 passed",
        "Find the driver passed",
        "Measure it not passed yet",
        "virtlab report demo-paravirt",
        "2026-03-01 10:12 UTC",
    ):
        assert words in text


def test_what_was_run_in_a_changed_lab_is_told_and_not_counted(full: Reader) -> None:
    text = plain(full)
    assert "Changed by you, and not counted above: 2" in text
    assert re.search(r"my-lab ?, a copy \(/home/me/my-lab/lab\.yaml\): 2 failed, ", text)
    assert "--set full.rng=virtio: run, not checked yet" in text
    assert "virtlab forget my-lab" in text
    assert "変更して実行したもの" in full.texts["ja"]


def test_a_lab_that_was_not_run_has_the_command_that_runs_it(full: Reader) -> None:
    text = plain(full)
    assert "Not run yet. To see it here:" in text
    assert "virtlab up demo-hosted" in text
    assert "virtlab check demo-hosted" in text
    assert "virtlab up demo-openvz" in text
    assert "virtlab up demo-paravirt" not in text


def test_a_path_can_be_pasted_into_a_shell(full: Reader) -> None:
    assert "virtlab report '/home/me/my lab/lab.yaml'" in plain(full)


def test_a_check_that_failed_is_open_and_counted(full: Reader) -> None:
    assert [a for a in full.all("details") if "open" in a]
    assert "it is not so" in plain(full)
    first = plain(full)[: plain(full).index("5(1)")]
    assert "3 failed" in first


def test_what_could_not_be_asked_counts_as_no_failure() -> None:
    made = course_samples.course()
    entries = []
    for each in made.entries:
        found = each.page.findings if each.page else ()
        silent = tuple(dataclasses.replace(finding, verdict=Verdict.UNASKED) for finding in found)
        page = each.page and dataclasses.replace(each.page, findings=silent)
        entries.append(dataclasses.replace(each, page=page, others=()))
    reader = Reader(report.html(dataclasses.replace(made, entries=tuple(entries)), Language.EN))
    assert "could not be asked" in plain(reader)
    assert " failed" not in plain(reader)


def test_the_products_are_a_table_with_all_cells_and_their_sources(full: Reader) -> None:
    text = plain(full)
    assert "The table is ours: the article's own was a picture, and is lost." in text
    for words in (
        "VMware Server",
        "Citrix XenServer",
        "no guest without its host system",
        "Smile Engineering blog",
    ):
        assert words in text
    assert "ホストOSなしでは動かない" in plain(full, Language.JA)
    links = [str(attributes["href"]) for attributes in full.all("a")]
    assert links.count("#en-lab-1") == 2  # from the contents, and from the table of products
    assert "demo-kvm" in text  # which is not in this course: no link


def test_before_any_lab_was_run_there_is_a_page_too() -> None:
    course = course_samples.course()
    bare = dataclasses.replace(
        course, entries=tuple(dataclasses.replace(each, page=None, exercises=()) for each in course.entries)
    )
    text = plain(Reader(report.html(bare, Language.EN)))
    assert "0 of 4 labs were run" in text
    assert "Exercises" not in text
    assert "Claims of the labs" not in text


def test_hostile_texts_in_every_field_stay_text() -> None:
    course = page_samples.everywhere(course_samples.course(), HOSTILE)
    assert isinstance(course, Course)
    entries = tuple(dataclasses.replace(each, part="6(5)") for each in course.entries)
    course = dataclasses.replace(course, entries=entries)
    for language in Language:
        document = report.html(course, language)
        found = Reader(document)
        assert found.open == []
        assert not [tag for tag, _ in found.elements if tag in LOADING]
        assert not [n for _, attributes in found.elements for n in attributes if n.startswith("on")]
        for character in ("\u202e", "\x1b", "\x00"):
            assert character not in document
        assert "<script>window.hit=1</script>" in found.texts["en"]
