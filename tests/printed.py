"""Finds the commands in what is printed, and has the real command line read them.

In a text, a command is virtlab's (``{virtlab}``, or as it is typed in a clone or installed) and the words
after it, up to a comma, a colon, a semicolon, the end of a sentence or of the text, a bracket, two blanks, a
backtick or Japanese. A line for a shell is taken as a shell takes it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import typer
from typer.main import get_command

from provisioner.cli import app

MARK = "{virtlab}"
# quotes end where they began; a word may end with dots, as ... does, and LAB|GUEST is no word of a shell's
_QUOTED = r"""'[^'\n]*'|"(?:[^"\\\n]|\\.)*\""""
_WORD = rf"""(?:{_QUOTED}|[^\s'"`,;:()。、「」\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]|[,:](?=\S))+"""
_IN_TEXT = re.compile(rf"\{{virtlab\}}((?: (?:(?<=--answer )\S+|{_WORD}))*)")
_END_OF_SENTENCE = re.compile(r"(?<!\.)\.(?: [^a-z].*)?$")
_LOOP = re.compile(r"for (\w+) in ([^;$]+); do (.*?); done")


class Command(NamedTuple):
    """One command: the verb, its parameters by their names, and the words as they stand there."""

    verb: str
    given: dict[str, Any]
    words: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """What it names: labs, or guests as LAB/GUEST."""
        named = self.given.get("lab") or self.given.get("guest") or self.given.get("target") or ()
        return (named,) if isinstance(named, str) else tuple(named)


def in_text(text: str) -> list[list[str]]:
    """The words of each command in a text for people, without virtlab's own name."""
    found = []
    for match in _IN_TEXT.finditer(text):
        words = match[1].split(" ")
        cut = next((i for i, word in enumerate(words, 0) if i and not word), len(words))
        told = " ".join(words[:cut]).strip()
        found.append(shlex.split(_END_OF_SENTENCE.sub("", told)))
    return found


def in_shell(line: str) -> list[list[str]]:
    """The words of each command of virtlab's in a line for a shell."""
    if MARK not in line:
        return []
    line = _LOOP.sub(_unrolled, line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    found: list[list[str]] = []
    inside = False
    for word in lexer:
        if word == MARK:
            found.append([])
            inside = True
        elif set(word) <= set("();<>|&"):
            inside = False
        elif inside:
            found[-1].append(word)
    return found


def _unrolled(loop: re.Match[str]) -> str:
    return "; ".join(loop[3].replace(f"${loop[1]}", value) for value in loop[2].split())


def parsed(words: list[str]) -> Command:
    """The command as virtlab's own command line reads it. Raises TyperException where it can't."""
    group = _group()
    if words[0] in {each for option in group.params for each in option.opts}:
        return Command(words[0], {}, tuple(words))
    top = group.make_context("virtlab", [], resilient_parsing=True)
    name, verb, rest = group.resolve_command(top, list(words))
    context = verb.make_context(name, rest, parent=top)
    return Command(str(name), context.params, tuple(words))


def problems(found: Iterable[list[str]]) -> Iterator[str]:
    """A line for each command that virtlab would not take, of those that ``in_text`` or ``in_shell`` gave."""
    for words in found:
        try:
            if words:
                parsed(words)
            else:
                yield "a command without a verb"
        except typer.TyperException as error:
            yield f"{shlex.join(words)}: {error.format_message()}"
        except typer.Exit:  # --help, --version
            continue


@cache
def verbs() -> frozenset[str]:
    """The names of all verbs."""
    return frozenset(_group().commands)


@cache
def _group() -> Any:
    app.register()
    return get_command(app.app)
