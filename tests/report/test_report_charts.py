"""Charts of the page: what is drawn, and what is taken out of what the library draws."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from provisioner.report.html import charts
from provisioner.report.html.charts import Row, ticks

FULL = Row("full  118 MB/s", 0, (112.0, 118.0, 121.0), 118.0)
VIRTIO = Row("virtio  236 MB/s", 1, (230.0, 241.0, 236.0, 236.0), 236.0)


def drawn(*rows: Row) -> ElementTree.Element:
    text = charts.drawn(rows, name="c", title="a title", description="a text")
    return ElementTree.fromstring(text)  # noqa: S314 - ours


def places(svg: ElementTree.Element, group: str) -> list[float]:
    circles = svg.findall(f".//g[@class='{group} dots']//circle")
    return [float(circle.get("cx", "")) for circle in circles]


def test_every_round_is_a_dot_at_its_value_on_an_axis_from_zero() -> None:
    svg = drawn(FULL, VIRTIO)
    marks = {text.text: float(text.get("x", "")) for text in svg.findall(".//g[@class='guides']/text")}
    zero, scale = marks["0"], (marks["250"] - marks["0"]) / 250
    for row, group in ((FULL, "guest-0"), (VIRTIO, "guest-1")):
        values = [(place - zero) / scale for place in places(svg, group)]
        assert values == pytest.approx(row.values, rel=1e-3)


def test_the_median_is_an_upright_line_through_the_dots_of_its_guest() -> None:
    svg = drawn(FULL, VIRTIO)
    (path,) = svg.findall(".//g[@class='guest-1 median']/path")
    start, end = (tuple(map(float, part.split())) for part in path.get("d", "")[1:].split(" L"))
    assert start[0] == end[0] == pytest.approx(places(svg, "guest-1")[2], abs=0.1)
    assert start[1] != end[1]


def test_each_row_is_named_and_the_picture_tells_itself() -> None:
    svg = drawn(FULL, VIRTIO)
    labels = [text.text for text in svg.findall(".//text[@class='label']")]
    assert labels == [FULL.label, VIRTIO.label]
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "c-title c-text"
    assert [svg.findtext("title"), svg.findtext("desc")] == ["a title", "a text"]


def test_nothing_of_the_librarys_scripts_styles_or_addresses_is_left() -> None:
    text = charts.drawn((FULL,), name="c", title="t", description="d")
    for word in ("script", "style", "http", "href", "tooltip-overlay", "Kozea", "url("):
        assert word not in text


def test_texts_are_text() -> None:
    row = Row("</svg><script>alert(1)</script>\u202e", 0, (1.0,), 1.0)
    text = charts.drawn((row,), name="c", title="<b>", description="&\x1b[31m")
    assert "<script" not in text
    assert text.count("</svg>") == 1
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert '<title id="c-title">&lt;b&gt;</title>' in text


@pytest.mark.parametrize("rows", [(), (Row("a", 0, (), 0.0),), (Row("a", 0, (float("nan"),), 1.0),)])
def test_missing_numbers_have_no_chart(rows: tuple[Row, ...]) -> None:
    with pytest.raises(ValueError, match="no numbers"):
        charts.drawn(rows, name="c", title="t", description="d")


def test_the_same_numbers_give_the_same_chart() -> None:
    once, again = (charts.drawn((FULL, VIRTIO), name="c", title="t", description="d") for _ in range(2))
    assert once == again


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (251.0, [0, 100, 200, 300]),
        (26.0, [0, 10, 20, 30]),
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0042, [0, 0.001, 0.002, 0.003, 0.004, 0.005]),
        (0.0, [0, 1]),
    ],
)
def test_axes_have_round_numbers_that_reach_over_the_highest_value(
    highest: float, expected: list[float]
) -> None:
    assert ticks(highest) == pytest.approx(expected)
    assert ticks(highest)[-1] >= highest
