"""Tables like kubectl's: a head in upper case, two blanks between columns, no frame."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.labfile.problems import escaped
from provisioner.report.preferred_language import local
from provisioner.report.terminal import text
from provisioner.report.terminal.wrap import longest_word, width, wrapped

_GAP = 2
_NARROWEST = 8  # columns: words are broken rather than that a column gets fewer


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table, as wide as the terminal, or with a line for each row where there is none."""
    return "\n".join(drawn(head, rows, text.room()))


def drawn(
    head: Sequence[str], rows: Sequence[Sequence[str]], room: int | None, firsts: Sequence[str] = ()
) -> list[str]:
    """The table's head and its rows. In ``room`` columns, cells that are too long have several lines.

    ``firsts``: the style of the first cell of each row.
    """
    table = [[escaped(local(cell)) for cell in row] for row in rows]
    table.insert(0, [local(cell).upper() for cell in head])
    widths = _widths(table, room)
    shown = [
        _row(row, widths, style)
        for row, style in zip(table, ("", *(firsts or [""] * len(rows))), strict=True)
    ]
    shown[0] = "\n".join(text.styled(line, "dim") for line in shown[0].split("\n"))
    return shown


def _widths(table: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """The columns of each: the widest ones give first, and none breaks a word while another need not."""
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    if room is None:
        return widths
    left = room - _GAP * (len(widths) - 1)
    words = [max(map(longest_word, column)) for column in zip(*table, strict=True)]
    for least in (words, [min(_NARROWEST, each) for each in words]):
        while sum(widths) > left:
            wide = [at for at, each in enumerate(widths) if each > least[at]]
            if not wide:
                break
            widths[max(wide, key=lambda at: widths[at])] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int], style: str) -> str:
    cells = [
        [cell] if width(cell) <= room else wrapped(cell, max(2, room))
        for cell, room in zip(row, widths, strict=True)
    ]
    height = max(map(len, cells))
    if style:
        cells[0] = [text.styled(part, style) for part in cells[0]]
    lines = zip(*([*cell, *[""] * (height - len(cell))] for cell in cells), strict=True)
    return "\n".join(
        (" " * _GAP)
        .join(part + " " * (room - width(part)) for part, room in zip(parts, widths, strict=True))
        .rstrip()
        for parts in lines
    )
