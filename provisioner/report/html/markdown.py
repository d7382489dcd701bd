"""Makes HTML of lessons' texts. They are Markdown with tables; HTML in them is shown as text."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from provisioner.report.terminal.guide_page import joined
from provisioner.report.terminal.text import harmless

_COMMANDS = re.compile(r'(<pre><code class="language-sh">)(.*?)</code></pre>', re.DOTALL)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


def html(source: str, *, level: int = 1) -> str:
    """The HTML of a Markdown text. Its first heading gets the given ``level``, and lower headings follow."""
    parser = _parser()
    tokens = parser.parse(joined(harmless(source.expandtabs(4))))
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    top = min((int(token.tag[1:]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1:]) - top + level, 6)}"
    for token in tokens:
        if token.type == "fence":
            token.info = "sh" if token.info.strip() == "sh" else ""  # no other class of the author's
        elif token.type == "th_open":
            token.attrSet("scope", "col")
    return _COMMANDS.sub(_in_lines, str(parser.renderer.render(tokens, parser.options, {})))


def _in_lines(block: re.Match[str]) -> str:
    """Commands, each a line of its own, so that where one is broken can be seen."""
    lines = "".join(f'<span class="line">{line}</span>' for line in block.group(2).rstrip("\n").split("\n"))
    return f"{block.group(1)}{lines}</code></pre>"


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    return parser.enable("table").disable(["image", "html_block", "html_inline"])
