"""The article's products side by side, from labs/products.yaml. Each cell has its sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provisioner.labfile import nodes, products_spec
from provisioner.labfile.problems import Place, Problems, alternatives, shown
from provisioner.labfile.products_spec import Method, Type
from provisioner.labfile.value_types import Given, Spot
from provisioner.language import Text, msg


@dataclass(frozen=True, slots=True)
class Source:
    """A publication. ``date`` is its year, with month and day where known. One without a date has ``read``,
    the day on which it was read."""

    name: str
    title: str
    by: str
    date: str | None
    read: str | None


@dataclass(frozen=True, slots=True)
class Citation:
    source: Source
    place: str  # "6(1)", "p. 61"; empty for the whole


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of one aspect of a product. ``brief`` says the same in a few words."""

    brief: Text
    text: Text
    citations: tuple[Citation, ...]
    choice: Type | Method | None = None  # where it is one of a few


@dataclass(frozen=True, slots=True)
class In2011:
    """The product as it was in 2011. None stands for what no source says."""

    type: Cell | None
    method: Cell | None
    management: Cell | None
    cost: Cell | None
    guests: Cell | None
    limits: Cell | None

    def cells(self) -> dict[str, Cell | None]:
        """All of them by name, in the order of the table."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Event:
    when: str
    text: Text
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Product:
    name: str
    title: str
    also: str  # its full name; empty where the title is the full name
    part: str  # of the article: a key of parts.PARTS
    lab: str  # that shows it
    in_2011: In2011
    today: Text
    today_citations: tuple[Citation, ...]
    since: tuple[Event, ...]

    def sources(self) -> tuple[Source, ...]:
        """Every source that is cited, in the order of the first citation."""
        return tuple(dict.fromkeys(citation.source for citation in self._citations()))

    def _citations(self) -> Iterator[Citation]:
        for cell in self.in_2011.cells().values():
            yield from cell.citations if cell else ()
        yield from self.today_citations
        for event in self.since:
            yield from event.citations


WORDS: dict[Type | Method, Text] = {
    Type.HOSTED: Text("hosted", "ホストOS型"),
    Type.HYPERVISOR: Text("hypervisor", "ハイパーバイザ型"),
    Type.OS_LEVEL: Text("OS level", "OS仮想化"),
    Method.FULL: Text("full", "完全仮想化"),
    Method.PARA: Text("para", "準仮想化"),
    Method.BOTH: Text("para and full", "準・完全の両方"),
    Method.NEITHER: Text("neither", "どちらでもない"),
}
_CHOICES: dict[str, Type | Method] = {str(choice): choice for choice in WORDS}


def load(file: Path) -> tuple[Product, ...]:
    """The products in their order.

    Raises LabFileError with all problems of the file, and InputError where it can't be read.
    """
    problems = Problems()
    root = nodes.read(file, problems)
    if root is not None:
        checked = products_spec.PRODUCTS.check(root, Spot(problems, Place(str(file), 1, 1), ""))
        if checked.ok:
            _citations_known(checked, problems)
            if not problems:
                return _Reader(checked.value["sources"]).products(checked.value["products"])
    raise problems.error(hint=msg("the file of products comes with virtlab: take it as it was installed."))


def _citations_known(root: Given, problems: Problems) -> None:
    """Add a problem for each cell that cites no source, and for each citation of a source that is missing."""
    known = root.value["sources"].value if root.value.get("sources") and root.value["sources"].ok else {}
    for given in _source_lists(root.value.get("products")):
        if not given.value:
            problems.add(given.place, given.path, msg("no source (write not-known where nobody says it)"))
        for each in given.value:
            name = str(each.value).partition(" ")[0] if each.ok else None
            if name is not None and name not in known:
                message = msg(
                    "there is no source {name} ({known})", name=shown(name), known=alternatives(name, known)
                )
                problems.add(each.place, each.path, message)


def _source_lists(given: Given | None) -> Iterator[Given]:
    """All lists of citations in a value that was checked."""
    if given is None or not given.ok:
        return
    if isinstance(given.value, dict):
        for name, inner in given.value.items():
            if name == "source" and inner.ok:
                yield inner
            else:
                yield from _source_lists(inner)
    elif isinstance(given.value, list):
        for inner in given.value:
            yield from _source_lists(inner)


class _Reader:
    """From checked values to products."""

    def __init__(self, sources: Given) -> None:
        self._sources = {name: _source(name, given.value) for name, given in sources.value.items()}

    def products(self, given: Given) -> tuple[Product, ...]:
        return tuple(self._product(name, each.value) for name, each in given.value.items())

    def _product(self, name: str, values: dict[str, Given]) -> Product:
        today, also = values["today"].value, values.get("also")
        cells: dict[str, Given] = values["in-2011"].value
        return Product(
            name=name,
            title=values["title"].value,
            also=also.value if also else "",
            part=values["part"].value,
            lab=values["lab"].value,
            in_2011=In2011(**{key: self._cell(cells[key]) for key in In2011.__slots__}),
            today=_text(today["text"]),
            today_citations=self._cited(today["source"]),
            since=tuple(
                Event(each.value["when"].value, _text(each.value["text"]), self._cited(each.value["source"]))
                for each in values["since"].value
            ),
        )

    def _cell(self, given: Given) -> Cell | None:
        if given.value is None:
            return None
        values: dict[str, Given] = given.value
        choice = _CHOICES[values["is"].value] if "is" in values else None
        brief = WORDS[choice] if choice else _text(values["brief"])
        return Cell(brief, _text(values["text"]), self._cited(values["source"]), choice)

    def _cited(self, given: Given) -> tuple[Citation, ...]:
        named = (str(each.value).partition(" ") for each in given.value)
        return tuple(Citation(self._sources[name], place) for name, _, place in named)


def _source(name: str, values: dict[str, Given]) -> Source:
    date, read = values.get("date"), values.get("read")
    return Source(
        name=name,
        title=values["title"].value,
        by=values["by"].value,
        date=date.value if date else None,
        read=read.value if read else None,
    )


def _text(given: Given) -> Text:
    return Text(given.value["en"].value, given.value["ja"].value)
