"""The page of all labs in headless Chromium: nothing runs, nothing is fetched, and it fits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import chromium
import course_samples
import page_samples
import pytest
from test_report_browser import CONTRAST, CUT, OPEN, SHOWN, SIZES
from test_report_page import HOSTILE

from provisioner.language import Language
from provisioner.report.html import course_html as report
from provisioner.report.html import lab_html
from provisioner.verbs.course import Course

WIDE = """
[...document.querySelectorAll('main:not([hidden]) :is(h1, h2, h3, h4, p, li, dd, figure, .guest, .note)')]
  .filter(e => e.getClientRects().length && !e.closest('.scroll'))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("course") / "course.html"
    lab_html.write(report.html(course_samples.course(), Language.EN), place)
    return place


def test_nothing_is_fetched_and_nothing_is_complained_about(browser: chromium.Browser, file: Path) -> None:
    browser.open(file)
    browser.value(OPEN)
    assert browser.requested == [file.as_uri()]
    assert not [e for e in browser.events if e["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled")]


def test_hostile_texts_run_nothing_and_fetch_nothing(browser: chromium.Browser, tmp_path: Path) -> None:
    course = page_samples.everywhere(course_samples.course(), HOSTILE)
    assert isinstance(course, Course)
    entries = tuple(dataclasses.replace(each, part="6(5)") for each in course.entries)
    place = tmp_path / "hostile.html"
    # without the page's own policy, which would hide a hole
    document = report.html(dataclasses.replace(course, entries=entries), Language.EN)
    place.write_text(document.replace("Content-Security-Policy", "X-Nothing"), encoding="utf-8")
    browser.open(place)
    browser.value(OPEN)
    assert browser.requested == [place.as_uri()]
    assert browser.value("typeof window.hit") == "undefined"
    assert browser.value("document.querySelectorAll('script,img,iframe,object,embed,link').length") == 0
    assert browser.value("document.body.innerText.includes('window.hit=1')")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits_phones_and_projectors_with_all_of_it_open(
    browser: chromium.Browser, file: Path, width: int, height: int
) -> None:
    browser.open(file, width=width, height=height)
    browser.value(OPEN)
    for language in Language:
        browser.value(f"document.getElementById('language-{language}').click()")
        assert browser.value(SHOWN) == language
        assert browser.value("document.documentElement.scrollWidth") == width
        assert browser.value(WIDE) == []


def test_nothing_is_cut_with_all_of_it_open(browser: chromium.Browser, file: Path) -> None:
    for width in (400, 1280, 1920):
        browser.open(file, width=width)
        browser.value(OPEN)
        for language in Language:
            browser.value(f"document.getElementById('language-{language}').click()")
            assert browser.value(CUT) == [], (width, language)


def test_the_first_screen_says_what_was_run(browser: chromium.Browser, file: Path) -> None:
    for width, height in SIZES:
        browser.open(file, width=width, height=height)
        for language in Language:
            browser.value(f"document.getElementById('language-{language}').click()")
            for part in (".contrast", ".course li a"):
                found = f"document.querySelector('main[lang={language}] {part}')"
                assert 0 < browser.value(f"{found}.getBoundingClientRect().bottom") <= height


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_in_light_and_in_dark(browser: chromium.Browser, file: Path, dark: bool) -> None:
    browser.open(file, dark=dark)
    browser.value(OPEN)
    assert browser.value(CONTRAST) == []


def test_it_can_be_printed_with_what_is_folded(browser: chromium.Browser, file: Path) -> None:
    browser.open(file, dark=True)
    assert browser.pdf().startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    folded = "document.querySelector('main[lang=en] details table').getBoundingClientRect().height"
    assert browser.value(folded) > 10
