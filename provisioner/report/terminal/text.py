"""Plain text for a terminal or a pipe: messages and hints. Nothing here is slow to import.

Everything that is printed goes through ``harmless``: names of files, metadata and QEMU's messages come from
others, and must not control the terminal. Only ``styled`` can do that. Messages are said in the reader's
language.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import AbstractContextManager
from typing import TextIO

from provisioner import errors, listener
from provisioner.labfile.problems import escaped
from provisioner.language import Language, msg, said
from provisioner.report.preferred_language import local, preferred
from provisioner.report.terminal.wrap import KEPT, width, wrapped

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_USUAL = 80  # columns of a terminal that does not say how many it has
_NARROWEST = 20
_HANGING = 2  # columns by which the further lines of a message are indented
_FOR_SHELL = "\ue001"  # before a line for a shell, until it is printed
_SHELL_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+\s*|\s+""")
_GOES_ON = " \\"  # at the end of a line that goes on in the next one
_OURS = os.urandom(8).hex()  # nobody else can write an escape sequence that this stands in


def command() -> str:
    """How this user starts virtlab: ``./bootstrap virtlab`` in a clone, else ``virtlab``."""
    return os.environ.get("VIRTLAB_RUN_AS") or "virtlab"


def spelled(text: str) -> str:
    """A text, in English, whose ``{virtlab}`` is the command as it works where the user is."""
    return text.replace("{virtlab}", command())


def told(message: str) -> str:
    """A message in the reader's language, with the command as it works where the user is."""
    return spelled(local(message))


def next_step(hint: str, language: Language | None = None) -> str:
    """What to type next, after a word that says so; in that language, or else the reader's."""
    chosen = preferred(language)
    return f"{said(msg('next:'), chosen)} {spelled(said(hint, chosen))}"


def styled(text: str, *names: str, stream: TextIO | None = None) -> str:
    """The text in a style, where ``stream`` (by default standard output) is a terminal that wants colour."""
    if not wants_colour(stream or sys.stdout):
        return text
    return f"\x1b{_OURS}[{';'.join(_STYLES[name] for name in names)}m{text}\x1b{_OURS}[0m"


def harmless(text: str) -> str:
    """The text in a form that is safe to print.

    Control characters other than line ends, and characters that change the direction of text, are shown as
    escapes. Escape sequences that ``styled`` made stay.
    """
    lines = "\n".join(escaped(line) for line in text.split("\n"))
    return lines.replace(f"\\u001b{_OURS}", "\x1b")


def wants_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def room(stream: TextIO | None = None) -> int | None:
    """The columns of the terminal that ``stream`` (by default standard output) is. None where it is none."""
    stream = stream or sys.stdout
    if not stream.isatty():
        return None
    try:
        own = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # it has no file of its own
        own = 0
    return max(_NARROWEST, shutil.get_terminal_size((own or _USUAL, 24)).columns)


def measure(most: int) -> int:
    """The columns for running text on standard output: ``most``, or those of a narrower terminal."""
    return min(most, room() or most)


def fitted(text: str, columns: int | None) -> str:
    """The text with the lines broken between words that are wider than that. None: no line is.

    A command to type can still be copied: it stays whole, and the lines of one that ``for_shell`` marks are
    one to a shell. The second and further lines of a message are indented.
    """
    if columns is None:
        return text.replace(_FOR_SHELL, "")
    return "\n".join(part for line in text.split("\n") for part in _fitted(line, columns))


def for_shell(line: str) -> str:
    """A line for a shell, which ``fitted`` breaks only as a shell reads it."""
    return _FOR_SHELL + line if sys.stdout.isatty() or sys.stderr.isatty() else line


def _fitted(line: str, columns: int) -> list[str]:
    words = line.lstrip(f" {_FOR_SHELL}")
    indent = " " * (len(line) - len(words) - line.count(_FOR_SHELL))
    if width(indent + words) <= columns:
        return [indent + words]
    if _FOR_SHELL in line:
        return [indent + part for part in typed(words, columns - len(indent))]
    room = columns - len(indent) - _HANGING
    if words.startswith("# "):  # to a shell, each of its lines is a comment
        return [f"{indent}# {part}" for part in running(words[2:], room)]
    first, *rest = running(words, room)
    return [indent + first, *(f"{indent}{' ' * _HANGING}{part}" for part in rest)]


def typed(line: str, columns: int) -> list[str]:
    """A line for a shell in lines that a shell reads as one, broken between words. Quoted words stay whole.

    A comment behind it stands below it.
    """
    words = _SHELL_WORD.findall(line)
    if "".join(words) != line:  # a quotation without an end
        return [line]
    end = next((at for at, word in enumerate(words) if at and word.startswith("#")), len(words))
    lines = [""]
    for word in words[:end]:
        if lines[-1].strip() and width(lines[-1] + word.rstrip()) > columns - len(_GOES_ON):
            lines[-1] = lines[-1].rstrip() + _GOES_ON
            lines.append(" " * _HANGING)
        lines[-1] += word
    lines[-1] = lines[-1].rstrip()
    comment = "".join(words[end:])
    return [*lines, *(_fitted(f"{' ' * _HANGING}{comment}", columns) if comment else ())]


def running(text: str, columns: int) -> list[str]:
    """The lines of running text. A command to type and a word that are longer than a line stay whole."""
    kept = re.sub(
        rf"{re.escape(command())}(?: [^\s,;:()]+)+", lambda found: found.group().replace(" ", KEPT), text
    )
    return [line.replace(KEPT, " ") for line in wrapped(kept, columns, whole_words=True)]


def say(text: str = "") -> None:
    """A line of the answer: standard output."""
    print(harmless(local(text)))


def tell(text: str) -> None:
    """Prints a line to standard error, where it does not mix with the answer."""
    print(harmless(fitted(local(text), room(sys.stderr))), file=sys.stderr)


def announcing() -> AbstractContextManager[None]:
    """Inside it, what is announced to whoever runs this process is told."""
    return listener.heard_by(tell)


def asked(question: str) -> str:
    """Asks a question on standard error. Returns the line that the person types; empty where the input
    ends."""
    print(harmless(fitted(local(question), room(sys.stderr))), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def bug() -> None:
    """Prints the exception that is being handled, as a bug."""
    import traceback

    tell(traceback.format_exc().rstrip())
    tell(msg("This is a bug in virtlab: please report it with the lines above."))


class GuestOutput:
    """Prints what a program in a guest writes: unchanged to a pipe or a file, harmless to a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from provisioner.sanitize import TerminalFilter

        self._stream = stream
        self._screen = TerminalFilter() if stream.isatty() else None

    def write(self, data: bytes) -> None:
        """Prints the next part at once."""
        if data:
            self._print(data if self._screen is None else self._screen.feed(data))

    def end(self) -> None:
        """Gives the terminal back as it was."""
        if self._screen is not None:
            self._print(self._screen.reset())

    def _print(self, data: bytes) -> None:
        self._stream.flush()
        self._stream.buffer.write(data)
        self._stream.buffer.flush()


def problem(error: errors.VirtlabError) -> None:
    """Prints an error, all of its causes, and what to do next."""
    _problem(error, "")
    if not _has_hint(error):
        first = error.causes[0] if isinstance(error, errors.SeveralErrors) else error
        if first.usual_hint:
            _next(first.usual_hint, "")
    sys.stderr.flush()


def _problem(error: errors.VirtlabError, indent: str) -> None:
    if isinstance(error, errors.LabFileError):
        for line in error.problems:
            tell(f"{indent}{local(line)}")
    else:
        head = styled(local(msg("error:")), "red", "bold", stream=sys.stderr)
        lines = told(error.message).splitlines() or [""]
        tell(f"{indent}{head} {lines[0]}")
        for line in lines[1:]:
            tell(f"{indent}  {line}")
    if isinstance(error, errors.SeveralErrors):
        for cause in error.causes:
            _problem(cause, indent + "  ")
    if error.hint:
        _next(error.hint, indent)


def _next(hint: str, indent: str) -> None:
    head = styled(local(msg("next:")), "cyan", stream=sys.stderr)
    tell(f"{indent}{head} {told(hint)}")


def _has_hint(error: errors.VirtlabError) -> bool:
    causes = error.causes if isinstance(error, errors.SeveralErrors) else ()
    return bool(error.hint) or any(map(_has_hint, causes))
