"""Plain text for terminals and pipes."""

from __future__ import annotations

import io

import pytest

from provisioner import errors
from provisioner.report import text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIRTLAB_RUN_AS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("日本語", 6),
        ("ラボ lab", 8),
        ("ｶﾅ", 2),
        ("（）", 4),
        ("か\u3099", 2),
        ("→…", 2),
        ("\u200b", 0),
        ("❤\ufe0f", 1),
    ],
)
def test_width(words: str, columns: int) -> None:
    assert text.width(words) == columns


def test_columns() -> None:
    table = text.columns(("lab", "title"), [("a", "x"), ("demo-paravirt", "")])
    assert table == "LAB            TITLE\na              x\ndemo-paravirt"
    assert text.columns(("lab",), []) == "LAB"


def test_columns_of_japanese_stand_below_each_other() -> None:
    rows = [("demo", "エミュレーション", "x"), ("b", "plain", "y"), ("c", "か\u3099", "z")]
    lines = text.columns(("lab", "title", "more"), rows).splitlines()
    ends = ("MORE", "x", "y", "z")
    assert {text.width(line.removesuffix(end)) for line, end in zip(lines, ends, strict=True)} == {24}


@pytest.mark.parametrize(
    ("environment", "stream", "colour"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
        ({"TERM": "dumb"}, Terminal(), False),
    ],
)
def test_colour(
    environment: dict[str, str], stream: io.StringIO, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert text.styled("x", "red", "bold", stream=stream) == ("\x1b[31;1mx\x1b[0m" if colour else "x")


def test_hints_say_the_command_that_works_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert text.spelled("{virtlab} up {lab}") == "virtlab up {lab}"
    monkeypatch.setenv("VIRTLAB_RUN_AS", "./bootstrap virtlab")
    assert text.spelled("{virtlab} up {lab}") == "./bootstrap virtlab up {lab}"


def printed(error: errors.VirtlabError, capsys: pytest.CaptureFixture[str]) -> str:
    text.problem(error)
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_an_error_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(errors.NotFound("no lab 'x'", hint="{virtlab} status"), capsys) == (
        "error: no lab 'x'\nnext: virtlab status\n"
    )
    assert printed(errors.Busy("first\nsecond"), capsys) == "error: first\n  second\n"
    assert printed(errors.Busy(""), capsys) == "error: \n"


def test_problems_of_a_file_are_lines_that_editors_know(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["lab.yaml:1:2: name: wrong {virtlab}", "lab.yaml:3:4: guests: wrong"]
    assert printed(errors.LabFileError(lines, hint="mend it"), capsys) == (
        "lab.yaml:1:2: name: wrong {virtlab}\nlab.yaml:3:4: guests: wrong\nnext: mend it\n"
    )


def test_several_errors_are_all_told(capsys: pytest.CaptureFixture[str]) -> None:
    inner = errors.SeveralErrors("two more", [errors.Busy("b"), errors.NotReady("c\nd", hint="wait")])
    assert printed(errors.SeveralErrors("all of it", [errors.NotFound("a"), inner], hint="look"), capsys) == (
        "error: all of it\n"
        "  error: a\n"
        "  error: two more\n"
        "    error: b\n"
        "    error: c\n"
        "      d\n"
        "    next: wait\n"
        "next: look\n"
    )


def test_one_problem_is_raised_as_it_is() -> None:
    one, two = errors.Busy("a"), errors.NotFound("b")
    errors.raise_all([], "none")
    with pytest.raises(errors.Busy) as caught:
        errors.raise_all([one], "one")
    assert caught.value is one
    with pytest.raises(errors.SeveralErrors, match="both") as several:
        errors.raise_all([one, two], "both", hint="h")
    assert (several.value.causes, several.value.hint, several.value.exit_code) == ((one, two), "h", 1)


def test_exit_codes() -> None:
    def codes(kind: type[errors.VirtlabError]) -> dict[str, int]:
        below = {name: code for sub in kind.__subclasses__() for name, code in codes(sub).items()}
        return {kind.__name__: kind.exit_code, **below}

    two = {name for name, code in codes(errors.VirtlabError).items() if code == 2}
    assert two == {"InputError", "LabFileError", "Ambiguous", "ConfirmationNeeded"}
    assert set(codes(errors.VirtlabError).values()) == {1, 2}


def test_the_error_tree_is_drawn_as_it_is() -> None:
    def tree(kind: type[errors.VirtlabError]) -> list[str]:
        below = [sub for sub in kind.__subclasses__() if sub.__module__ == errors.__name__]
        return [kind.__name__, *(name for sub in below for name in tree(sub))]

    drawn = (errors.__doc__ or "").partition("::")[2].partition("Each has")[0]
    names = [line.strip("│├└─ ").split()[0] for line in drawn.splitlines() if line.strip()]
    assert names == tree(errors.VirtlabError)
