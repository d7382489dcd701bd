"""Shows progress on standard error: live lines on a terminal that wants them, and otherwise plain lines."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from provisioner import listener
from provisioner.report.preferred_language import local
from provisioner.report.terminal import text
from provisioner.units import format_seconds

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

_REFRESH = 8  # times a second
_DELAY = 0.25  # seconds: what is over sooner needs no display, and does not wait for one
_QUIET = 2.0  # seconds between two plain lines about the same subject


class _Line:
    """One subject of the live display."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.phase = ""
        self.fraction: float | None = None
        self.result: str | None = None
        self.failed = False


class Progress:
    """A listener to a verb, and a context manager: leaving it ends the display.

    rich draws the live lines. It is loaded in the display's own thread and only when there is
    something to wait for, so that it delays nothing.
    """

    def __init__(self) -> None:
        self._draws = text.wants_colour(sys.stderr)
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}
        self._spoken: dict[str, float] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._live: Live | None = None
        self._hearing = listener.heard_by(self.note)

    def __enter__(self) -> Progress:
        self._hearing.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hearing.__exit__(kind, error, trace)
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            if self._live is None:
                for subject, line in self._lines.items():
                    if self._draws and line.result is not None:
                        text.tell(self._plain(subject, line))

    def note(self, text_: str) -> None:
        """See ``listener.Listener``."""
        with self._lock:
            if self._live is not None:
                self._live.console.print(text.harmless(text.told(text_)), markup=False, highlight=False)
            else:
                text.tell(text.told(text_))

    def phase(self, subject: str, phase: str, fraction: float | None = None) -> None:
        """See ``listener.Listener``."""
        with self._lock:
            line = self._lines.setdefault(subject, _Line())
            changed = line.phase != phase
            line.phase, line.fraction = phase, fraction
            if self._draws:
                self._start()
            elif changed:
                now = time.monotonic()
                if now - self._spoken.get(subject, -_QUIET) >= _QUIET:
                    self._spoken[subject] = now
                    text.tell(f"{local(subject)}: {local(phase)}")

    def done(self, subject: str, text_: str) -> None:
        """See ``listener.Listener``."""
        self._end(subject, text_, failed=False)

    def failed(self, subject: str, text_: str) -> None:
        """See ``listener.Listener``."""
        self._end(subject, text_, failed=True)

    def _end(self, subject: str, result: str, *, failed: bool) -> None:
        with self._lock:
            line = self._lines.setdefault(subject, _Line())
            line.result, line.failed = result, failed
            if not self._draws:
                text.tell(self._plain(subject, line))

    def _plain(self, subject: str, line: _Line) -> str:
        mark = text.styled(*(("✗", "red") if line.failed else ("✓", "green")), stream=sys.stderr)
        return f"{mark} {local(subject)}: {local(line.result)}"

    def _start(self) -> None:
        if self._thread is None and not self._over.is_set():
            self._thread = threading.Thread(target=self._display, name="progress", daemon=True)
            self._thread.start()

    def _display(self) -> None:
        if self._over.wait(_DELAY):
            return
        from rich.console import Console
        from rich.live import Live

        live = Live(
            console=Console(stderr=True, highlight=False),
            refresh_per_second=_REFRESH,
            get_renderable=self._draw,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with live:
            with self._lock:
                self._live = live
            self._over.wait()
            live.refresh()

    def _draw(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        for subject, line in list(self._lines.items()):
            if line.result is not None:
                mark = Text("✗", style="red") if line.failed else Text("✓", style="green")
                table.add_row(mark, _text(subject), _text(line.result), Text(""))
                continue
            fraction = "" if line.fraction is None else f"{line.fraction:.0%}"
            waited = format_seconds(time.monotonic() - line.began)
            table.add_row(
                Text("·", style="cyan"),
                _text(subject),
                _text(line.phase),
                Text(f"{fraction} {waited}".strip(), style="dim"),
            )
        return table


def _text(words: str) -> Text:
    from rich.text import Text

    return Text(text.harmless(local(words)))
