"""The pictures of the stack below each guest, drawn on a terminal, side by side where that fits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.language import Language, Text, said
from provisioner.model.plain import to_data
from provisioner.observe import stack as lesson
from provisioner.observe.stack import Frame, Picture, Remark, Ring, Section, Stack, Step
from provisioner.report.terminal import text
from provisioner.report.terminal.wrap import width, wrapped

NARROWEST = 49  # the least columns of a picture that stands beside another one
WIDEST = 66
_GAP = 2
_COLOURS = {
    Ring.PROGRAM: "green",
    Ring.KERNEL: "green",
    Ring.EMULATOR: "cyan",
    Ring.HYPERVISOR: "cyan",
    Ring.HOST: "bold",
    Ring.HARDWARE: "bold",
}
_ASCII = str.maketrans("╭╮╰╯├┤─│≠→↓·", "++++++-|*>v-")
_DIFFERS = Text(en="not the same in all these guests", ja="これらのゲストの間で異なるところ")
_DRAWN_WITH = "╭╮╰╯├┤─│≠→↓·"


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that belong together. ``filler`` is the line that makes it as high as its neighbour."""

    key: str
    lines: list[str]
    filler: str

    def framed(self, before: str, after: str) -> _Block:
        return _Block(self.key, [before + line + after for line in self.lines], before + self.filler + after)


def stacks_data(stacks: Sequence[Stack]) -> list[dict[str, Any]]:
    """The stacks as plain data, each section, step and remark with its ``part``."""
    return [to_data(stack) for stack in stacks]


def drawn(
    stacks: Sequence[Stack], language: Language, *, columns: int | None = None, encoding: str | None = None
) -> str:
    """The first picture of each stack, and the steps of the others below.

    ``columns`` and ``encoding`` are the terminal's. Without them, those of standard output are taken.
    """
    columns = columns or text.room() or 80
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "ascii"
    if not _can_show("あ", encoding):
        language = Language.EN
    in_row = next((n for n in range(len(stacks), 1, -1) if (columns - _GAP * (n - 1)) // n >= NARROWEST), 1)
    across = max(30, min(WIDEST, (columns - _GAP * (in_row - 1)) // in_row))
    parts: list[str] = []
    for path in dict.fromkeys(picture.path for stack in stacks for picture in stack.pictures):
        shown = [(stack, picture) for stack in stacks if (picture := stack.picture(path))]
        differing = lesson.differing([picture for _, picture in shown])
        parts.append(text.styled(said(shown[0][1].title, language), "bold"))
        for first in range(0, len(shown), in_row):
            columned = [
                (_picture if picture is stack.pictures[0] else _steps)(
                    stack, picture, language, differing, across
                )
                for stack, picture in shown[first : first + in_row]
            ]
            parts += ["", *_beside(columned)]
        if differing and len(shown) > 1:
            parts += ["", text.styled("≠", "yellow") + " " + said(_DIFFERS, language)]
        parts.append("")
    page = "\n".join(parts).rstrip("\n")
    return page if _can_show(_DRAWN_WITH, encoding) else page.translate(_ASCII)


def _can_show(characters: str, encoding: str) -> bool:
    try:
        characters.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _beside(columned: Sequence[list[_Block]]) -> list[str]:
    """Pictures side by side, with what belongs together at the same height."""
    keys = [[block.key for block in blocks] for blocks in columned]
    if all(key == keys[0] for key in keys):
        rows: list[str] = []
        for blocks in zip(*columned, strict=True):
            height = max(len(block.lines) for block in blocks)
            filled = [block.lines + [block.filler] * (height - len(block.lines)) for block in blocks]
            rows += [(" " * _GAP).join(line).rstrip() for line in zip(*filled, strict=True)]
        return rows
    lines = [[line for block in blocks for line in block.lines] for blocks in columned]
    height = max(map(len, lines))  # those that stand on the same ground end on the same line
    filled = [
        [" " * len(blocks[0].filler)] * (height - len(own)) + own
        for own, blocks in zip(lines, columned, strict=True)
    ]
    return [(" " * _GAP).join(line).rstrip() for line in zip(*filled, strict=True)]


def _picture(
    stack: Stack, picture: Picture, language: Language, differing: frozenset[str], across: int
) -> list[_Block]:
    title = f"{stack.guest} · {said(stack.title, language)}" if stack.title else stack.guest
    head = [_padded(line, across, "bold") for line in wrapped(title, across)]
    frame = _frame(picture.frame, language, differing, across, lambda words: said(words, language))
    return [_Block("head", head, " " * across), *frame]


def _steps(
    stack: Stack, picture: Picture, language: Language, differing: frozenset[str], across: int
) -> list[_Block]:
    """Only the steps of a picture, one below the other."""
    blocks = [_Block("head", [_padded(stack.guest, across, "bold")], " " * across)]
    for step in lesson.steps(picture):
        blocks.append(_item(step, said(step.text, language), step.part in differing, across))
    return blocks


def _frame(
    frame: Frame,
    language: Language,
    differing: frozenset[str],
    across: int,
    say: Callable[[Text | None], str],
) -> list[_Block]:
    within = across - 4
    title = wrapped(say(frame.title), within - 2)[0]
    top = f"╭─ {title} " + "─" * (across - 5 - width(title)) + "╮"
    blocks = [_Block(f"{frame.part}/top", [top], "│" + " " * (across - 2) + "│")]
    for index, section in enumerate(frame.sections):
        if index:
            line = "├" + "─" * (across - 2) + "┤"
            blocks.append(_Block(f"{frame.part}/{section.part}/rule", [line], line))
        own = [_title(section, section.part in differing, say, within)]
        for item in section.inside:
            if isinstance(item, Frame):
                own += _frame(item, language, differing, within, say)
            else:
                own.append(_item(item, say(item.text), item.part in differing, within))
        blocks += [block.framed("│ ", " │") for block in own]
    bottom = "╰" + "─" * (across - 2) + "╯"
    return [*blocks, _Block(f"{frame.part}/bottom", [bottom], bottom)]


def _title(section: Section, differs: bool, say: Callable[[Text | None], str], across: int) -> _Block:
    """A section's title with its mode at the right, or below it where both do not fit in one line."""
    title, mode = say(section.title), say(section.mode)
    sign = text.styled("≠", "yellow", "bold") + " " if differs else ""
    room = across - 2 * differs
    blank = room - width(title) - width(mode)
    style = _COLOURS[section.ring]
    if blank >= 2 or not mode:
        lines = wrapped(title, room)
        shown = [sign + text.styled(lines[0], "bold", style)]
        shown[0] += " " * (room - width(lines[0]) - width(mode)) + text.styled(mode, "dim")
        shown += [_padded("  " * differs + line, across, "bold", style) for line in lines[1:]]
        return _Block(f"{section.part}/title", shown, " " * across)
    lines = wrapped(title, room)
    shown = [_padded(line, room, "bold", style) for line in lines]
    shown = [(sign if not i else "  " * differs) + line for i, line in enumerate(shown)]
    shown += [text.styled(" " * (across - width(line)) + line, "dim") for line in wrapped(mode, across)]
    return _Block(f"{section.part}/title", shown, " " * across)


def _item(item: Step | Remark, words: str, differs: bool, across: int) -> _Block:
    """A step with its number, or a remark. A sign before it says that the guests differ in it."""
    is_step = isinstance(item, Step)
    before = f"{item.number:>2}  " if isinstance(item, Step) else " "
    sign = "≠" if differs else " "
    styles = ("yellow",) if differs else () if is_step else ("dim",)
    lines = []
    if isinstance(item, Step) and item.arrows:
        lines.append(_padded(" " * 5 + " ".join("↓" * item.arrows), across, "yellow", "bold"))
    for index, line in enumerate(wrapped(words, across - 1 - len(before))):
        start = " " * (1 + len(before)) if index else sign + before
        lines.append(_padded(start + line, across, *styles))
    return _Block(item.part, lines, " " * across)


def _padded(line: str, across: int, *styles: str) -> str:
    """A line of exactly that many columns. The blanks at its end are not styled."""
    blanks = " " * max(0, across - width(line))
    return (text.styled(line, *styles) if styles else line) + blanks
