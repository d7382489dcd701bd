"""Shows a long text page by page, by the pager that the user has set (PAGER) or else by less."""

from __future__ import annotations

import codecs
import locale
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

# For less: it draws styles, and its prompt names its keys (a colon has a meaning in prompts). less 590 can't
# print Japanese there.
_LESS = r"-RPsspace\: on, b\: back, /\: search, q\: leave"


def is_needed(height: int) -> bool:
    """Whether so many lines are more than the terminal shows at once, and somebody is there to turn pages."""
    if os.environ.get("TERM") == "dumb" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return height >= shutil.get_terminal_size().lines  # the last line is the prompt's


def _speak_utf8() -> None:
    """Has less take characters for what they are. It would go by the locale, also by one that this system
    does not have, and show them as ``<E8><A8>``. What the user set goes before."""
    unset = not os.environ.get("LESSCHARSET") and not os.environ.get("LESSCHARDEF")
    if unset and codecs.lookup(locale.getpreferredencoding(do_setlocale=False)).name == "utf-8":
        os.environ["LESSCHARSET"] = "utf-8"


def show(console: Console, drawn: RenderableType, width: int) -> None:
    """Shows it, and comes back when the user has left the pager."""
    _speak_utf8()
    with _keys_are_the_pagers(), console.pager(styles=_shows_styles()):
        console.print(drawn, width=width, crop=False)


def _shows_styles() -> bool:
    """Whether the pager draws styles. less does where its user told it so; without any word of the user's,
    virtlab tells it, and has it say its keys."""
    program = (os.environ.get("MANPAGER") or os.environ.get("PAGER") or "less").split()
    if PurePath(program[0]).name != "less":
        return False
    return "r" in os.environ.setdefault("LESS", _LESS).split("P")[0].lower()


@contextmanager
def _keys_are_the_pagers() -> Iterator[None]:
    """Inside it, Ctrl-C does not end virtlab, which would leave the pager alone with the terminal."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
