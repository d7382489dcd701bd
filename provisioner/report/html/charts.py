"""A chart of one measured outcome: a row for each guest, a dot for each round, and a mark at the median.

pygal draws it. Parts of its picture that a page without scripts and with its own colours does not need are
removed. Axes begin at zero, so that a small difference looks small.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from provisioner.report.terminal.text import harmless

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

WIDTH = 360  # units of the picture, which the page scales: about the pixels of a phone
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_ROW = 46
_AXIS = 30
_TICKS = 5
_PARTS = ("span", "dots", "median", "label")  # pygal's series of each row, in this order
_ATTRIBUTES = frozenset({"class", "d", "x", "y", "cx", "cy", "r", "transform", "viewBox"})
_DROPPED = frozenset({"defs", "desc", "title", "script", "style", "rect"})
_SERIES = re.compile(r"series serie-(\d+) ")


@dataclass(frozen=True, slots=True)
class Row:
    """One guest's rounds. ``color`` numbers the guests of the page; ``label`` stands above the dots."""

    label: str
    color: int
    values: tuple[float, ...]
    median: float


def drawn(rows: Sequence[Row], *, name: str, title: str, description: str) -> str:
    """The ``<svg>`` of rows that have values. ``name`` is an id that nothing else in the page has.

    Its classes are for the page's style sheet: ``guest-N`` (N is ``Row.color``) with ``span``, ``dots``,
    ``median`` and ``label``, and ``axis``. Raises ValueError where there is nothing to draw.
    """
    shown = [row for row in rows if row.values and all(map(math.isfinite, (*row.values, row.median)))]
    if not shown:
        raise ValueError("no numbers to draw")
    svg = ElementTree.fromstring(_chart(shown).render())  # noqa: S314 - a serializer's, just now
    _clean(svg, shown)
    svg.attrib |= {"class": "chart", "role": "img", "aria-labelledby": f"{name}-title {name}-text"}
    for tag, ident, words in (("desc", "text", description), ("title", "title", title)):
        told = ElementTree.Element(tag, {"id": f"{name}-{ident}"})
        told.text = harmless(words)
        svg.insert(0, told)
    return ElementTree.tostring(svg, encoding="unicode")


def _clean(element: Element, rows: Sequence[Row]) -> None:
    """Keeps only lines, dots and texts, and names each group by what it shows."""
    element.tag = element.tag.removeprefix(_NAMESPACE)
    for attribute in element.attrib.keys() - _ATTRIBUTES:
        del element.attrib[attribute]
    for child in list(element):
        series = _SERIES.match(child.get("class", ""))
        if series:
            index, part = divmod(int(series[1]), len(_PARTS))
            child.set("class", f"guest-{rows[index].color} {_PARTS[part]}")
        if _is_needless(child):
            element.remove(child)
            continue
        _clean(child, rows)
        if child.tag == "g" and not len(child):
            element.remove(child)


def _is_needless(element: Element) -> bool:
    tag = element.tag.removeprefix(_NAMESPACE)
    at_label = element.get("class", "").endswith(" label")  # its place would be a dot, too
    return tag in _DROPPED or (at_label and element.find(f".//{_NAMESPACE}circle") is not None)


def ticks(highest: float) -> list[float]:
    """Round numbers from zero to the first one that is not below ``highest``."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / _TICKS
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(scale * factor for factor in (1, 2, 2.5, 5, 10) if scale * factor >= rough * 0.999)
    return [index * step for index in range(math.ceil(highest / step * 0.999) + 1)]


def _chart(rows: Sequence[Row]) -> Any:
    import pygal
    from pygal.style import Style

    marks = ticks(max(max(row.values) for row in rows))
    chart = pygal.XY(
        style=Style(value_font_size=0, value_label_font_size=0),
        js=[],
        css=[],
        width=WIDTH,
        height=_ROW * len(rows) + _AXIS,
        margin=0,
        margin_left=10,
        margin_right=14,
        spacing=6,
        dots_size=5,
        stroke=False,
        print_labels=True,
        show_legend=False,
        show_y_labels=False,
        show_y_guides=False,
        xrange=(0, marks[-1]),
        range=(0, len(rows)),
        x_labels=[{"value": mark, "label": f"{mark:,.6g}"} for mark in marks],
        disable_xml_declaration=True,
    )
    for index, row in enumerate(rows):
        y = len(rows) - index - 0.68
        low, high = min(row.values), max(row.values)
        line = {"stroke": True, "show_dots": False}
        chart.add("span", [(low, y), (high, y)], **line)
        chart.add("dots", [(value, y) for value in row.values])
        chart.add("median", [(row.median, y - 0.2), (row.median, y + 0.2)], **line)
        chart.add("label", [{"value": (0, y + 0.4), "label": harmless(row.label)}])
    return chart
