"""The table of a comparison: columns, marks, what is folded away, both languages."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from provisioner.host.local_host import HostThread
from provisioner.language import Language, Text
from provisioner.model.metadata import GuestMetadata, Origin
from provisioner.observe import parse
from provisioner.observe.beside import Compared
from provisioner.observe.collect import GuestFacts
from provisioner.observe.host_side import Outside
from provisioner.report.terminal import compare_page, text, wrap
from provisioner.verbs import kept
from tests.unit.worlds import guest as sample_guest

_TOLD = Path(__file__).parents[1] / "observe" / "told"


def gathered(guest: str, told: str | None = None, accel: str = "tcg", error: str = "") -> GuestFacts:
    origin = Origin("me", "demo", "demo-paravirt", "x", "/x")
    mark = GuestMetadata(origin, sample_guest(guest), accel, "asked for", False, {})
    facts = None
    if not error:
        data = (_TOLD / f"{told or guest}.txt").read_bytes()
        facts = parse.facts_of(data + b"@cpuid\n" + bytes(32) + b"\n@end\n")
    return GuestFacts(guest, mark, facts, error)


def outside(guest: str, accel: str = "tcg", **more: Any) -> Outside:
    vcpus = (HostThread(12, "CPU 0/TCG", 3.5),)
    known: dict[str, Any] = {"pid": 11, "user": "learner", "vcpus": vcpus, "resident": 300 << 20}
    return Outside(guest=guest, accel=accel, **({**known, "seconds": 4.25, "exits": {}} | more))


def compared(*guests: GuestFacts, **more: Any) -> Compared:
    observed = tuple(outside(one.guest, one.metadata.accel, **more) for one in guests)
    taken = "2026-01-01T00:00:00+00:00"
    return Compared("demo", "demo-paravirt", "catalog:demo-paravirt", taken, guests, observed)


def page(*guests: GuestFacts, language: Language = Language.EN, across: int = 100, **more: Any) -> str:
    return compare_page.compare_page(compared(*guests), language, across=across, **more)


def line(shown: str, start: str) -> str:
    return next(line for line in shown.splitlines() if line.startswith(start))


def test_what_differs_is_marked_and_what_is_equal_is_folded_away() -> None:
    shown = page(gathered("full"), gathered("virtio"))
    assert "sda: sd → ata_piix [emulated]" in line(shown, "≠ Disk")
    assert "ttyS1: " in line(shown, "  Guest agent's port"), "a counter is shown and not marked"
    assert "440FX" not in shown
    assert "i440FX" not in shown
    assert "The same in all guests (" in shown
    assert "On the PCI bus (4)" in shown
    assert "emulation (TCG)" in shown.splitlines()[1]


def test_all_shows_what_is_equal_too() -> None:
    shown = page(gathered("full"), gathered("virtio"), everything=True)
    assert "QEMU Standard PC" in shown
    assert line(shown, "  440FX").count("no driver") == 2
    assert "The same in all guests" not in shown


@pytest.mark.parametrize("across", [60, 80, 100, 140])
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("everything", [True, False])
def test_no_line_is_wider_than_the_terminal(across: int, language: Language, everything: bool) -> None:
    shown = page(
        gathered("full"), gathered("virtio"), across=across, language=language, everything=everything
    )
    assert max(wrap.width(line) for line in shown.splitlines()) <= across


@pytest.mark.parametrize("language", list(Language))
def test_columns_are_straight(language: Language) -> None:
    shown = page(gathered("full"), gathered("virtio"), language=language, across=90)
    head = shown.splitlines()[0]
    second = wrap.width(head[: head.index("virtio")])
    for row in shown.split("\n\n")[1].splitlines()[1:]:
        before = ""
        while wrap.width(before) < second - 2:
            before += row[len(before) : len(before) + 1] or " "
        assert row[len(before) : len(before) + 2].strip() == "", row


def test_five_guests_stand_in_several_tables() -> None:
    guests = [gathered(f"guest-{n}", "full") for n in range(5)]
    shown = page(*guests, across=80)
    for guest in guests:
        assert shown.count(guest.guest) == 1
    assert max(wrap.width(line) for line in shown.splitlines()) <= 80


def test_a_guest_that_told_nothing_has_no_column_and_the_rest_is_shown() -> None:
    shown = page(gathered("full", error="demo/full is stopped"), gathered("virtio"))
    assert line(shown, "  Disk").split() == ["Disk", "vda:", "virtio_blk", "→", "virtio-pci", "[virtio]"]
    assert "Told nothing, and has no column: full" in shown
    assert line(shown, "  Memory in use").count("300 MiB") == 2  # the host sees it all the same


def test_japanese_has_its_own_word_for_imitated_hardware() -> None:
    shown = page(gathered("full"), gathered("virtio"), language=Language.JA)
    assert "sda: sd → ata_piix [エミュ" in shown  # and the rest in the next line of that cell
    assert "[emulated]" not in shown


def test_systems_without_an_agent_are_named_with_the_way_to_ask_them() -> None:
    silent = gathered("one", error="it has no agent")
    mark = dataclasses.replace(silent.metadata, guest=sample_guest("one", image="grub"))
    shown = page(dataclasses.replace(silent, metadata=mark), gathered("virtio"))
    assert "No column for one: such a system" in shown
    assert "virtlab check demo" in shown


def test_what_a_guest_did_not_tell_is_named() -> None:
    data = (_TOLD / "full.txt").read_bytes() + b"@cpuid\n\n@end\n"
    partly = GuestFacts("full", gathered("full").metadata, parse.facts_of(data), "")
    assert "full did not tell: the hypervisor's CPUID leaves" in page(partly, gathered("virtio"))
    assert "fullから得られなかったもの" in page(partly, gathered("virtio"), language=Language.JA)


def test_under_emulation_it_says_why_there_are_no_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTLAB_RUN_AS", "./bootstrap virtlab")
    shown = page(gathered("full"), gathered("virtio")).replace("\n", " ")
    assert "there are no exits to count" in shown
    assert "./bootstrap virtlab bench demo" in shown
    assert "do not count them" not in shown


def test_under_kvm_exits_are_shown_by_kind() -> None:
    guests = (gathered("full", accel="kvm"), gathered("virtio", accel="kvm"))
    shown = compare_page.compare_page(
        compared(*guests, exits={"exits": 31000, "io_exits": 1280, "nmi_exits": 0}), Language.EN, across=100
    )
    assert line(shown, "  KVM: exits").count("31000") == 2
    assert shown.index("KVM: exits") < shown.index("KVM: io_exits")
    assert "nmi_exits" not in shown
    assert "no exits to count" not in shown


def test_kvm_that_counts_nothing_is_said_to_do_so() -> None:
    guests = (gathered("full", accel="kvm"), gathered("virtio", accel="kvm"))
    assert "do not count them" in page(*guests).replace("\n", " ")


def test_a_host_that_can_not_be_read_leaves_its_rows_out() -> None:
    guests = (gathered("full"), gathered("virtio"))
    shown = compare_page.compare_page(
        compared(*guests, pid=None, user="", vcpus=(), resident=None, seconds=None), Language.EN, across=100
    )
    assert "Seen from the host" not in shown


def test_the_data_is_json_and_has_everything() -> None:
    data = kept.comparison_data(
        compared(gathered("full"), gathered("virtio", error="demo/virtio is stopped"))
    )
    full, virtio = json.loads(json.dumps(data))["guests"]
    assert full["facts"]["disks"][0]["drivers"] == ["sd", "ata_piix"]
    assert full["host"]["pid"] == 11
    assert (virtio["facts"], virtio["error"]) == (None, "demo/virtio is stopped")
    assert {"section", "label", "cells", "differs", "counter"} == set(data["rows"][0])


def test_an_intro_has_its_paragraphs_and_no_marks_of_markdown() -> None:
    told = page(
        gathered("full"), gathered("virtio"), intro=Text("**What it is.** A\ndevice.\n\n**Not.** Magic.")
    )
    assert told.startswith("What it is. A device.\n\nNot. Magic.\n\n")


def test_an_intro_comes_first() -> None:
    assert page(gathered("full"), gathered("virtio"), intro=Text("Read this first.")).startswith(
        "Read this first.\n"
    )


def test_without_colour_nothing_but_text_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    text.say(page(gathered("full"), gathered("virtio")))
    assert "\x1b" not in capsys.readouterr().out
