"""A lesson's guide, drawn for a terminal, or as plain Markdown."""

from __future__ import annotations

import re
import sys

from provisioner.report.terminal import text

COLUMNS = 80
_FENCE = re.compile(r"^```.*?^```[^\n]*$", re.MULTILINE | re.DOTALL)
# a line end between Japanese characters is no blank, as it would be between words
_WIDE = "\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef"
_SOFT_BREAK = re.compile(rf"(?<=[{_WIDE}])\n[ \t]*(?=[{_WIDE}])")


def show(markdown: str) -> None:
    """Prints it: drawn where standard output is a terminal, and otherwise as Markdown."""
    markdown = text.harmless(markdown.expandtabs(4))
    if not text.wants_colour(sys.stdout):
        text.say(markdown.rstrip())
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    drawn = Markdown(joined(markdown), code_theme="bw", hyperlinks=False)
    console.print(drawn, width=min(console.width, COLUMNS))


def joined(markdown: str) -> str:
    """The text with the Japanese lines of a paragraph joined. Code stays as it is."""
    parts, at = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_SOFT_BREAK.sub("", markdown[at : fence.start()]), fence.group()]
        at = fence.end()
    return "".join([*parts, _SOFT_BREAK.sub("", markdown[at:])])
