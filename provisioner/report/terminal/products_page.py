"""The article's products side by side, for people and as data."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import Any

from provisioner.labfile.products import Cell, Citation, Product, Source
from provisioner.language import Language, Text, said
from provisioner.model.article import PARTS
from provisioner.model.plain import to_data
from provisioner.report.terminal import table, text
from provisioner.report.terminal.wrap import width, wrapped

COLUMNS = 80
_WIDE = 110  # columns of a terminal from which on the table has more columns
_WIDEST = 100  # columns of running text

LABELS = {
    "type": Text("type", "種類"),
    "method": Text("full or para", "仮想化の方式"),
    "management": Text("managed with", "管理"),
    "cost": Text("cost in 2011", "費用(2011年)"),
    "guests": Text("guest systems", "対応ゲストOS"),
    "limits": Text("limits", "制約"),
}
PRODUCT = Text("product", "製品")
LAB = Text("lab", "ラボ")
NOT_KNOWN = Text("not known", "不明")
ABOUT = Text(
    "As of 2011, from the article's text and notes and, where it is silent, from others; and what became of "
    "each since. The table is ours: the article's own was a picture, and is lost.",
    "2011年当時の内容(記事の本文と注、記事にない点は他の資料)と、その後の動きです。表は独自に作ったもので、"
    "記事の表は画像だったため失われています。",
)
IN_2011 = Text("In 2011", "2011年当時")
SINCE = Text("Since then", "その後")
TODAY = Text("Today", "現在")
SOURCES = Text("Sources", "出典")
_READ = Text("read {}", "{}閲覧")
_NEXT = Text("with its sources", "出典付きの詳細")


def table_page(products: Sequence[Product], language: Language, across: int | None = None) -> str:
    """The short table, with a line about what became of each. ``across``: the columns that are available."""
    room = across or _room()
    aspects = ["type", "method", "cost"]
    if room >= _WIDE:
        aspects[2:2] = ["management", "guests"]
    head = [PRODUCT, *(LABELS[aspect] for aspect in aspects), LAB]
    rows = [
        [p.title, *(said(brief(p.in_2011.cells()[aspect]), language) for aspect in aspects), p.lab]
        for p in products
    ]
    lines = table.drawn([said(each, language) for each in head], rows, room)
    listed = [lines[0]]
    for product, row in zip(products, lines[1:], strict=True):
        today = wrapped(said(product.today, language), room - 2)
        listed += [row, *(text.styled(f"  {line}", "dim") for line in today)]
    example = products[-1].name if products else ""
    return "\n".join(
        [
            *listed,
            "",
            *wrapped(said(ABOUT, language), min(room, _WIDEST)),
            "",
            text.next_step(f"{{virtlab}} products {quote(example)}  # {said(_NEXT, language)}", language),
        ]
    )


def product_page(product: Product, language: Language, across: int | None = None) -> str:
    """All that is known of one product, with its sources."""
    room = min(across or _room(), _WIDEST)
    numbers = {source: number for number, source in enumerate(product.sources(), 1)}
    title = f"{product.title} ({product.also})" if product.also else product.title
    part = f"{product.part}  {said(PARTS[product.part], language)}"
    cells = [
        (said(LABELS[name], language), _cell(cell, numbers, language))
        for name, cell in product.in_2011.cells().items()
    ]
    events = [
        (event.when, f"{said(event.text, language)} {cited(event.citations, numbers)}")
        for event in product.since
    ]
    sources = [(f"[{number}]", source_line(source, language)) for source, number in numbers.items()]
    today = f"{said(product.today, language)} {cited(product.today_citations, numbers)}"
    lines = [text.styled(title, "bold"), text.styled(part, "dim"), *wrapped(today, room)]
    for head, rows in ((IN_2011, cells), (SINCE, events), (SOURCES, sources)):
        lines += ["", text.styled(said(head, language), "bold"), *_hanging(rows, room)]
    lines += ["", text.next_step(f"{{virtlab}} up {quote(product.lab)}", language)]
    return "\n".join(lines)


def data(products: Sequence[Product]) -> dict[str, Any]:
    """The products and the sources that they cite, as plain data. None stands for what no source says."""
    sources = {source.name: source for product in products for source in product.sources()}
    return {
        "about": to_data(ABOUT),
        "products": [_product_data(product) for product in products],
        "sources": {name: to_data(source) for name, source in sources.items()},
    }


def brief(cell: Cell | None) -> Text:
    """A cell of the table."""
    return cell.brief if cell else NOT_KNOWN


def cited(citations: Sequence[Citation], numbers: dict[Source, int]) -> str:
    """``[1, 6(5)] [3]``: the numbers of the sources, with the places in them."""
    return " ".join(f"[{numbers[each.source]}{', ' if each.place else ''}{each.place}]" for each in citations)


def source_line(source: Source, language: Language) -> str:
    """A source as it is cited."""
    when = source.date or said(_READ, language).format(source.read)
    return f"{source.by}: {source.title} ({when})"


def _cell(cell: Cell | None, numbers: dict[Source, int], language: Language) -> str:
    if cell is None:
        return said(NOT_KNOWN, language)
    stop = "。" if language is Language.JA else ". "
    head = f"{said(cell.brief, language)}{stop}" if cell.choice else ""
    return f"{head}{said(cell.text, language)} {cited(cell.citations, numbers)}"


def _product_data(product: Product) -> dict[str, Any]:
    return {
        "name": product.name,
        "title": product.title,
        "also": product.also or None,
        "part": product.part,
        "lab": product.lab,
        "in_2011": {name: _cell_data(cell) for name, cell in product.in_2011.cells().items()},
        "today": {"text": to_data(product.today), "sources": _citation_data(product.today_citations)},
        "since": [
            {"when": e.when, "text": to_data(e.text), "sources": _citation_data(e.citations)}
            for e in product.since
        ],
    }


def _cell_data(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    return {
        **({"is": str(cell.choice)} if cell.choice else {}),
        "brief": to_data(cell.brief),
        "text": to_data(cell.text),
        "sources": _citation_data(cell.citations),
    }


def _citation_data(citations: Sequence[Citation]) -> list[dict[str, str | None]]:
    return [{"source": each.source.name, "place": each.place or None} for each in citations]


def _room() -> int:
    return text.room() or COLUMNS


def _hanging(rows: Sequence[tuple[str, str]], room: int) -> list[str]:
    """Names, and beside each its text in a column of its own."""
    indent = 2 + max((width(name) for name, _ in rows), default=0) + 2
    lines = []
    for name, words in rows:
        first, *rest = wrapped(words, max(20, room - indent))
        lines.append(f"  {name}{' ' * (indent - 2 - width(name))}{first}")
        lines += [" " * indent + line for line in rest]
    return lines
