"""The picture of the stack below a guest as SVG, for a page or as a file of its own.

Its width is that of a phone, and a page scales it. The colours are the page's variables (``--ink``,
``--soft``, ``--line``, ``--card``) where there are such. The tints are transparent, for light and for dark
pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from provisioner.language import Language, Text, said
from provisioner.observe import stack as lesson
from provisioner.observe.stack import Frame, Picture, Remark, Section, Stack, Step
from provisioner.report.terminal.text import harmless
from provisioner.report.terminal.wrap import width, wrapped

WIDTH = 360  # units of one picture: about the pixels of a phone
_SIZE = 12.5  # of letters
_SMALL = 11.0
_LINE = 17.0
_PAD = 9.0
_COLUMN = 0.53  # the width of a terminal's column, as a part of the letters' size
_BOLD = 0.6
_ARROW_ROW = 20.0
_GAP = 24.0
_MARGIN = 16.0
_HEADING = 15.0
_DIFFERS = Text(en="not the same in all these guests", ja="これらのゲストの間で異なるところ")
_FONTS = (
    'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Hiragino Sans","Noto Sans JP","Noto Sans CJK JP",'
    "Meiryo,sans-serif"
)
_STYLE = f"""
.stack-svg text{{font:{_SIZE}px {_FONTS};fill:var(--ink,#1c2127)}}
.stack-svg .title{{font-weight:650}}
.stack-svg .mode,.stack-svg .remark{{font-size:{_SMALL}px;fill:var(--soft,#59616b)}}
.stack-svg .frame{{fill:none;stroke:var(--soft,#59616b);stroke-width:1.2}}
.stack-svg .label{{font-weight:650;font-size:{_SMALL}px}}
.stack-svg .guest{{fill:var(--card,#fff);stroke:var(--guest,var(--soft,#59616b));stroke-width:2}}
.stack-svg .program{{fill:rgb(60 150 80/.12)}}
.stack-svg .kernel{{fill:rgb(60 150 80/.24)}}
.stack-svg .emulator{{fill:rgb(30 120 170/.12)}}
.stack-svg .hypervisor{{fill:rgb(120 80 180/.16)}}
.stack-svg .host{{fill:rgb(125 125 125/.13)}}
.stack-svg .hardware{{fill:rgb(125 125 125/.26)}}
.stack-svg .number{{fill:none;stroke:var(--soft,#59616b)}}
.stack-svg .figure{{font-size:{_SMALL}px;text-anchor:middle}}
.stack-svg .differs .band{{fill:rgb(200 120 0/.17)}}
.stack-svg .differs .number{{fill:#a85a00;stroke:none}}
.stack-svg .differs .figure{{fill:#fff;font-weight:650}}
.stack-svg .differs .sign{{font-weight:650;text-anchor:end}}
.stack-svg .arrow{{stroke:#c26a00;stroke-width:1.8;fill:none;stroke-linecap:round;stroke-linejoin:round}}
""".strip()
_COLOURS = """
svg{--paper:#faf9f6;--card:#fff;--ink:#1c2127;--soft:#59616b}
@media (prefers-color-scheme:dark){svg{--paper:#14171a;--card:#1b1f24;--ink:#e7e9eb;--soft:#a7afb8}}
.paper{fill:var(--paper)}
""".strip()


@dataclass(slots=True)
class _Pen:
    """Where the next thing is drawn. ``heights`` gives the least number of lines of a part."""

    into: ET.Element
    language: Language
    differing: frozenset[str]
    heights: dict[str, int]
    y: float = 0.0

    def lines(self, key: str, words: str, room: float, column: float) -> tuple[list[str], int]:
        """The words in lines that fit, and the number of lines that this part has in every picture."""
        wrapped_lines = wrapped(words, max(8, int(room / column)))
        self.heights[key] = max(len(wrapped_lines), self.heights.get(key, 0))
        return wrapped_lines, self.heights[key]

    def say(self, words: Text | None) -> str:
        return said(words, self.language)

    def marked(self, part: str, words: Text) -> str:
        """Words with the sign that marks a difference, where they leave no room for it beside them."""
        return ("≠ " if part in self.differing else "") + self.say(words)


def svg(
    stack: Stack,
    language: Language,
    *,
    path: str | None = None,
    beside: Sequence[Stack] = (),
    idents: str = "stack",
) -> str:
    """The ``<svg>`` of one guest's picture: the one of that path, or else the first. Empty where it has none.

    ``beside`` are the stacks with which it is compared, itself included: what differs is marked, and parts
    that belong together have the same height in all of them. ``idents``: the beginning of its ids.
    """
    element = _picture(stack, path or stack.pictures[0].path, language, beside, idents)
    return "" if element is None else ET.tostring(element, encoding="unicode")


def document(stacks: Sequence[Stack], language: Language) -> str:
    """A whole SVG file: all guests side by side, with the pictures of each path in a row."""
    across = _MARGIN * 2 + len(stacks) * WIDTH + (len(stacks) - 1) * _GAP
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "class": "stack-svg", "lang": language})
    ET.SubElement(root, "style").text = _COLOURS + "\n" + _STYLE
    paper = ET.SubElement(root, "rect", {"class": "paper", "width": "100%", "height": "100%"})
    y = _MARGIN
    for path in dict.fromkeys(picture.path for stack in stacks for picture in stack.pictures):
        drawn = [(i, _picture(stack, path, language, stacks)) for i, stack in enumerate(stacks)]
        shown = [(index, element) for index, element in drawn if element is not None]
        titles = [picture.title for stack in stacks if (picture := stack.picture(path))]
        y += _HEADING
        _text(root, _MARGIN, y, said(titles[0], language), "title", f"font-size:{_HEADING}px")
        y += _LINE * 1.5
        for index, _ in shown:
            stack = stacks[index]
            name = f"{stack.guest} · {said(stack.title, language)}" if stack.title else stack.guest
            fitting = wrapped(name, int(WIDTH / (_SIZE * _BOLD)))
            _text(root, _place(index), y, fitting[0] + (" …" if len(fitting) > 1 else ""), "title")
        y += _PAD
        for index, element in shown:
            element.attrib |= {"x": _number(_place(index)), "y": _number(y), "width": str(WIDTH)}
            element.set("height", element.get("viewBox", "").split()[-1])
            for style in element.findall("style"):
                element.remove(style)
            root.append(element)
        y += max(float(element.get("height", "0")) for _, element in shown) + _GAP
    if len(stacks) > 1:
        _text(root, _MARGIN, y, "≠ " + said(_DIFFERS, language), "remark")
        y += _LINE
    paper.set("height", _number(y))
    root.attrib |= {"viewBox": f"0 0 {_number(across)} {_number(y)}", "width": _number(across)}
    root.set("height", _number(y))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _place(index: int) -> float:
    return _MARGIN + index * (WIDTH + _GAP)


def _picture(
    stack: Stack, path: str, language: Language, beside: Sequence[Stack], idents: str = "stack"
) -> ET.Element | None:
    picture = stack.picture(path)
    if picture is None:
        return None
    others = [other for one in beside if (other := one.picture(path))]
    differing = lesson.differing(others) if len(others) > 1 else frozenset()
    heights: dict[str, int] = {}
    for other in others:  # drawn for its heights only
        _frame(_Pen(ET.Element("g"), language, differing, heights), other.frame, 1, WIDTH - 2)
    name = re.sub(r"[^A-Za-z0-9-]", "-", f"{idents}-{language}-{path}-{stack.guest}")
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "stack-svg",
            "role": "img",
            "lang": str(language),
            "aria-labelledby": f"{name}-title {name}-text",
        },
    )
    _told(root, "title", f"{name}-title", f"{stack.guest}: {said(picture.title, language)}")
    _told(root, "desc", f"{name}-text", _described(picture, language))
    ET.SubElement(root, "style").text = _STYLE
    pen = _Pen(root, language, differing, heights, y=1)
    _frame(pen, picture.frame, 1, WIDTH - 2)
    root.set("viewBox", f"0 0 {WIDTH} {_number(pen.y + 1)}")
    return root


def _described(picture: Picture, language: Language) -> str:
    """The steps in words, for readers who do not see the picture."""
    return " ".join(f"{step.number}. {said(step.text, language)}." for step in lesson.steps(picture))


def _frame(pen: _Pen, frame: Frame, x: float, across: float) -> None:
    """Draws a frame at ``pen.y``, and moves that below it. The title stands above the sections."""
    top = pen.y
    is_guest = frame.part == "guest"
    box = _rect(pen.into, x, top, across, "frame guest" if is_guest else "frame", radius=7)
    pen.y += _LINE
    lines, _ = pen.lines(f"{frame.part}/top", pen.say(frame.title), across - 2 * _PAD, _SMALL * _BOLD)
    _text(pen.into, x + _PAD, pen.y - 4, lines[0], "label")
    pen.y += 2
    for section in frame.sections:
        _section(pen, section, x, across)
    pen.y += 3
    box.set("height", _number(pen.y - top))


def _section(pen: _Pen, section: Section, x: float, across: float) -> None:
    top = pen.y
    group = _group(pen, section.part)
    box = _rect(group, x + 3, top, across - 6, str(section.ring), radius=4)
    left, room = x + _PAD, across - 2 * _PAD
    pen.y += 4
    title, mode = pen.marked(section.part, section.title), pen.say(section.mode)
    used = width(title) * _SIZE * _BOLD + width(mode) * _SMALL * _COLUMN + 6
    lines, count = pen.lines(f"{section.part}/title", title, room, _SIZE * _BOLD)
    apart = bool(mode) and (used > room or len(lines) > 1)
    apart = pen.heights.setdefault(f"{section.part}/apart", 0) > 0 or apart
    pen.heights[f"{section.part}/apart"] = int(apart)
    for index, line in enumerate(lines):
        _text(group, left, pen.y + 13 + index * _LINE, line, "title")
    pen.y += _LINE * (count if apart or not mode else 1)
    if mode:
        y = pen.y + 11 if apart else pen.y - _LINE + 13
        _text(group, left if apart else left + room, y, mode, "mode", "" if apart else "text-anchor:end")
        pen.y += _LINE - 2 if apart else 0
    pen.y += 3
    for item in section.inside:
        if isinstance(item, Frame):
            pen.y += 3
            _frame(pen, item, left, room)
            pen.y += 3
        elif isinstance(item, Step):
            _step(pen, item, left, room)
        else:
            _remark(pen, item, left, room)
    pen.y += 5
    box.set("height", _number(pen.y - top - 1))


def _remark(pen: _Pen, remark: Remark, x: float, room: float) -> None:
    group = _group(pen, remark.part)
    lines, count = pen.lines(remark.part, pen.marked(remark.part, remark.text), room, _SMALL * _COLUMN)
    for index, line in enumerate(lines):
        _text(group, x, pen.y + 11 + index * (_LINE - 2), line, "remark")
    pen.y += count * (_LINE - 2) + 3


def _step(pen: _Pen, step: Step, x: float, room: float) -> None:
    group = _group(pen, step.part)
    if step.arrows:
        for index in range(step.arrows):
            middle = _number(x + 9 + index * 15)
            start, end, back = pen.y, pen.y + _ARROW_ROW - 6, pen.y + _ARROW_ROW - 11
            path = f"M{middle} {_number(start)}V{_number(end)}M{_number(x + 5 + index * 15)} {_number(back)}"
            path += f"L{middle} {_number(end)}L{_number(x + 13 + index * 15)} {_number(back)}"
            ET.SubElement(group, "path", {"class": "arrow", "d": path})
        pen.y += _ARROW_ROW
    lines, count = pen.lines(step.part, pen.say(step.text), room - 37, _SIZE * _COLUMN)
    height = count * _LINE + 4
    differs = step.part in pen.differing
    if differs:
        band = _rect(group, x - 3, pen.y, room + 6, "band", radius=4)
        band.set("height", _number(height - 1))
        _text(group, x + room, pen.y + 14, "≠", "sign")
    number = {"class": "number", "cx": _number(x + 9), "cy": _number(pen.y + 10), "r": "8"}
    ET.SubElement(group, "circle", number)
    _text(group, x + 9, pen.y + 14, str(step.number), "figure")
    for index, line in enumerate(lines):
        _text(group, x + 25, pen.y + 14 + index * _LINE, line, "step")
    pen.y += height


def _group(pen: _Pen, part: str) -> ET.Element:
    return ET.SubElement(pen.into, "g", {"class": "differs"} if part in pen.differing else {})


def _rect(into: ET.Element, x: float, y: float, across: float, name: str, *, radius: int) -> ET.Element:
    """A rectangle whose height is set when it is known."""
    place = {"x": _number(x), "y": _number(y), "width": _number(across), "rx": str(radius)}
    return ET.SubElement(into, "rect", {"class": name, **place})


def _text(into: ET.Element, x: float, y: float, words: str, name: str, style: str = "") -> None:
    element = ET.SubElement(into, "text", {"class": name, "x": _number(x), "y": _number(y)})
    if style:
        element.set("style", style)
    element.text = harmless(words)


def _told(into: ET.Element, tag: str, ident: str, words: str) -> None:
    ET.SubElement(into, tag, {"id": ident}).text = harmless(words)


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
