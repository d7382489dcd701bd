"""The differences between domain definitions, as data and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.report.terminal import text
from provisioner.report.terminal.wrap import width, wrapped

if TYPE_CHECKING:
    from provisioner.observe.xml_comparison import Difference

_WIDEST = 110  # columns: longer lines of text are hard to read
_LABEL = 36
_NARROWEST = 8  # columns of a guest's values
_INDENT = 2
_THERE = Text(en="yes", ja="あり")
_ABSENT = "-"
_EQUAL = Text(
    en="the definitions do not differ in anything that is compared",
    ja="比較の対象となる範囲では、定義に違いはありません",
)
_NO_NOTE = Text(en="(no note says what this means)", ja="(この違いの説明はありません)")


def definitions_data(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """The differences as plain data. A value is null where the guest has no such element."""
    return [
        {
            "at": difference.at,
            "label": difference.label,
            "values": difference.values,
            "note": _spelled(note) if (note := difference.note) else None,
        }
        for difference in differences
    ]


def definitions_page(
    differences: Sequence[Difference],
    guests: Sequence[str],
    language: Language,
    *,
    columns: int | None = None,
) -> str:
    """A row for each difference, with its meaning below it; and last, what was not compared."""
    from provisioner.observe.xml_comparison import LEFT_OUT

    across = min(_WIDEST, columns or text.room() or 80)
    left_out = [text.styled(line, "dim") for line in wrapped(said(LEFT_OUT, language), across)]
    if not differences:
        return "\n".join([said(_EQUAL, language), *left_out])
    rows = []
    for each in differences:
        cells = [_shown(each.values.get(guest), language) for guest in guests]
        rows.append((each.label, cells, text.spelled(said(each.note or _NO_NOTE, language))))
    first = min(_LABEL, max(width(label) for label, _, _ in rows))
    room = max(_NARROWEST, (across - first) // len(guests) - 2)
    widths = [
        min(room, max(width(cell) for cell in (guest, *(cells[i] for _, cells, _ in rows))))
        for i, guest in enumerate(guests)
    ]
    lines = _row("", list(guests), first, widths, "dim")
    for label, cells, note in rows:
        lines += ["", *_row(label, cells, first, widths, "yellow")]
        lines += [" " * _INDENT + line for line in wrapped(note, across - _INDENT)]
    return "\n".join([*lines, "", *left_out])


def _spelled(note: Text) -> dict[str, str | None]:
    return {"en": text.spelled(note.en), "ja": note.ja and text.spelled(note.ja)}


def _shown(value: str | None, language: Language) -> str:
    if value is None:
        return _ABSENT
    return value or said(_THERE, language)


def _row(label: str, cells: Sequence[str], first: int, widths: Sequence[int], style: str) -> list[str]:
    """The lines of a row, as many as its longest cell needs."""
    columns = [wrapped(label, first), *(wrapped(cell, w) for cell, w in zip(cells, widths, strict=True))]
    styles = ["bold", *[style] * len(cells)]
    lines = []
    for index in range(max(map(len, columns))):
        line = ""
        for column, w, name in zip(columns, (first, *widths), styles, strict=True):
            part = column[index] if index < len(column) else ""
            line += (text.styled(part, name) if part else "") + " " * (w - width(part) + 2)
        lines.append(line.rstrip())
    return lines
