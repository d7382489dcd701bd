"""The tables of docs/hosts.md: what a run writes, and what it leaves as it is."""

from __future__ import annotations

from pathlib import Path

import hosts_table
import pytest
from hosts_table import BEGIN, DOCUMENT, END, Section

COLUMNS = [("root", "root, `qemu:///system`"), ("learner", "learner, `qemu:///session`")]


def filled() -> Section:
    section = Section("trixie", "Debian 13", {"Python": "3.13.5", "QEMU": "10.0.13", "Debian": "13.8"})
    with section.timed("`demo-xen`", "root") as cell:
        cell.told = "16 checks"
    cell.seconds = 61.4
    with section.timed("`demo-xen`", "learner") as cell:
        cell.told = "15 checks, 1 not possible"
    cell.seconds = 70.6
    with section.timed("`demo-kvm`", "learner") as cell:
        cell.told = "10 checks"
    return section


def test_a_section_is_a_compact_table() -> None:
    assert filled().markdown(COLUMNS, "2026-12-01", "abc1234") == (
        "### Debian 13 (trixie)\n"
        "\n"
        "2026-12-01, commit abc1234: Debian 13.8, QEMU 10.0.13, Python 3.13.5\n"
        "\n"
        "| | root, `qemu:///system` | s | learner, `qemu:///session` | s |\n"
        "|---|---|--:|---|--:|\n"
        "| `demo-xen` | 16 checks | 61 | 15 checks, 1 not possible | 71 |\n"
        "| `demo-kvm` |  |  | 10 checks | 0 |\n"
    )


def test_what_raises_is_written_down_as_failed() -> None:
    section = Section("trixie")
    with pytest.raises(OSError), section.timed("`demo-xen`", "root"):
        Path("/nonexistent").read_text()
    assert section.rows["`demo-xen`"]["root"].told == "**failed**"


def test_a_run_replaces_the_sections_of_its_suites_and_no_others() -> None:
    document = f"# Title\n\n{BEGIN}\n\n{END}\n\nThe end.\n"
    document = hosts_table.replaced(
        document, {"sid": "### Debian unstable (sid)\n\nsid\n", "forky": "### F (forky)\n\nold\n"}
    )
    document = hosts_table.replaced(
        document, {"forky": "### F (forky)\n\nnew\n", "bookworm": "### B (bookworm)\n\nb\n"}
    )
    assert document == (
        f"# Title\n\n{BEGIN}\n\n"
        "### B (bookworm)\n\nb\n\n### F (forky)\n\nnew\n\n### Debian unstable (sid)\n\nsid\n"
        f"\n{END}\n\nThe end.\n"
    )
    assert hosts_table.replaced(document, {"forky": "### F (forky)\n\nnew\n"}) == document


def test_a_document_with_no_place_for_tables_is_not_written() -> None:
    with pytest.raises(ValueError, match="no part between"):
        hosts_table.replaced(f"# Title\n{BEGIN}\n", {})


def test_the_document_has_a_place_for_tables() -> None:
    assert hosts_table.replaced(DOCUMENT.read_text(), {}) == DOCUMENT.read_text()


@pytest.mark.parametrize(
    ("os_release", "suite", "told"),
    [
        ('NAME="Debian GNU/Linux"\nVERSION_ID="12"\n', "bookworm", "Debian 12"),
        ('NAME="Debian GNU/Linux"\nVERSION_CODENAME=forky\n', "forky", "Debian testing"),
        ('NAME="Debian GNU/Linux"\nVERSION_CODENAME=forky\n', "sid", "Debian unstable"),
        ('NAME="Ubuntu"\nVERSION_ID="26.04"\n', "resolute", "Ubuntu 26.04"),
    ],
)  # fmt: skip
def test_a_release_is_named_as_it_names_itself(os_release: str, suite: str, told: str) -> None:
    assert hosts_table.release(os_release, suite) == told


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-1)\n", "10.0.13"),
        ("libvirtd (libvirt) 11.3.0\n", "11.3.0"),
        ("Python 3.14.7\n", "3.14.7"),
    ],
)
def test_a_version_is_found_in_what_a_program_says(said: str, version: str) -> None:
    assert hosts_table.version(said) == version
