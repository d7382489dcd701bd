"""Every command that is printed anywhere is one that virtlab takes as it stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import paths
from provisioner.labfile import catalog
from provisioner.lifecycle import lab_files
from provisioner.model import typed as typing_of
from provisioner.model.typed import Typed
from tests import printed
from tests.printed import Command
from tests.unit.test_messages import translated_messages

ROOT = Path(__file__).parents[2]
LABS = catalog.names(paths.labs_dir())
NAME = "n1"  # of an instance, given by --as
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"\{(?!virtlab)(\w+)\}")  # of a message
_CODE = re.compile(r"`([^`\n]+)`")


def texts(lab: str) -> Iterator[tuple[str, str, bool]]:
    """The place, the text, and whether it is a line for a shell, of all that a lab's lesson says."""
    folder = paths.labs_dir() / lab
    for file in sorted(folder.glob("guide.*.md")):
        guide = file.read_text(encoding="utf-8")
        for block in _FENCE.findall(guide):
            yield from ((file.name, line, True) for line in block.replace("\\\n", "").splitlines())
        yield from ((file.name, code, True) for code in _CODE.findall(_FENCE.sub("", guide)))
        yield file.name, _CODE.sub("", _FENCE.sub("", guide)), False
    for name in ("lab.yaml", "lesson.yaml"):
        yield from _strings(name, yaml.safe_load((folder / name).read_text(encoding="utf-8")))


def _strings(at: str, value: Any, *, shell: bool = False) -> Iterator[tuple[str, str, bool]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(f"{at}/{key}", each, shell=key in ("commands", "undo"))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _strings(f"{at}/{number}", each, shell=shell)
    elif isinstance(value, str):
        yield at, value, shell


@pytest.mark.parametrize("named", [False, True], ids=["plain", "named"])
@pytest.mark.parametrize("name", LABS)
def test_what_lessons_say_to_type(name: str, *, named: bool) -> None:
    how = Typed(name, NAME if named else name, named=named)
    told: list[Command] = []
    for place, words, shell in texts(name):
        filled = how.filled(words)
        assert "{lab}" not in filled
        found = printed.in_shell(filled) if shell else printed.in_text(filled)
        assert (place, list(printed.problems(found))) == (place, [])
        told += map(printed.parsed, found)
    assert told
    there = Labs(how, {str(each.given["folder"]) for each in told if each.verb == "copy"}, told)
    assert not [each.words for each in told if not there.has(each)]


class Labs:
    """The labs and instances that a reader has, who types what one lab's lesson says."""

    def __init__(self, how: Typed, copies: set[str], told: list[Command]) -> None:
        self._how = how
        others = {str(each.given["lab"]) for each in told if each.verb == "up"} & set(LABS) - {how.target}
        self._files = {how.target, *copies, *others}
        self._up = {how.instance: guests(how.target)} | {other: guests(other) for other in others}
        self._up |= dict.fromkeys(copies, guests(how.target))

    def has(self, command: Command) -> bool:
        """Whether the labs and guests that a command names are there, as its verb takes them."""
        given = command.given
        if command.verb in typing_of.MAKES and given["lab"] == self._how.target:
            name = given["as_name"] or given["lab"]
            optional = {*(given["add"] or ()), *(given["drop"] or ())}
            return name == self._how.instance and optional <= self._up[self._how.instance]
        if command.verb in typing_of.MAKES + typing_of.READS:
            return set(command.targets) <= self._files
        return all(map(self._has, command.targets))

    def _has(self, target: str) -> bool:
        instance, slash, guest = target.partition("/")
        return instance in self._up and (not slash or guest in self._up[instance])


@cache
def guests(lab: str) -> set[str]:
    return {guest.name for guest in lab_files.load(*lab_files.locate(lab)).guests}


def messages() -> Iterator[tuple[str, str]]:
    """The place and the text of each message in the sources that names a command. What it is filled with
    stands in it as ``<...>``."""
    for file in sorted((ROOT / "provisioner").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        inside = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if id(node) in inside | documented:
                continue
            if isinstance(node, ast.JoinedStr):
                words = "".join(map(_part, node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = _PLACE.sub(r"<\1>", node.value.replace("{{virtlab}}", printed.MARK))
            else:
                continue
            if printed.MARK in words and words != printed.MARK:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", words
    for entry in translated_messages():
        if printed.MARK in entry:
            yield "in Japanese", _PLACE.sub(r"<\1>", entry)


def translations() -> Iterator[tuple[str, str]]:
    """The same of the messages in other languages."""
    for file in sorted((ROOT / "provisioner" / "locale").rglob("*.po")):
        for told in re.findall(r'^msgstr ((?:".*"\n)+)', file.read_text(encoding="utf-8"), re.MULTILINE):
            words = "".join(map(ast.literal_eval, told.splitlines()))
            if printed.MARK in words:
                yield file.name, words


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    source = ast.unparse(node.value) if isinstance(node, ast.FormattedValue) else ""
    return printed.MARK if source == "text.command()" else f"<{source}>"


def test_messages() -> None:
    wrong = []
    for place, words in (*messages(), *translations()):
        told = re.sub(r"\{(?!virtlab)(\w*)\}", r"<\1>", words)
        told = re.sub("<[^<>]*(?:number|step)[^<>]*>", "1", re.sub("<more>|<flags>", "", told))
        told = re.sub("<[^<>]*(?:<[^<>]*>[^<>]*)*>", "some", told)
        if f"{printed.MARK} some" not in told:  # the verb is named at run time: see tests/conftest.py
            wrong += [f"{place}: {each}" for each in printed.problems(printed.in_text(told))]
    assert not wrong


DOCUMENTS = [
    file for where in ("*.md", "docs/**/*.md", "labs/**/README*.md") for file in sorted(ROOT.glob(where))
]
_TYPED = re.compile(r"(?<![\w/.-])(?:(?:\S*/)?bootstrap )?virtlab (?=[a-z-])")


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in DOCUMENTS])
def test_documents(file: Path) -> None:
    document = file.read_text(encoding="utf-8")
    lines = [line for block in _FENCE.findall(document) for line in block.splitlines()]
    for told in [*lines, *_CODE.findall(_FENCE.sub("", document))]:
        filled = re.sub("SECONDS|\\bN\\b", "1", _TYPED.sub("{virtlab} ", told))
        for words in filter(None, printed.in_text(filled)):
            if words[1:] or words[0] not in printed.verbs():  # else it is the verb's name, and no command
                printed.parsed(words)
