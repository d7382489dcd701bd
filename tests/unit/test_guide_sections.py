"""A guide in sections, and in a pager."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from provisioner import errors, paths
from provisioner.labfile import catalog
from provisioner.language import Language
from provisioner.report.terminal import guide_page, pager, text, wrap
from provisioner.teach.guide_sections import GuideSection, chosen, split
from provisioner.verbs import guide as verbs

NAMES = catalog.names(paths.labs_dir())
GUIDE = """# Title

Before.

## 1. One
one
```sh
## no heading
```
### Below it
below
## Two words
two

> ## in a quotation
"""


@cache
def guide(lab: str, language: Language) -> str:
    return verbs.guide(lab, language, None).markdown


def test_sections_are_headings_of_the_text_alone() -> None:
    sections = split(GUIDE)
    assert [(each.number, each.title) for each in sections] == [
        (1, "One"),
        (None, "Below it"),
        (2, "Two words"),
    ]
    assert sections[0].markdown.startswith("## 1. One\none\n```sh\n## no heading\n```\n### Below it\nbelow\n")
    assert sections[1].markdown == "### Below it\nbelow\n"
    assert split("Nothing but text.\n") == []


@pytest.mark.parametrize(
    ("wanted", "title"),
    [("2", "Two words"), ("two", "Two words"), ("words", "Two words"), ("below IT", "Below it")],
)
def test_a_section_is_chosen_by_number_or_words(wanted: str, title: str) -> None:
    assert chosen(split(GUIDE), wanted).title == title


def test_a_section_that_is_not_there() -> None:
    with pytest.raises(errors.InputError, match='no section "3"') as caught:
        chosen(split(GUIDE), "3")
    assert caught.value.hint == "its sections are: 1 One; 2 Two words"


@pytest.mark.parametrize("lab", NAMES)
def test_the_numbers_in_guides_are_those_of_their_sections_in_both_languages(lab: str) -> None:
    counts = set()
    for language in Language:
        sections = [s for s in split(guide(lab, language)) if s.number]
        counts.add(len(sections))
        for each in sections:
            assert each.markdown.startswith(f"## {each.number}. ")
    assert len(counts) == 1


def test_what_comes_next() -> None:
    sections = split(GUIDE)
    assert (
        guide_page.next_page("a lab", sections[0], sections) == "next: virtlab guide 'a lab' 2  # Two words"
    )
    assert guide_page.next_page("x", sections[1], sections) == "next: virtlab guide x 2  # Two words"
    assert guide_page.next_page("x", sections[2], sections) == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("lines", "paged"), [("24", True), ("200", False)])
def test_only_what_is_longer_than_the_terminal_is_paged(
    lines: str, paged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.setattr(pager, "show", lambda *all_of_it: shown.append(all_of_it))
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", lines)
    assert guide_page.show("word\n\n" * 30) is paged
    assert (len(shown), "word" in screen.getvalue()) == (paged, not paged)


def test_the_users_pager_is_used_and_the_sections_are_named_after_it(tmp_path: Path) -> None:
    lines = on_a_terminal(tmp_path, PAGER="sed s/^/:/", LC_ALL="C.UTF-8").splitlines()
    at = lines.index("sections:")
    assert all(line.startswith(":") for line in lines[:at])
    assert lines[at + 1] == "  1  What the words mean"


@pytest.mark.parametrize(
    ("locale", "set_by_the_user", "charset"),
    [
        ({"LANG": "ja_JP.UTF-8"}, {}, "utf-8"),  # which this system may not have
        ({"LC_ALL": "C"}, {}, "utf-8"),
        ({"LC_ALL": "C.UTF-8"}, {"LESSCHARSET": "latin1"}, "latin1"),
        ({"LC_ALL": "C.UTF-8"}, {"LESSCHARDEF": "8bcccbcc18b95.b"}, ""),
    ],
)
def test_less_is_told_what_it_gets(
    locale: dict[str, str], set_by_the_user: dict[str, str], charset: str, tmp_path: Path
) -> None:
    """It goes by the locale, and showed ``<E8><A8>`` where the system has none of that name."""
    program = tmp_path / "less"
    program.write_text('#!/bin/sh\ncat >/dev/null\necho "charset=$LESSCHARSET."\n')
    program.chmod(0o755)
    shown = on_a_terminal(tmp_path, PAGER=str(program), **locale, **set_by_the_user)
    assert f"charset={charset}." in shown


def on_a_terminal(home: Path, **settings: str) -> str:
    """What ``guide`` shows on a terminal that is too short for it."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    unset = r"MANPAGER|LESS.*|COLUMNS|LINES|LC_.*|LANG|PYTHONUTF8"
    others = {name: value for name, value in os.environ.items() if not re.fullmatch(unset, name)}
    command = [sys.executable, "-m", "provisioner", "guide", "demo-xen"]
    env = others | {"TERM": "xterm", "HOME": str(home)} | settings
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=env)
    os.close(its)
    out = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # EIO: its other side is closed
            break
        out += part
    os.close(ours)
    assert process.wait() == 0
    return out.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("lab", NAMES)
def test_commands_of_guides_fit_and_are_the_same_to_a_shell(
    lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTLAB_RUN_AS", "show")
    markdown = guide(lab, Language.EN).replace("{lab}", lab)
    fences = re.findall(r"^```sh\n(.*?)^```", text.spelled(markdown), re.MULTILINE | re.DOTALL)
    broken = {}
    for line in "".join(fences).splitlines():
        parts = text.typed(line, 61)  # 79, with ./bootstrap virtlab
        if len(parts) > 1:
            assert all(wrap.width(part) <= 61 or "'" in part for part in parts)
            broken[line] = "\n".join(parts)
    assert words_of(list(broken.values())) == words_of(list(broken))


def words_of(commands: Sequence[str]) -> str:
    """The arguments that a shell gives to the program show."""
    script = ["show() { printf '<%s>' \"$@\"; }", *commands]
    words = "\n".join(script).replace("sleep 4", "sleep 0")
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_section_is_plain_data() -> None:
    section = GuideSection(1, "One", "## 1. One\n")
    assert guide_page.guide_data("lab", Language.EN, [section]) == {
        "lab": "lab",
        "language": "en",
        "sections": [{"number": 1, "title": "One", "markdown": "## 1. One\n"}],
    }


@pytest.mark.parametrize("lab", NAMES)
def test_a_japanese_guide_breaks_no_word_and_begins_no_line_with_a_stop(
    lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    markdown = guide(lab, Language.JA)
    guide_page.show(markdown)
    lines = screen.getvalue().splitlines()
    assert not [line for line in lines if line.strip()[:1] in tuple("。、」)")]
    words = set(re.findall(r"[A-Za-z_]{4,}", " ".join(lines)))
    told = re.findall(
        r"^(?![|`]).*$", re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    assert not set(re.findall(r"[A-Za-z_]{4,}", " ".join(told))) - words
