"""Markdown on a terminal, as rich draws it, but with commands that can be copied. Slow to import."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement
from rich.text import Text

from provisioner.report.terminal.text import typed
from provisioner.report.terminal.wrap import width


class _Code(CodeBlock):
    """Lines of code. Those that are too long stay whole, or are broken as a shell reads them."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = str(self.text).rstrip().split("\n")
        if self.lexer_name == "sh":
            lines = [part for line in lines for part in _fitting(line, options.max_width - 1)]
        yield Text("\n".join(f" {line}" for line in lines), style="bold", no_wrap=True, overflow="ignore")


def _fitting(line: str, columns: int) -> list[str]:
    return [line] if width(line) <= columns else typed(line, columns)


class Drawn(Markdown):
    """A Markdown text, to be printed by a ``Console`` that does not crop."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
    }
