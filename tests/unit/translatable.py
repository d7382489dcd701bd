"""Which texts of the code are marked for translation, and which look as if somebody had forgotten it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[2] / "provisioner"
PLACE = re.compile(r"\{(\w+)\}")
_MARK = "msg"
_TELLING = {"announce", "note", "phase", "done", "failed", "say", "tell"}  # what they are given is read
# Two words with a blank between them. What stands in a place counts as a word.
_PROSE = re.compile(r"[A-Za-z'}]{2,}[,:;.?!)]* \(?['\"]?[A-Za-z{]|[A-Za-z]{2,}: ?\{|\} ?[A-Za-z]{2,}")
# A command as it is typed, with a comment that is filled in.
_VERB = re.compile(
    r" *\{virtlab\}(?: [a-z-]+){1,2}(?: (?:\{\w*\}|--?[a-z-]*|[A-Z/]+|1))*(?: -- .*)?(?: +# \{\w*\})?"
    r"| *\{virtlab\}(?: \{\w*\}){2}(?: --step \{\w*\})?"
)
_OURS = ("register", "main")  # no verbs
_HELP = ("help", "epilog", "show_default")
_HELPED = ("typer.Option", "typer.Argument", "typer.Typer")
_LETTERS = re.compile(r"[A-Za-z]{2,}")


class Marked(NamedTuple):
    """A marked text, and the names of its values."""

    line: int
    template: str | None  # None where it is no literal
    names: frozenset[str]


class Loose(NamedTuple):
    """A text that a person may read, and that is not marked."""

    line: int
    text: str
    node: ast.Constant | ast.JoinedStr


def marked(file: Path) -> Iterator[Marked]:
    """The marked texts of a module."""
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Call) and _name(node.func) == _MARK:
            first = node.args[0]
            literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
            template = first.value if isinstance(first, ast.Constant) and literal else None
            yield Marked(node.lineno, template, frozenset(each.arg or "**" for each in node.keywords))


def helps(file: Path) -> Iterator[str]:
    """The help texts of a module of the command line: of options, of arguments, and of its verbs."""
    tree = _parsed(file)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _HELPED:
            words = [keyword.value for keyword in node.keywords if keyword.arg in _HELP]
            yield from (str(each.value) for each in words if isinstance(each, ast.Constant) and each.value)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name not in _OURS:
            yield from filter(None, [ast.get_docstring(node)])


def spoiled(file: Path) -> Iterator[str]:
    """Where a marked text is added to, stands in an f-string, or is joined: it is no message any more."""
    for node in ast.walk(_parsed(file)):
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp):
            parts = [node.left, node.right]
        elif isinstance(node, ast.AugAssign | ast.FormattedValue):
            parts = [node.value]
        elif isinstance(node, ast.Call) and _name(node.func) == "join":
            parts = [getattr(argument, "elt", argument) for argument in node.args]
        if any(isinstance(part, ast.Call) and _name(part.func) == _MARK for part in parts):
            yield f"line {node.lineno}"


def loose(file: Path) -> list[Loose]:
    """The texts of a module that read like words for people, and are neither marked nor in both languages.

    Docstrings are no such, and neither is a bare command of virtlab's, or markup.
    """
    tree = _parsed(file)
    apart = _apart(tree)
    raised, told = _raised(tree), _telling(tree)
    found = []
    for node in ast.walk(tree):
        if id(node) in apart or not isinstance(node, ast.Constant | ast.JoinedStr):
            continue
        text = shown(node)
        if text is None or text.startswith("<") or _VERB.fullmatch(text):
            continue
        worded = bool(_LETTERS.search(PLACE.sub("", text)))
        composed = id(node) in raised and isinstance(node, ast.JoinedStr)
        if _PROSE.search(text) or composed or (worded and id(node) in raised | told):
            found.append(Loose(node.lineno, text, node))
    return sorted(found)


def shown(node: ast.expr) -> str | None:
    """A literal as text, with ``{}`` where a value goes. None for what is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    assert isinstance(node, ast.JoinedStr)
    return "".join(map(_part, node.values))


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    source = ast.unparse(node.value) if isinstance(node, ast.FormattedValue) else ""
    return "{virtlab}" if source == "text.command()" else "{}"


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _apart(tree: ast.Module) -> set[int]:
    """The texts that are marked, that stand in both languages, or that are no text of their own."""
    apart: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            (body,) = (node.body[0],)
            assert isinstance(body, ast.Expr)
            apart.add(id(body.value))
        elif isinstance(node, ast.JoinedStr):
            pieces = [part for part in node.values if isinstance(part, ast.Constant)]
            formats = [p.format_spec for p in node.values if isinstance(p, ast.FormattedValue)]
            apart |= {id(part) for part in pieces} | {id(part) for part in formats}
        elif isinstance(node, ast.Call) and _name(node.func) == _MARK and node.args:
            apart.add(id(node.args[0]))
        elif isinstance(node, ast.Call) and _name(node.func) == "Text":
            apart |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in _HELPED:
            apart |= {id(keyword.value) for keyword in node.keywords}
        elif isinstance(node, ast.AnnAssign | ast.arg) and isinstance(node.annotation, ast.Constant):
            apart.add(id(node.annotation))
    return apart


def _raised(tree: ast.Module) -> set[int]:
    """The literals that errors are made of, and hints."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    kinds = [call for call in calls if ast.unparse(call.func).startswith("errors.")]
    arguments = [argument for call in kinds for argument in call.args]
    hints = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "hint"]
    return {id(node) for node in (*arguments, *hints)}


def _telling(tree: ast.Module) -> set[int]:
    """The literals that are told: progress, announcements and lines of the answer."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {id(argument) for call in calls if _name(call.func) in _TELLING for argument in call.args}
