"""Plain text for terminals and pipes."""

from __future__ import annotations

import io

import pytest
import yaml

from provisioner import errors
from provisioner.report.terminal import data, table, text, wrap
from provisioner.report.terminal.live_progress import Progress, _Line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
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
    assert wrap.width(words) == columns


def test_columns() -> None:
    drawn = table.columns(("lab", "title"), [("a", "x"), ("demo-paravirt", "")])
    assert drawn == "LAB            TITLE\na              x\ndemo-paravirt"
    assert table.columns(("lab",), []) == "LAB"


def test_columns_of_japanese_stand_below_each_other() -> None:
    rows = [("demo", "エミュレーション", "x"), ("b", "plain", "y"), ("c", "か\u3099", "z")]
    lines = table.columns(("lab", "title", "more"), rows).splitlines()
    ends = ("MORE", "x", "y", "z")
    assert {wrap.width(line.removesuffix(end)) for line, end in zip(lines, ends, strict=True)} == {24}


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
    styled = text.harmless(text.styled("x", "red", "bold", stream=stream))
    assert styled == ("\x1b[31;1mx\x1b[0m" if colour else "x")


def test_what_others_wrote_does_not_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[31m\x1b]0;t\x07\x9b\u202e\u200e\u061c\udc80\r"
    plain = r"\u001b[31m\u001b]0;t\u0007\u009b\u202e\u200e\u061c\udc80\u000d"
    text.say(f"{evil}\nラボ")
    text.tell(text.styled(evil, "red", stream=Terminal()))
    said = capsys.readouterr()
    assert said.out == f"{plain}\nラボ\n"
    assert said.err == f"\x1b[31m{plain}\x1b[0m\n"
    assert table.columns(("a",), [("x\ny\x1b",)]) == "A\n" + r"x\u000ay\u001b"
    text.problem(errors.Busy(evil, hint=evil))
    assert capsys.readouterr().err == f"error: {plain}\nnext: {plain}\n".replace(r"\u000d", "", 1)


@pytest.mark.parametrize("form", [data.Output.JSON, data.Output.YAML])
def test_data_is_harmless_and_whole(form: data.Output, capsys: pytest.CaptureFixture[str]) -> None:
    evil = {"a": "\x1b\x7f\x9b\u202e\u200eラボ"}
    data.emit(form, evil, names=(), table=str)
    said = capsys.readouterr().out
    assert not set("\x1b\x7f\x9b\u202e\u200e") & set(said)
    assert yaml.safe_load(said) == evil


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_live_display_where_nobody_wants_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with Progress() as progress:
        progress.phase("one", "booting\x1b")
        progress.done("one", "ready\u202e")
    assert stream.getvalue() == "one: booting\\u001b\n✓ one: ready\\u202e\n"


def test_the_live_display_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    monkeypatch.setattr("sys.stderr", stream := Terminal())
    progress = Progress()
    progress._lines["\x1b]0;"] = line = _Line()
    line.phase = "\u202e\x9b"
    Console(file=stream, force_terminal=False).print(progress._draw())
    assert not set("\x1b\u202e\x9b") & set(stream.getvalue())


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
    assert printed(errors.Busy("first\nsecond"), capsys) == "error: first\n  second\nnext: virtlab doctor\n"
    assert printed(errors.Busy(""), capsys) == "error: \nnext: virtlab doctor\n"


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


def test_a_hint_of_a_cause_is_a_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    hinted, bare = errors.Busy("a", hint="wait"), errors.Busy("b")
    assert printed(errors.SeveralErrors("two", [hinted, bare]), capsys).count("next:") == 1
    assert printed(errors.SeveralErrors("two", [bare, bare]), capsys).endswith("\nnext: virtlab doctor\n")


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
