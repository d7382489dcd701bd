"""The page as a file: what stands in it, that it loads nothing, and how it is written."""

from __future__ import annotations

import dataclasses
import re
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import page_samples
import pytest

from provisioner import errors
from provisioner.language import Language
from provisioner.lifecycle import lab_files
from provisioner.model.enums import Accel, GuestKind
from provisioner.model.measured import Series, Verdict
from provisioner.observe import comparison
from provisioner.report.html import lab_html as report
from provisioner.verbs.page import Page
from tests.unit.worlds import guest as sample_guest

VOID = {"meta", "input", "br", "img", "hr", "link", "wbr"}
LOADING = {
    "script",
    "link",
    "img",
    "iframe",
    "object",
    "embed",
    "video",
    "audio",
    "base",
    "form",
    "image",
    "use",
}


class Reader(HTMLParser):
    """Elements with their attributes, and the visible texts of each language."""

    def __init__(self, document: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, str] = {"en": "", "ja": ""}
        self._main = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "main":
            self._main = dict(attrs)["lang"] or ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag
        if tag == "main":
            self._main = ""

    def handle_data(self, data: str) -> None:
        if self._main:
            self.texts[self._main] += data

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)


def read(page: Page, language: Language = Language.EN) -> Reader:
    return Reader(report.html(page, language))


@pytest.fixture(scope="module")
def full() -> Reader:
    return read(page_samples.page())


def test_every_element_is_closed_and_every_id_is_one_of_a_kind(full: Reader) -> None:
    assert full.open == []
    names = [attributes["id"] for _, attributes in full.elements if "id" in attributes]
    assert len(names) == len(set(names))


def test_what_labels_point_to_is_there(full: Reader) -> None:
    names = {attributes["id"] for _, attributes in full.elements if "id" in attributes}
    for _, attributes in full.elements:
        targets = [*(attributes.get("aria-labelledby") or "").split(), attributes.get("for") or ""]
        if (attributes.get("href") or "").startswith("#"):
            targets.append(str(attributes["href"])[1:])
        assert {target for target in targets if target} <= names


def test_nothing_is_loaded_and_no_script_is_in_it(full: Reader) -> None:
    for tag, attributes in full.elements:
        assert tag not in LOADING
        assert not {"src", "srcset", "data", "poster", "background", "xlink:href"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    document = report.html(page_samples.page(), Language.EN)
    assert "@import" not in document
    assert "url(" not in document


def test_both_languages_are_in_it_and_the_wanted_one_is_shown_first() -> None:
    for language in Language:
        found = read(page_samples.page(), language)
        assert next(found.all("html"))["lang"] == language
        (chosen,) = (a for a in found.all("input") if "checked" in a)
        assert chosen["id"] == f"language-{language}"
        assert next(found.all("main"))["lang"] == language
        assert "Emulated hardware beside virtio" in found.texts["en"]
        assert "並べて比べる" in found.texts["ja"]
        assert "並べて比べる" not in found.texts["en"]


def test_the_first_screen_says_what_it_is_what_it_is_not_and_what_was_measured(full: Reader) -> None:
    first = full.texts["en"][: full.texts["en"].index("From the processor up")]
    for words in (
        "What it is.",
        "What it is not.",
        "ide, driver sd → ata_piix",
        "virtio, driver virtio_net → virtio-pci",
        "emulation (TCG)",
        "kernel 6.1.0-44-amd64",
        "Register accesses for a 4 KiB disk read: 26 per request with full, 1 per request with virtio",
    ):
        assert re.sub(r"per request with virtio", "with virtio", words) in " ".join(first.split())


def test_a_japanese_unit_stands_right_behind_its_number(full: Reader) -> None:
    assert "fullは26回/要求、virtioは1回/要求(26倍の差)。" in full.texts["ja"]
    assert "fullは152 µs、virtioは226 µs" in full.texts["ja"]


def test_the_contrast_tells_the_other_side_too(full: Reader) -> None:
    text = " ".join(full.texts["en"].split())
    assert "But not in everything: Disk read, 4 KiB at random" in text


def test_no_contrast_is_claimed_where_none_was_measured() -> None:
    sample = page_samples.page()
    assert sample.bench is not None
    outcomes = tuple(
        dataclasses.replace(o, ratios=tuple(dataclasses.replace(r, verdict=Verdict.SAME) for r in o.ratios))
        for o in sample.bench.outcomes
    )
    bench = dataclasses.replace(sample.bench, outcomes=outcomes)
    text = read(dataclasses.replace(sample, bench=bench)).texts["en"]
    assert "No difference was measured." in text
    assert "a factor of" not in text


def test_tables_have_captions_and_heads_that_say_what_they_head(full: Reader) -> None:
    tags = [tag for tag, _ in full.elements]
    assert tags.count("table") > 10
    for index, tag in enumerate(tags):
        if tag == "table" and "guide" not in str(full.elements[index - 1][1].get("class")):
            assert tags[index + 1] in ("caption", "thead")
    assert all(attributes.get("scope") for attributes in full.all("th"))


def test_every_chart_has_its_numbers_beside_it(full: Reader) -> None:
    sample = page_samples.page()
    assert sample.bench is not None
    charts = [a for a in full.all("svg") if a.get("class") == "chart"]
    assert len(charts) == 2 * len(sample.bench.outcomes)
    text = full.texts["en"]
    for outcome in sample.bench.outcomes:
        for series in outcome.series:
            for value in series.values:
                assert f"{value:,.6g}" in text


def test_missing_numbers_have_no_chart_and_a_reason() -> None:
    sample = page_samples.page()
    assert sample.bench is not None
    empty = (Series("full", (), "it ended in the middle"), Series("virtio", (), "it ended, too"))
    outcome = dataclasses.replace(sample.bench.outcomes[0], series=empty, ratios=())
    found = read(dataclasses.replace(sample, bench=dataclasses.replace(sample.bench, outcomes=(outcome,))))
    assert not [a for a in found.all("svg") if a.get("class") == "chart"]
    assert "full: it ended in the middle" in found.texts["en"]


@pytest.mark.parametrize("holds", [False, None])
def test_a_control_that_does_not_hold_is_said_first_and_no_time_is_told_there(holds: bool | None) -> None:
    sample = page_samples.page()
    assert sample.bench is not None
    bench = dataclasses.replace(sample.bench, control_holds=holds)
    text = read(dataclasses.replace(sample, bench=bench)).texts["en"]
    first = text[: text.index("From the processor up")]
    assert "the control did not hold" in first
    assert "Disk read, 4 KiB at random" not in first
    assert "Register accesses for a 4 KiB disk read" in first


def test_what_is_not_there_is_said_with_the_command_that_gets_it() -> None:
    bare = dataclasses.replace(
        page_samples.page(),
        guests=(),
        rows=(),
        findings=(),
        host=None,
        bench=None,
        guide={},
        concept=None,
        literature=(),
        exercises=(),
        asked="",
        is_up=False,
    )
    text = " ".join(read(bare).texts["en"].split())
    for command in ("bench demo-paravirt --quick", "check demo-paravirt", "up demo-paravirt"):
        assert f"virtlab {command}" in text
    assert "the lab was not up" in text


def test_the_exercises_stand_with_their_tasks_in_both_languages(full: Reader) -> None:
    told = {language: " ".join(full.texts[language].split()) for language in ("en", "ja")}
    assert "The driver behind the disk Tell its name: virtlab check demo-paravirt --step 1" in told["en"]
    assert "ディスクを動かすドライバ 名前を答えてください: virtlab check demo-paravirt --step 1" in told["ja"]


def test_a_bench_that_can_measure_nothing_is_not_recommended() -> None:
    sample = page_samples.page()
    (defined,) = (guest for guest in lab_files.load(*lab_files.locate("demo-guest-os")).guests[:1])
    guests = tuple(dataclasses.replace(guest, defined=defined) for guest in sample.guests)
    found = read(dataclasses.replace(sample, guests=guests, bench=None))
    for language, words in (("en", "bench measures nothing in this lab: "), ("ja", "benchが測定するものが")):
        text = " ".join(found.texts[language].split())
        assert "virtlab bench" not in text
        assert text.count(words) == 2


def test_a_guest_that_did_not_answer_is_named_and_the_page_comes_out() -> None:
    sample = page_samples.page()
    full, virtio = sample.guests
    silent = dataclasses.replace(
        full, facts=None, stack=None, error="full did not answer", hint="{virtlab} console f"
    )
    rows = tuple(comparison.rows([silent, virtio]))
    found = read(dataclasses.replace(sample, guests=(silent, virtio), rows=rows))
    assert "full did not answer" in found.texts["en"]
    assert "virtlab console f" in found.texts["en"]
    seen = found.texts["en"].split("as the guests' own kernels tell it.")[1]
    assert seen.split()[0] == "virtio"  # the only column


def test_japanese_has_its_own_word_for_imitated_hardware(full: Reader) -> None:
    assert "[emulated]" in full.texts["en"]
    assert "[emulated]" not in full.texts["ja"]
    assert "[エミュレーション]" in full.texts["ja"]


def test_long_words_have_places_to_be_broken_and_stay_text() -> None:
    assert str(report.breaking("full, virtio_blk")) == "full, virtio_blk"
    assert (
        str(report.breaking("a virtio_net_<b>, x"))
        == 'a <span class="word">virtio_<wbr>net_&lt;b&gt;,</span> x'
    )
    assert str(report.breaking("/dev/virtio-ports")) == '<span class="word">/dev/<wbr>virtio-ports</span>'


def test_a_guest_inside_another_is_said_to_run_there(full: Reader) -> None:
    assert "run by emulation (TCG)" in " ".join(full.texts["en"].split())
    sample = page_samples.page()
    inner = sample_guest("virtio", kind=GuestKind.NESTED, parent="full", accel=Accel.KVM)
    nested = dataclasses.replace(sample.guests[1], defined=inner)
    text = read(dataclasses.replace(sample, guests=(sample.guests[0], nested))).texts["en"]
    assert "KVM in full, on emulation (TCG)" in text
    assert "run by" not in text


def test_a_card_says_the_driver_where_the_definition_says_no_device() -> None:
    sample = page_samples.page()
    guests = tuple(dataclasses.replace(guest, disk="", network="") for guest in sample.guests)
    found = read(dataclasses.replace(sample, guests=guests))
    assert "driver virtio_blk → virtio-pci" in found.texts["en"]
    assert ", driver virtio_blk" not in found.texts["en"]
    assert "ドライバ virtio_blk → virtio-pci" in found.texts["ja"]


HOSTILE = (
    "</svg></title></style><script>window.hit=1</script><img src=x onerror=hit()>\"'\u202e\x1b[31m\x00&amp;"
)


def test_hostile_texts_in_every_field_stay_text() -> None:
    page = page_samples.everywhere(page_samples.page(), HOSTILE)
    assert isinstance(page, Page)
    for language in Language:
        document = report.html(page, language)
        found = Reader(document)
        assert found.open == []
        assert not [tag for tag, _ in found.elements if tag in LOADING]
        assert not [n for _, attributes in found.elements for n in attributes if n.startswith("on")]
        for character in ("\u202e", "\x1b", "\x00"):
            assert character not in document
        assert "<script>window.hit=1</script>" in found.texts["en"]


def test_a_page_replaces_a_page_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    document = report.html(page_samples.page(), Language.EN)
    report.write(document, file)
    file.chmod(0o600)
    report.write(document, file)
    assert file.read_text(encoding="utf-8") == document
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    file.write_text("<html>somebody's own</html>")
    with pytest.raises(errors.InputError, match="no page of virtlab's"):
        report.write(document, file)
    assert file.read_text() == "<html>somebody's own</html>"


def test_only_files_are_written_to(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "dangling", ".", "missing/report.html"):
        with pytest.raises(errors.InputError):
            report.write("x", tmp_path / name)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["dangling", "pipe"]


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    document = report.html(page_samples.page(), Language.EN)
    (tmp_path / "real.html").touch()
    (tmp_path / "link.html").symlink_to("real.html")
    report.write(document, tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text(encoding="utf-8") == document


def test_a_full_disk_leaves_the_page_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.html"
    before = report.html(page_samples.page(), Language.EN)
    report.write(before, file)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(errors.InputError, match="No space left"):
        report.write(before + "<!-- new -->", file)
    assert file.read_text(encoding="utf-8") == before
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
