"""The page in headless Chromium: nothing runs, nothing is fetched, it fits, and its switch works."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import chromium
import page_samples
import pytest
from test_report_page import HOSTILE

from provisioner import paths
from provisioner.labfile import catalog, lesson
from provisioner.language import Language
from provisioner.lifecycle import lab_files
from provisioner.report.html import lab_html as report
from provisioner.verbs import guide as guides
from provisioner.verbs.page import Page, PageGuest

SIZES = [(390, 844), (1280, 720), (1920, 1080)]
SHOWN = (
    "[...document.querySelectorAll('main')].filter(m => m.getClientRects().length).map(m => m.lang).join()"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page") / "report.html"
    report.write(report.html(page_samples.page(), Language.EN), place)
    return place


def test_nothing_is_fetched_and_nothing_is_complained_about(browser: chromium.Browser, file: Path) -> None:
    browser.open(file)
    assert browser.requested == [file.as_uri()]
    assert not [e for e in browser.events if e["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled")]


def test_hostile_texts_run_nothing_and_fetch_nothing(browser: chromium.Browser, tmp_path: Path) -> None:
    page = page_samples.everywhere(page_samples.page(), HOSTILE)
    assert isinstance(page, Page)
    place = tmp_path / "hostile.html"
    # without the page's own policy, which would hide a hole
    document = report.html(page, Language.EN).replace("Content-Security-Policy", "X-Nothing")
    place.write_text(document, encoding="utf-8")
    browser.open(place)
    assert browser.requested == [place.as_uri()]
    assert browser.value("typeof window.hit") == "undefined"
    assert browser.value("document.querySelectorAll('script,img,iframe,object,embed,link').length") == 0
    assert browser.value("document.querySelectorAll('main').length") == 2
    assert browser.value("document.body.innerText.includes('window.hit=1')")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits_phones_and_projectors_in_both_languages(
    browser: chromium.Browser, file: Path, width: int, height: int
) -> None:
    browser.open(file, width=width, height=height)
    for language in Language:
        browser.value(f"document.getElementById('language-{language}').click()")
        assert browser.value(SHOWN) == language
        assert browser.value("document.documentElement.scrollWidth") == width
        over = "[...document.querySelectorAll('main h1, main h2, .guest, .contrast, figure, svg text')]"
        wide = f"{over}.filter(e => e.getBoundingClientRect().right > {width + 1}).map(e => e.outerHTML)"
        assert browser.value(wide) == []


# What can't be seen without scrolling aside: a box with more in it than it shows, or one beyond the edge.
CUT = """
[...document.querySelectorAll('main *')].filter(e => e.getClientRects().length && !e.closest('svg'))
  .filter(e => (getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1)
    || e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 200))
"""
OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"
LONG = "virtio_blk, virtio_net, virtio_console, virtio_balloon, /usr/bin/qemu-system-x86_64"


def named(guest: PageGuest, name: str) -> PageGuest:
    assert guest.stack is not None
    return dataclasses.replace(guest, name=name, stack=dataclasses.replace(guest.stack, guest=name))


def wide_page() -> Page:
    """Four guests with long names and values, and a claim that failed for long reasons."""
    sample = page_samples.page()
    guests = tuple(
        named(sample.guests[number % 2], f"a-guest-with-a-long-name-{number}") for number in range(4)
    )
    rows = tuple(
        dataclasses.replace(row, cells=tuple(cell and f"{cell} {LONG}" for cell in (*row.cells, *row.cells)))
        for row in sample.rows
    )
    finding = sample.findings[1]
    failed = dataclasses.replace(finding, saw=(LONG, LONG), why=f"it is not so: {LONG}")
    return dataclasses.replace(sample, guests=guests, rows=rows, findings=(*sample.findings, failed))


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_cut_with_all_of_it_open(browser: chromium.Browser, tmp_path: Path, width: int) -> None:
    place = tmp_path / "wide.html"
    report.write(report.html(wide_page(), Language.EN), place)
    browser.open(place, width=width)
    browser.value(OPEN)
    for language in Language:
        browser.value(f"document.getElementById('language-{language}').click()")
        assert browser.value("document.documentElement.scrollWidth") == width
        assert browser.value(CUT) == []


def test_no_guide_is_cut_on_a_phone(browser: chromium.Browser, tmp_path: Path) -> None:
    names = catalog.names(paths.labs_dir())
    guide = {
        each: "\n\n".join(guides.guide(name, each, None).markdown for name in names) for each in Language
    }
    place = tmp_path / "guide.html"
    report.write(report.html(dataclasses.replace(page_samples.page(), guide=guide), Language.EN), place)
    browser.open(place, width=400)
    for language in Language:
        browser.value(f"document.getElementById('language-{language}').click()")
        assert browser.value(CUT) == []


def test_on_a_phone_a_result_stands_below_its_claim(browser: chromium.Browser, file: Path) -> None:
    browser.open(file, width=400)
    row = "document.querySelector('main[lang=en] .claims tbody tr')"
    tops = f"['th', '.result', 'td'].map(part => {row}.querySelector(part).getBoundingClientRect().top)"
    claim, result, guest = browser.value(tops)
    assert claim < result < guest
    label = f"getComputedStyle({row}.querySelector('td'), '::before').content"
    assert browser.value(label) == '"Guest: "'


def test_letters_are_large_on_a_projector(browser: chromium.Browser, file: Path) -> None:
    browser.open(file, width=1920, height=1080)
    assert browser.value("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)") >= 22
    scale = "document.querySelector('svg.chart').getScreenCTM().a"
    assert browser.value(f"{scale} * 12.5") >= 18


def test_the_first_screen_holds_concept_guests_and_contrast(
    browser: chromium.Browser, tmp_path: Path
) -> None:
    lab = lab_files.load(*lab_files.locate("demo-paravirt"))
    taught = lesson.load(lab)
    assert taught is not None
    page = dataclasses.replace(page_samples.page(), concept=taught.concept)
    place = tmp_path / "report.html"
    place.write_text(report.html(page, Language.EN), encoding="utf-8")
    for width, height in SIZES:
        parts = (".concept", ".pair", ".contrast strong") if width > 1000 else (".concept", ".pair .guest")
        browser.open(place, width=width, height=height)
        for language in Language:
            browser.value(f"document.getElementById('language-{language}').click()")
            for part in parts:
                found = f"document.querySelector('main[lang={language}] {part}')"
                bottom = browser.value(f"{found}.getBoundingClientRect().bottom")
                assert 0 < bottom <= height, (width, language, part)


def test_the_language_changes_with_keys_alone(browser: chromium.Browser, file: Path) -> None:
    browser.open(file)
    browser.press("Tab", 9)
    assert browser.value("document.activeElement.id") == "language-en"
    browser.press("ArrowRight", 39)
    assert browser.value(SHOWN) == "ja"


CONTRAST = """
(() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('main:not([hidden]) *')].filter(e => e.getClientRects().length &&
      !e.closest('svg') && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 120)];
  }).filter(([ratio]) => ratio < 4.5).map(([ratio, html]) => ratio.toFixed(2) + ' ' + html);
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_in_light_and_in_dark(browser: chromium.Browser, file: Path, dark: bool) -> None:
    browser.open(file, dark=dark)
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(20, 23, 26)") is dark
    assert browser.value(CONTRAST) == []


def test_it_can_be_printed(browser: chromium.Browser, file: Path) -> None:
    browser.open(file, dark=True)
    assert browser.pdf().startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.value("getComputedStyle(document.querySelector('.contents')).display") == "none"
