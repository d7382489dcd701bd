"""Markdown on a terminal, as rich draws it, but with lines that end where Japanese lets them, and with
commands that can be copied. Slow to import."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.containers import Lines
from rich.markdown import CodeBlock, Markdown, MarkdownContext, MarkdownElement, Paragraph, TableDataElement
from rich.text import Text

from provisioner.report.terminal.text import typed
from provisioner.report.terminal.wrap import width as columns
from provisioner.report.terminal.wrap import wrapped


class _Words(Text):
    """A text with lines as ``wrapped`` makes them. rich breaks words in a sentence that has no blanks, and
    begins lines with a full stop."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        lines, at = Lines(), 0
        for line in wrapped(self.plain, max(2, width)):
            start = self.plain.find(line, at)
            if start < 0:  # some of its blanks were put together
                return super().wrap(console, width, **options)
            at = start + len(line)
            lines.append(self[start:at])
        justify = options.get("justify") or self.justify
        if justify in ("center", "right"):
            lines.justify(console, width, justify=justify)
        return lines


class _Paragraph(Paragraph):
    def on_enter(self, context: MarkdownContext) -> None:
        super().on_enter(context)
        self.text = _Words(justify="left")


class _Cell(TableDataElement):
    def __init__(self, justify: JustifyMethod) -> None:
        super().__init__(justify)
        self.content = _Words("", justify=justify)


class _Code(CodeBlock):
    """Lines of code. Those that are too long stay whole, or are broken as a shell reads them."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = str(self.text).rstrip().split("\n")
        if self.lexer_name == "sh":
            lines = [part for line in lines for part in _fitting(line, options.max_width - 1)]
        yield Text("\n".join(f" {line}" for line in lines), style="bold", no_wrap=True, overflow="ignore")


def _fitting(line: str, room: int) -> list[str]:
    return [line] if columns(line) <= room else typed(line, room)


class Drawn(Markdown):
    """A Markdown text, to be printed by a ``Console`` that does not crop."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "paragraph_open": _Paragraph,
        "td_open": _Cell,
        "fence": _Code,
        "code_block": _Code,
    }
