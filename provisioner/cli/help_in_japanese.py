"""Help in Japanese. Lines are broken as Japanese is: typer breaks them at blanks, and Japanese has none."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any

from provisioner.language import Language
from provisioner.report.preferred_language import catalogue_for_typer
from provisioner.report.terminal.wrap import width, wrapped

_GAP = 2
_MOST = 30  # columns of the left side, as typer has it
_END = "。"


def translate(command: Any, ctx: Any) -> None:
    """Gives a verb, or all of virtlab, Japanese help, and typer its words for the heads of a help page."""
    translated = catalogue_for_typer(Language.JA)

    def said(words: Any) -> Any:
        return translated(inspect.cleandoc(words)) if isinstance(words, str) and words else words

    command.help, command.epilog = said(command.help), said(command.epilog)
    command.short_help = (command.help or "").partition(_END)[0] or None
    for parameter in command.get_params(ctx):
        parameter.help, parameter.show_default = (
            said(parameter.help),
            said(getattr(parameter, "show_default", None)),
        )


@cache
def formatter(base: Any) -> Any:
    """typer's formatter, with lines that fit where characters take two columns."""

    class Wide(base):  # type: ignore[misc]
        def write_text(self, text: str) -> None:
            indent = " " * self.current_indent
            for number, paragraph in enumerate(text.split("\n\n")):
                lines = wrapped(paragraph, self.width - self.current_indent)
                self.write("\n" * bool(number) + "".join(f"{indent}{line}\n" for line in lines))

        def write_dl(self, rows: Sequence[tuple[str, str]], **_columns: Any) -> None:
            left = min(max(width(first) for first, _ in rows), _MOST) + _GAP
            indent = " " * self.current_indent
            for first, second in rows:
                lines = wrapped(second, max(self.width - left - _GAP, 20)) if second else []
                head = f"{indent}{first}"
                if width(first) > left - _GAP:
                    self.write(f"{head}\n")
                    head = indent + " " * left
                else:
                    head += " " * (left - width(first))
                for line in lines or [""]:
                    self.write(f"{head}{line}".rstrip() + "\n")
                    head = indent + " " * left

    return Wide
