"""Pages and messages on a terminal of 80 columns: lines end between words, and commands stay whole."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest
import test_pages
from worlds import after, guest, lab, stopped

from provisioner import errors, paths
from provisioner.labfile import catalog
from provisioner.language import Language, Text
from provisioner.lifecycle import lab_files
from provisioner.lifecycle.host_checks import Check
from provisioner.model.lab import Expectation, How, Observation
from provisioner.report.terminal import (
    check_page,
    data,
    doctor_page,
    labs_page,
    table,
    text,
    wrap,
)
from provisioner.teach.verdicts import Finding, Verdict
from provisioner.verbs.doctor import Findings, LabVerdict

NAMES = [entry.name for entry in catalog.entries(paths.labs_dir())]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("VIRTLAB_RUN_AS", "./bootstrap virtlab")


def printed(page: Callable[[], str], columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a page on a terminal with so many columns."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    data.emit(data.Output.TABLE, {}, names=[], table=page)
    return screen.getvalue().splitlines()


def shown_list() -> str:
    return labs_page.catalog_table(catalog.entries(paths.labs_dir()))


def shown_status() -> str:
    long = lab(guest("a-guest-with-a-long-name"), guest("two"))
    return test_pages.page(stopped(after(long), "two"))


def shown_doctor() -> str:
    told = "the processor shows neither vmx nor svm to this kernel, so what is there is no real KVM at all"
    checks = [
        Check("libvirt", True, told),
        Check("processor", False, told, f"{told}: {{virtlab}} doctor demo-xen"),
    ]
    labs = (LabVerdict("demo-consolidation", "emulated", told), LabVerdict("demo-kvm", "emulated", told))
    return doctor_page.doctor_page(Findings(tuple(checks), labs))


def findings() -> list[Finding]:
    item = Observation(
        "disk",
        Text("Interface of the disk that it started from", "起動元のディスクのインターフェース"),
        ("full",),
        "disk.interface",
        (),
        "lines",
        Expectation(next(iter(How)), ("virtio_blk", "virtio_net", "virtio_pci")),
        (),
        None,
    )
    return [
        Finding(item, "paravirtual", ("virtio_blk", "virtio_net", "virtio_pci"), Verdict.PASS),
        Finding(item, "paravirtual", None, Verdict.IMPOSSIBLE, "no KVM"),
        Finding(item, "paravirtual", ("ata_piix", "e1000", "pata_legacy", "sd_mod"), Verdict.FAIL),
    ]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "page",
    [
        shown_list,
        shown_status,
        shown_doctor,
        lambda: check_page.findings_table(findings(), Language.EN),
        *(
            lambda name=name: labs_page.lab_page(lab_files.load(*lab_files.locate(name)), name)
            for name in NAMES
        ),
    ],
)
def test_pages_fit_and_break_no_word(
    page: Callable[[], str], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(page, columns, monkeypatch)
    assert max(map(wrap.width, lines)) <= columns
    words = set(" ".join(lines).split())
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert set(page().split()) - words == set()


def test_a_table_has_a_line_for_each_row_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert len(table.columns(("a", "b"), [("x" * 50, "y " * 50)]).splitlines()) == 2


def test_words_that_are_too_long_end_before_no_comma() -> None:
    assert wrap.wrapped("virtio_net, virtio_blk", 10) == ["virtio_", "net,", "virtio_blk"]
    assert wrap.wrapped("abcdefghij, k", 10) == ["abcdefghi", "j, k"]
    assert wrap.wrapped("/usr/bin/qemu-system-x86_64", 20) == ["/usr/bin/qemu-", "system-x86_64"]


def test_errors_break_between_words_and_keep_commands_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    text.problem(
        errors.Busy(
            "guest full is paused, because there is no room for what it writes to its disk, and it waits",
            hint="make room there; then let it go on: {virtlab} start demo-consolidation/a-guest-of-it",
        )
    )
    assert screen.getvalue().splitlines() == [
        "error: guest full is paused, because there is no room for",
        "  what it writes to its disk, and it waits",
        "next: make room there; then let it go on:",
        "  ./bootstrap virtlab start demo-consolidation/a-guest-of-it",
    ]


def test_a_command_is_broken_as_a_shell_reads_it_and_a_comment_stays_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    typed = "./bootstrap virtlab exec demo/one -- sh -c 'echo one two three; echo four five six'"
    assert text.fitted(text.for_shell(f"  {typed}  # what it prints"), 60).splitlines() == [
        "  ./bootstrap virtlab exec demo/one -- sh -c \\",
        "    'echo one two three; echo four five six'",
        "    # what it prints",
    ]
    lines = text.fitted(f"# {typed}; rm -r everything that is in this folder", 60).splitlines()
    assert len(lines) > 2
    assert all(line.startswith("# ") for line in lines)


def test_prose_that_begins_with_a_command_gets_no_backslash() -> None:
    prose = "./bootstrap virtlab exec demo/one -- touch /root/mark makes the file there, and it is told."
    assert "\\" not in text.fitted(prose, 60)


def test_what_is_to_be_typed_is_broken_as_a_shell_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    line = text.for_shell(
        "for name in one two three; do sed -i 's/a  # b c/d e f/' $name; done  # and a word on it"
    )
    assert text.fitted(f"To type:\n{line}", 40).splitlines() == [
        "To type:",
        "for name in one two three; do sed -i \\",
        "  's/a  # b c/d e f/' $name; done",
        "  # and a word on it",
    ]
    assert text.fitted(line, None).startswith("for name")


def test_styles_take_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    styled = text.styled("two words", "red", stream=Terminal())
    assert wrap.width(styled) == 9
    assert text.fitted(styled, 9) == styled
    lines = text.fitted(f"{styled} and more of all", 12).splitlines()
    assert [wrap.width(line) for line in lines] == [9, 10, 8]


def test_what_several_labs_have_in_common_is_said_once() -> None:
    labs = [LabVerdict(name, "emulated", "slower: no KVM here") for name in ("one", "two")]
    check = Check("libvirt", True, "9.0.0")
    page = doctor_page.doctor_page(Findings((check,), (*labs, LabVerdict("three", "not", "no room"))))
    assert page.splitlines()[2:] == [
        "LAB    HERE            WHY",
        "one    runs emulated",
        "two    runs emulated",
        "three  can't run here  no room",
        "runs emulated: slower: no KVM here",
    ]


def test_a_result_of_several_lines_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    lines = printed(lambda: check_page.findings_table(findings(), Language.EN), 80, monkeypatch)
    at = next(number for number, line in enumerate(lines) if "not possible" in line)
    assert lines[at].startswith("\x1b[33mnot possible\x1b[0m  ")
    assert lines[at + 1].startswith("\x1b[33mhere\x1b[0m ")


def test_a_path_leaves_room_for_words() -> None:
    rows = [("What runs the machine, and the files that are its disks", "/usr/bin/qemu-system-x86_64")] * 2
    _, first, _ = table.drawn(("what", "seen"), rows, 44)
    assert first.splitlines() == [
        "What runs the          /usr/bin/qemu-system-",
        "machine, and the       x86_64",
        "files that are its",
        "disks",
    ]
