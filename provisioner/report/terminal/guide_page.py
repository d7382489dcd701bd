"""A lesson's guide, drawn for a terminal, or as plain Markdown."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from shlex import quote
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.report.terminal import pager, text

if TYPE_CHECKING:
    from provisioner.teach.guide_sections import GuideSection

COLUMNS = 80
_SECTIONS = Text("sections:", "節:")
_ONE = Text("one of them", "そのうちの1つだけを表示")
_FENCE = re.compile(r"^ *```.*?^ *```[^\n]*$", re.MULTILINE | re.DOTALL)
# a line end between Japanese characters is no blank, as it would be between words
_WIDE = "\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef"
_SOFT_BREAK = re.compile(rf"(?<=[{_WIDE}])\n[ \t]*(?=[{_WIDE}])")


def guide_data(lab: str, language: Language, sections: Sequence[GuideSection]) -> dict[str, Any]:
    """The sections as plain data. ``lab``: what its commands call it."""
    return {"lab": lab, "language": str(language), "sections": [asdict(each) for each in sections]}


def show(markdown: str) -> bool:
    """Prints it: drawn where standard output is a terminal, and otherwise as Markdown.

    Returns whether it was longer than the terminal, and so was shown in a pager.
    """
    markdown = text.harmless(markdown.expandtabs(4))
    if not sys.stdout.isatty():
        text.say(markdown.rstrip())
        return False
    from rich.console import Console

    from provisioner.report.terminal.drawn_markdown import Drawn

    console = Console()
    across = min(console.width, COLUMNS)
    drawn = Drawn(joined(markdown), hyperlinks=False)
    height = len(console.render_lines(drawn, console.options.update_width(across)))
    if paged := pager.is_needed(height):
        pager.show(console, drawn, across)
    else:
        console.print(drawn, width=across, crop=False)
    return paged


def contents_page(lab: str, sections: Sequence[GuideSection], language: Language) -> str:
    """The sections with their numbers, and how to see one of them. ``lab``: as it is typed."""
    lines = [f"  {each.number}  {each.title}" for each in sections if each.number]
    typed = f"{text.command()} guide {quote(lab)} 1"
    typed = text.next_step(f"{typed}  # {said(_ONE, language)}", language)
    return "\n".join([said(_SECTIONS, language), *lines, typed])


def next_page(lab: str, section: GuideSection, sections: Sequence[GuideSection]) -> str:
    """How to see the section after this one. Empty where it is the last one."""
    at = sections.index(section)
    following = next((each for each in sections[at + 1 :] if each.number), None)
    if following is None:
        return ""
    typed = f"{text.command()} guide {quote(lab)} {following.number}"
    return text.next_step(f"{typed}  # {following.title}")


def joined(markdown: str) -> str:
    """The text with the Japanese lines of a paragraph joined. Code stays as it is."""
    parts, at = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_SOFT_BREAK.sub("", markdown[at : fence.start()]), fence.group()]
        at = fence.end()
    return "".join([*parts, _SOFT_BREAK.sub("", markdown[at:])])
