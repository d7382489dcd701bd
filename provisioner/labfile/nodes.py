"""Reads YAML text into nodes, each of which knows its place.

Scalars follow YAML 1.2's core schema, whatever the YAML library does: only ``true`` and ``false`` are truth
values, ``on`` and ``no`` are text. The reader refuses what hides mistakes (duplicate keys, merge keys, tags,
several documents), and limits the size, the depth and the expansion of aliases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from provisioner.errors import InputError
from provisioner.labfile import blanks, not_yaml
from provisioner.labfile.problems import Place, Problems, shown
from provisioner.language import msg

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 24
_MAX_NUMBER = 32  # characters; a longer run of digits is text

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ScalarValue = str | int | float | bool | None


class Scalar(NamedTuple):
    place: Place
    text: str
    plain: bool  # written without quotes
    span: tuple[int, int] = (0, 0)  # characters of the whole text, quotes included

    @property
    def value(self) -> ScalarValue:
        """Its value by YAML 1.2's core schema."""
        return resolve(self.text) if self.plain else self.text


class Sequence(NamedTuple):
    place: Place
    items: tuple[Node, ...]


class Mapping(NamedTuple):
    place: Place
    entries: dict[str, tuple[Scalar, Node]]  # key text -> key and value
    in_braces: bool = False


class Patch(NamedTuple):
    """Changes to single entries of a list that stands elsewhere, in defaults or in a profile."""

    place: Place
    items: dict[int, Node]


Node = Scalar | Sequence | Mapping | Patch


def resolve(text: str) -> ScalarValue:
    """The value of a plain scalar by YAML 1.2's core schema."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) <= _MAX_NUMBER and (text[0].isdigit() or text[0] in "+-."):
        if _DECIMAL.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def kind_of(node: Node) -> str:
    """What a node is, for a message: "a list", "the number 5"."""
    if isinstance(node, Mapping):
        return msg("a mapping")
    if isinstance(node, Sequence | Patch):
        return msg("a list")
    value = node.value
    if value is None:
        return msg("nothing")
    if isinstance(value, bool):
        return msg("the truth value {text}", text=node.text)
    if isinstance(value, int | float):
        return msg("the number {text}", text=node.text)
    return msg("the text {text}", text=shown(value))


def read_text(file: Path, problems: Problems, order: int = 0) -> str | None:
    """The text of a file. Where it is too large or not UTF-8, None, and a problem is added.

    A byte order mark at the start is dropped. Raises InputError where the file can't be read.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            msg("{file} can't be read: {reason}", file=file, reason=error.strerror),
            hint=msg("Check the name and the rights."),
        ) from error
    if len(data) > MAX_BYTES:
        problems.add(
            Place(str(file), 1, 1, order),
            "",
            msg("the file is larger than {size} KiB", size=MAX_BYTES // 1024),
        )
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add(Place(str(file), 1, 1, order), "", msg("the file is UTF-16; save it as UTF-8"))
        return None
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        message = msg("byte 0x{byte} is not UTF-8; save the file as UTF-8", byte=f"{data[error.start]:02x}")
        problems.add(_place_at(before, len(before), str(file), order), "", message)
        return None


def read(file: Path, problems: Problems, order: int = 0) -> Node | None:
    """The root node of a YAML file. Where there is none, None, and a problem that says why is added."""
    text = read_text(file, problems, order)
    return None if text is None else parse(text, str(file), problems, order=order)


def parse(text: str, file: str, problems: Problems, *, order: int = 0, inline: bool = False) -> Node | None:
    """The root node of a YAML text. Where there is none, None, and a problem that says why is added.

    ``inline``: the text is a single argument, so that its places are just ``file``, without line and column.
    """
    return _Parser(text, file, problems, order, inline).run()


def _place_at(text: str, index: int, file: str, order: int) -> Place:
    start = text.rfind("\n", 0, index) + 1
    return Place(file, text.count("\n", 0, index) + 1, index - start + 1, order)


class _Stop(Exception):
    """The text can't be read further; the problem has been added."""


class _Open:
    """A mapping or list (``entries`` is None) whose end has not been read."""

    def __init__(self, place: Place, event: Any, *, mapping: bool, nodes_before: int) -> None:
        self.place = place
        self.in_braces = bool(event.flow_style)
        self.anchor = event.anchor
        self.entries: dict[str, tuple[Scalar, Node]] | None = {} if mapping else None
        self.items: list[Node] = []
        self.key: Scalar | None = None
        self.key_expected = True
        self.nodes_before = nodes_before

    def step(self) -> str:
        return str(len(self.items)) if self.entries is None else self.key.text if self.key else ""


class _Parser:
    """One pass over the events of a YAML text, with no recursion."""

    def __init__(self, text: str, file: str, problems: Problems, order: int, inline: bool) -> None:
        self.text = text
        self.file = file
        self.problems = problems
        self.order = order
        self.inline = inline
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.pending: set[str] = set()
        self.nodes = 0
        self.root: Node | None = None

    def run(self) -> Node | None:
        import yaml

        unprintable = _UNPRINTABLE.search(self.text)
        if unprintable:
            place = self._index_place(unprintable.start())
            self.problems.add(
                place,
                "",
                msg("the character U+{number} can't stand in YAML", number=f"{ord(unprintable.group()):04X}"),
            )
            return None
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            self._read(yaml.parse(self.text, Loader=loader))
        except _Stop:
            return None
        except yaml.YAMLError as error:
            problem = getattr(error, "problem", None) or str(error)
            self._broken(problem, getattr(error, "problem_mark", None), getattr(error, "context_mark", None))
            return None
        if self.root is None or (isinstance(self.root, Scalar) and self.root.value is None):
            self.problems.add(
                self._index_place(0),
                "",
                msg("nothing stands behind the =") if self.inline else msg("the file is empty"),
            )
            return None
        return self.root

    def _index_place(self, index: int) -> Place:
        if self.inline:
            return Place(self.file, order=self.order)
        return _place_at(self.text, index, self.file, self.order)

    def _place(self, mark: Any) -> Place:
        if self.inline:
            return Place(self.file, order=self.order)
        return Place(self.file, mark.line + 1, mark.column + 1, self.order)

    def _path(self) -> str:
        return ".".join(filter(None, (frame.step() for frame in self.open)))

    def _stop(self, mark: Any, message: str) -> _Stop:
        self.problems.add(self._place(mark), "", message)
        return _Stop()

    def _broken(self, problem: str, problem_mark: Any, context_mark: Any) -> None:
        """Add a problem that says in plain words what the YAML library complains about."""
        words, at_context = not_yaml.words(problem)
        mark = context_mark if at_context and context_mark else problem_mark
        index = mark.index if mark else 0
        around = [mark.index for mark in (problem_mark, context_mark) if mark]
        if blank := blanks.misplaced_in_lines(self.text, around):
            self._not_a_space(blank)
            return
        indent = self.text[self.text.rfind("\n", 0, index) + 1 : index + 1]
        if "\t" in indent and not indent.strip():
            words = msg("a tab; YAML indents with spaces")
        elif "{char}" in words:
            words = not_yaml.begins_with(shown(self.text[index : index + 1]))
        self.problems.add(self._index_place(index), "", msg("not YAML: {words}", words=words))

    def _read(self, events: Iterator[Any]) -> None:
        import yaml

        documents = 0
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.MappingStartEvent):
                self._begin(event, mapping=True)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._begin(event, mapping=False)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._stop(event.start_mark, msg('a second document ("---"); a file holds one'))

    def _scalar(self, event: Any) -> None:
        plain = not event.style and self._tag_allows_plain(event)
        span = (event.start_mark.index, event.end_mark.index)
        if not event.style:
            self._check_blanks(*span)
        node = Scalar(self._place(event.start_mark), event.value, plain, span)
        if event.anchor:
            self.anchors[event.anchor] = (node, 1)
        self._add(node, event, 1)

    def _check_blanks(self, start: int, end: int) -> None:
        is_key = bool(self.open) and self.open[-1].entries is not None and self.open[-1].key_expected
        if blank := blanks.misplaced(self.text, start, end, is_key=is_key):
            raise self._not_a_space(blank)

    def _not_a_space(self, blank: blanks.Blank) -> _Stop:
        message = msg(
            "the character {name} is no space to YAML, though it looks like one; write a plain space",
            name=blank.name,
        )
        self.problems.add(self._index_place(blank.at), "", message)
        return _Stop()

    def _tag_allows_plain(self, event: Any) -> bool:
        if event.tag is None:
            return True
        if event.tag not in ("!", "tag:yaml.org,2002:str"):
            message = msg("a tag (!) has no meaning here; leave it out")
            self.problems.add(self._place(event.start_mark), self._path(), message)
            return True
        return False

    def _alias(self, event: Any) -> None:
        if event.anchor in self.pending:
            raise self._stop(
                event.start_mark, msg("*{anchor} stands inside &{anchor} itself", anchor=event.anchor)
            )
        if event.anchor not in self.anchors:
            raise self._stop(
                event.start_mark,
                msg("*{anchor} refers to nothing; there is no &{anchor} before it", anchor=event.anchor),
            )
        node, size = self.anchors[event.anchor]
        self._add(node, event, size)

    def _begin(self, event: Any, *, mapping: bool) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise self._stop(event.start_mark, msg("nested deeper than {most} levels", most=MAX_DEPTH))
        if event.tag is not None:
            self._tag_allows_plain(event)
        if event.anchor:
            self.pending.add(event.anchor)
            self.anchors.pop(event.anchor, None)
        place = self._place(event.start_mark)
        self.open.append(_Open(place, event, mapping=mapping, nodes_before=self.nodes))

    def _end(self, event: Any) -> None:
        frame = self.open.pop()
        node: Node = (
            Sequence(frame.place, tuple(frame.items))
            if frame.entries is None
            else Mapping(frame.place, frame.entries, frame.in_braces)
        )
        if frame.anchor:
            self.pending.discard(frame.anchor)
            self.anchors[frame.anchor] = (node, self.nodes - frame.nodes_before + 1)
        self._add(node, event, 1)

    def _add(self, node: Node, event: Any, size: int) -> None:
        """Put a complete node where it belongs: a key, a value, a list entry or the root."""
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise self._stop(
                event.start_mark,
                msg("more than {most} values; look at the aliases (*)", most=MAX_NODES),
            )
        if not self.open:
            self.root = node
            return
        frame = self.open[-1]
        if frame.entries is None:
            frame.items.append(node)
        elif frame.key_expected:
            frame.key_expected = False
            frame.key = self._key(node, event)
        else:
            frame.key_expected = True
            if frame.key is not None:
                self._entry(frame.entries, frame.key, node)
            frame.key = None

    def _key(self, node: Node, event: Any) -> Scalar | None:
        if not isinstance(node, Scalar):
            self.problems.add(
                node.place, self._path(), msg("a key is a word, not {kind}", kind=kind_of(node))
            )
            return None
        if node.text == "<<" and node.plain:
            message = msg('merge keys (<<) are not part of YAML 1.2; put what guests share under "defaults"')
            self.problems.add(self._place(event.start_mark), self._path(), message)
            return None
        return node

    def _entry(self, entries: dict[str, tuple[Scalar, Node]], key: Scalar, value: Node) -> None:
        if key.text not in entries:
            entries[key.text] = (key, value)
            return
        first = entries[key.text][0].place
        line = msg(" (the first is in line {line})", line=first.line) if first.line else ""
        self.problems.add(key.place, self._path(), msg("this key stands here twice{line}", line=line))
