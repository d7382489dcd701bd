"""Makes HTML of lessons' texts. They are Markdown with tables; HTML in them is shown as text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from provisioner.report.terminal.guide_page import joined
from provisioner.report.terminal.text import harmless

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
            token.info = ""  # no class of the author's
        elif token.type == "th_open":
            token.attrSet("scope", "col")
    return str(parser.renderer.render(tokens, parser.options, {}))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    return parser.enable("table").disable(["image", "html_block", "html_inline"])
