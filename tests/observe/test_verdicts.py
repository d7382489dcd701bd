"""What guests showed against what is expected."""

from __future__ import annotations

import pytest

from provisioner.labfile.lesson import Answer
from provisioner.language import Text
from provisioner.model.lab import Expectation, How, Observation
from provisioner.teach import verdicts
from provisioner.teach.verdicts import Verdict


def item(
    how: How = How.IS, *values: str, fact: str | None = "disk.names", read: str = "lines"
) -> Observation:
    command = () if fact else ("cat", "/proc/x")
    return Observation("one", Text("One"), ("full",), fact, command, read, Expectation(how, values), (), None)


@pytest.mark.parametrize(
    ("how", "values", "saw", "passes"),
    [
        (How.IS, (), (), True),
        (How.IS, (), ("virtio",), False),
        (How.IS, ("emulated",), (), False),
        (How.IS, ("a", "b"), ("b", "a"), True),
        (How.IS, ("a",), ("a", "b"), False),
        (How.IS, ("a", "b"), ("a",), False),
        (How.HAS, ("a",), ("a", "b"), True),
        (How.HAS, ("a", "c"), ("a", "b"), False),
        (How.LACKS, ("a",), ("b",), True),
        (How.LACKS, ("a",), (), True),
        (How.LACKS, ("a", "b"), ("b", "c"), False),
        (How.AT_LEAST, ("128",), ("138",), True),
        (How.AT_LEAST, ("139",), ("138",), False),
        (How.AT_LEAST, ("2",), ("sda", "sdb"), True),
        (How.AT_LEAST, ("1",), (), False),
        (How.AT_MOST, ("0",), (), True),
        (How.AT_MOST, ("1",), ("sda", "sdb"), False),
    ],
)
def test_expectations(how: How, values: tuple[str, ...], saw: tuple[str, ...], passes: bool) -> None:
    finding = verdicts.judged(item(how, *values), "full", saw)
    assert finding.verdict is (Verdict.PASS if passes else Verdict.FAIL)
    assert finding.saw == saw


def test_lines_are_counted_even_where_one_is_a_number() -> None:
    lines = item(How.AT_LEAST, "5", fact=None)
    assert verdicts.judged(lines, "full", ("7",)).verdict is Verdict.FAIL
    number = item(How.AT_LEAST, "5", fact=None, read="number")
    assert verdicts.judged(number, "full", ("7",)).verdict is Verdict.PASS


def test_what_was_not_seen_proves_nothing_and_what_is_not_here_is_no_failure() -> None:
    down = verdicts.unasked(item(How.IS), "full", "it is down", None)
    assert (down.verdict, down.saw) == (Verdict.UNASKED, None)
    elsewhere = verdicts.impossible(item(How.IS), "full", "no KVM")
    assert verdicts.all_held([elsewhere])
    assert not verdicts.all_held([elsewhere, down])


@pytest.mark.parametrize(
    ("read", "code", "out", "expected"),
    [
        ("lines", 0, b"a\n\n b \nc", ("a", "b", "c")),
        ("lines", 0, b"", ()),
        ("lines", 1, b"", ()),  # grep that found nothing
        ("text", 0, b" two words \n", ("two words",)),
        ("text", 0, b"\n", ()),
        ("number", 0, b" 42\n", ("42",)),
        ("number", 0, b"-1.5", ("-1.5",)),
        ("exit-code", 3, b"ignored", ("3",)),
        ("lines", 0, b"\x1b[31mred\xff\n", ("\\e[31mred\\xff",)),
    ],
)
def test_reading(read: str, code: int, out: bytes, expected: tuple[str, ...]) -> None:
    assert verdicts.read(item(fact=None, read=read), code, out, b"") == expected


@pytest.mark.parametrize(
    ("read", "code", "out", "err", "words"),
    [
        ("lines", 127, b"", b"sh: nproc: not found", "nproc: not found"),
        ("exit-code", 127, b"", b"", "cat can't be run"),
        ("lines", None, b"", b"", "cat can't be run"),
        ("lines", 1, b"", b"cat: /proc/x: no \x1b[0mfile", r"exit code 1: cat: /proc/x: no \\e\[0mfile"),
        ("number", 0, b"many", b"", "a number was expected, not many"),
        ("number", 0, b"", b"", "not nothing"),
        ("number", 0, b"", b"cat: no file", "not nothing; on standard error: cat: no file"),
        ("number", 0, b"9" * 5000, b"", "a number was expected"),
        ("lines", 0, b"x\n" * 2000, b"", "more than 1000 lines"),
    ],
)
def test_what_can_not_be_read(read: str, code: int | None, out: bytes, err: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        verdicts.read(item(fact=None, read=read), code, out, err)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("answer", "told", "right"),
    [
        (Answer("full", "f", "", False), "virtio_blk", True),
        (Answer("full", "f", "", False), " Virtio-BLK ", True),
        (Answer("full", "f", "", False), "virtio", False),
        (Answer("full", "f", "", False), "", False),
        (Answer("full", "f", "pci ", False), "virtio_blk", False),
        (Answer("full", "f", "", True), "3", True),
        (Answer("full", "f", "pci ", True), "2", True),
        (Answer("full", "f", "pci ", True), "3", False),
        (Answer("full", "f", "pci ", True), "two", False),
    ],
)
def test_answers(answer: Answer, told: str, right: bool) -> None:
    assert verdicts.is_right(answer, ("pci a", "pci b", "virtio_blk"), told) is right


def test_an_answer_where_the_guest_has_no_value() -> None:
    assert not verdicts.is_right(Answer("full", "f", "", False), (), "")
    assert verdicts.is_right(Answer("full", "f", "", True), (), "0")
