"""Being told to stop by a signal: Ctrl-C (SIGINT), SIGTERM, or SIGHUP, when a terminal or a session closes.

The first one sets the event that a verb was given, and raises Cancelled in the main thread, so that what was
begun is taken back. The second says that this is under way. The third ends the program at once, and says what
stays behind.

Python runs the handler of a signal in its main thread alone, and not while that is inside a call of
libvirt's. So a thread hears of each signal as well: it sets the event, and ends the program where the main
thread does not react and nothing has to be taken back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from provisioner import errors
from provisioner.cancellation import Cancellation
from provisioner.language import joined, msg
from provisioner.report.terminal import text

INTERRUPTED = 130  # the exit code
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LAST = 3  # the signal at which the program ends at once
_REACT_SECONDS = 1.0  # for the main thread to come back from a call that nobody can end
_UNWIND_SECONDS = 5.0  # for it to close what is open
_TELL_SECONDS = 1.0
_SHOW_CURSOR = b"\x1b[?25h"  # DECTCEM; the live display hides it


class _Signals:
    """The signals that came, from ``begin`` to ``end``."""

    def __init__(self) -> None:
        self.cancelled = Cancellation()
        self.tell: Callable[[str], None] = text.tell
        self._raised = threading.Event()
        self._over = threading.Event()
        self._count = 0
        self._before: dict[int, signal.Handlers | Callable[[int, FrameType | None], object] | int | None] = {}

    def begin(self) -> None:
        heard, self._heard = os.pipe()
        os.set_blocking(self._heard, False)
        self._heard_before = signal.set_wakeup_fd(self._heard, warn_on_full_buffer=False)
        self._listener = threading.Thread(target=self._listen, args=(heard,), name="signals", daemon=True)
        self._listener.start()
        for number in _NUMBERS:
            # a background job of a script ignores SIGINT, one of nohup's SIGHUP, and they keep ignoring it
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)

    def end(self) -> None:
        self._over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._heard_before)
        os.close(self._heard)  # the thread reads the end of it, and ends
        self._listener.join()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        """Raises Cancelled, once. Work that is settled goes on: it is done, or is being taken back."""
        if self._raised.is_set():
            return
        self._raised.set()
        self.cancelled.set()
        if not self.cancelled.settled:
            raise errors.Cancelled

    def _listen(self, heard: int) -> None:
        while numbers := os.read(heard, 64):
            for number in numbers:
                self._note(number)
        os.close(heard)

    def _note(self, number: int) -> None:
        """One signal more. A terminal that closes is no hurry, however often it is said."""
        if self._over.is_set() or number not in self._before or (number == signal.SIGHUP and self._count):
            return
        self._count += 1
        if self._count == 1:
            self.cancelled.set()
            threading.Thread(target=self._see_to_it, name="end", daemon=True).start()
        elif not self.cancelled.owed or self._count >= _LAST:
            self._end_now()
        else:
            self._try_to_tell(
                msg("it is ending, and puts what was begun in order; once more leaves the rest as it is")
            )

    def _see_to_it(self) -> None:
        """Ends the program where nothing has to be taken back, and its main thread is stuck."""
        reacts = self._raised.wait(_REACT_SECONDS)
        if not self._over.wait(_UNWIND_SECONDS if reacts else 0.0) and not self.cancelled.owed:
            self._end_now()

    def _end_now(self) -> None:
        self._try_to_tell(_last_words(self.cancelled))
        with suppress(OSError):
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
        if not self._over.is_set():
            os._exit(INTERRUPTED)

    def _try_to_tell(self, words: str) -> None:
        """Says it, where that is possible: a terminal may be stopped or closed, and the display stuck."""
        teller = threading.Thread(target=self.tell, args=(words,), name="teller", daemon=True)
        teller.start()
        teller.join(_TELL_SECONDS)


_current: _Signals | None = None


def last_words() -> str:
    """What is said where the program ends before its time, with what stays behind and what to type then."""
    return msg("interrupted") if _current is None else _last_words(_current.cancelled)


def _last_words(cancelled: Cancellation) -> str:
    owed = cancelled.owed
    if not owed:
        return msg("interrupted")
    first, *others = dict.fromkeys(owed.values())
    remedies: str = first
    for other in others:
        remedies = msg("{first}, and {other}", first=remedies, other=other)
    left = msg("interrupted; left behind: {owed}", owed=joined(", ", owed))
    return f"{text.told(left)}\n{text.next_step(remedies)}"


@contextmanager
def handled() -> Iterator[None]:
    """Inside it, signals act as this module says. Called in the main thread, once."""
    global _current
    signals = _Signals()
    _current = signals
    try:
        signals.begin()
        yield
    finally:
        signals.end()
        _current = None


@contextmanager
def cancellable(tell: Callable[[str], None]) -> Iterator[Cancellation]:
    """What signals set, for a verb that can be stopped. Inside it, ``tell`` hears what they bring about."""
    signals = _current or _Signals()
    before, signals.tell = signals.tell, tell
    try:
        yield signals.cancelled
    finally:
        signals.tell = before
