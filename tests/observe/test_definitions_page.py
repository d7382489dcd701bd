"""Differences of definitions, for people and for programs."""

from __future__ import annotations

import json

import pytest

from provisioner.language import Language, Text
from provisioner.observe.xml_comparison import Difference
from provisioner.report.terminal import wrap
from provisioner.report.terminal.definitions_page import definitions_data, definitions_page
from provisioner.report.terminal.wrap import wrapped

NOTE = Text("What the disk hangs on. " * 8, "ディスクがつながる場所です。" * 12)
FOUND = [
    Difference("devices/disk[1]/target@bus", "disk 1: target bus", {"a": "ide", "b": "virtio"}, NOTE),
    Difference("devices/rng", "rng", {"a": None, "b": ""}, None),
]


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("language", list(Language))
def test_the_page_keeps_to_its_columns(columns: int, language: Language) -> None:
    page = definitions_page(FOUND, ["a", "b"], language, columns=columns)
    assert max(map(wrap.width, page.splitlines())) <= columns


def test_each_difference_has_a_row_and_a_sentence() -> None:
    lines = definitions_page(FOUND, ["a", "b"], Language.EN, columns=80).splitlines()
    assert lines[0].split() == ["a", "b"]
    row = next(index for index, line in enumerate(lines) if line.startswith("disk 1"))
    assert lines[row].split() == ["disk", "1:", "target", "bus", "ide", "virtio"]
    assert lines[row + 1].startswith("  What the disk hangs on.")
    missing = next(line for line in lines if line.startswith("rng"))
    assert missing.split() == ["rng", "-", "yes"]
    assert "no note" in definitions_page(FOUND, ["a", "b"], Language.EN, columns=80)


def test_it_says_what_was_left_out() -> None:
    for found in (FOUND, []):
        assert "MAC" in definitions_page(found, ["a", "b"], Language.EN, columns=80).splitlines()[-2]
        assert "MACアドレス" in definitions_page(found, ["a", "b"], Language.JA, columns=80)


def test_the_data_keeps_what_is_absent_apart_from_what_is_empty() -> None:
    data = json.loads(json.dumps(definitions_data(FOUND)))
    assert data[0]["note"]["ja"] == NOTE.ja
    assert data[1] == {"at": "devices/rng", "label": "rng", "values": {"a": None, "b": ""}, "note": None}


@pytest.mark.parametrize(
    ("words", "columns", "expected"),
    [
        ("", 10, [""]),
        ("one two three", 8, ["one two", "three"]),
        ("incomprehensible", 6, ["incomp", "rehens", "ible"]),
        ("これは、短い文です。", 6, ["これ", "は、短", "い文で", "す。"]),
        ("QEMUが(模倣)する", 7, ["QEMUが", "(模倣)", "する"]),
        ("  a  b", 10, ["a b"]),
    ],
)
def test_text_is_broken_where_its_language_allows(words: str, columns: int, expected: list[str]) -> None:
    assert wrapped(words, columns) == expected
