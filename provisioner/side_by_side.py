"""Does several things at the same time, and stops them in the middle.

To stop work, set its event ``cancelled``, from any thread. The work checks the event wherever it waits, and
raises ``errors.Cancelled`` there. The handler of a signal may raise it as well, in the main thread: then a
wait ends at once, and the event is set here for all others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from provisioner import errors

_T = TypeVar("_T")
_LOOK_SECONDS = 0.1  # between two checks of ``cancelled``, and between two tries to end what is under way


def check(cancelled: threading.Event | None) -> None:
    """Raises Cancelled where that was asked for."""
    if cancelled is not None and cancelled.is_set():
        raise errors.Cancelled


def run(
    work: Sequence[Callable[[], _T]],
    *,
    cancelled: threading.Event | None = None,
    end: Callable[[], None] | None = None,
    abandon: bool = False,
    most: int | None = None,
) -> list[_T]:
    """Does each piece of work in a thread of its own, ``most`` at a time, and returns what they gave.

    When all have ended, the first error in the order of ``work`` is raised. Where this is interrupted, or
    ``cancelled`` is set meanwhile, ``end`` is called again and again until all have ended; it has to end
    whatever they wait for, and where it fails it is tried again. Nothing begins where ``cancelled`` is set
    already. With ``abandon`` they are not waited for, and go on unnoticed. Then Cancelled is
    raised, or what interrupted this.
    """
    check(cancelled)
    crew = _Crew(work)
    try:
        crew.begin(most or len(work))
        while not crew.ended(None if cancelled is None else _LOOK_SECONDS):
            check(cancelled)
    except BaseException:
        if cancelled is not None:
            cancelled.set()
        crew.begin_nothing_more()
        while not abandon and not crew.ended(_LOOK_SECONDS):
            if end is not None:
                with suppress(errors.VirtlabError):
                    end()
        raise
    return [piece.result() for piece in crew.pieces]


def within(work: Sequence[Callable[[], _T]], deadline: float) -> list[_T | None]:
    """The same, until ``deadline`` (of ``time.monotonic``). The result is None for work that has not ended by
    then.

    Such work is abandoned, as it is where this is interrupted.
    """
    crew = _Crew(work)
    crew.begin(len(work))
    crew.ended(max(0.0, deadline - time.monotonic()))
    return [piece.result() if piece.has_ended else None for piece in crew.pieces]


def begin(work: Callable[[], _T]) -> Begun[_T]:
    """Begins work, and returns at once. Nobody has to wait for it: then it is abandoned."""
    crew = _Crew([work])
    crew.begin(1)
    return Begun(crew)


class Begun(Generic[_T]):
    """Work that was begun."""

    def __init__(self, crew: _Crew[_T]) -> None:
        self._crew = crew

    def ended(self, seconds: float) -> bool:
        """Waits at most so many seconds until it has ended. Whether it has."""
        return self._crew.ended(seconds)

    def result(self) -> _T:
        """What it gave, once it has ended. Raises what it raised."""
        return self._crew.pieces[0].result()


@contextmanager
def aside(work: Callable[[], _T]) -> Iterator[Aside[_T]]:
    """Does the work while the block inside runs. The block may ask for the result, which waits for it."""
    crew = _Crew([work])
    try:
        crew.begin(1)
        yield Aside(crew)
    except BaseException:
        crew.begin_nothing_more()
        raise
    finally:
        crew.ended(None)


class Aside(Generic[_T]):
    """Work that is done at the same time. Both methods wait until it has ended."""

    def __init__(self, crew: _Crew[_T]) -> None:
        self._crew = crew

    def result(self) -> _T:
        """What it gave. Raises what it raised."""
        self._crew.ended(None)
        return self._crew.pieces[0].result()

    def problem(self) -> errors.VirtlabError | None:
        """The expected failure that it ended with, if it did."""
        self._crew.ended(None)
        error = self._crew.pieces[0].error
        return error if isinstance(error, errors.VirtlabError) else None


class _Piece(Generic[_T]):
    """One piece of work, and what came of it."""

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work = work
        self._given: list[_T] = []
        self.error: BaseException | None = None
        self.has_ended = False

    def do(self) -> None:
        try:
            self._given.append(self._work())
        except BaseException as error:
            self.error = error

    def result(self) -> _T:
        if self.error is not None:
            raise self.error
        return self._given[0]


class _Crew(Generic[_T]):
    """Threads at work. They are daemons, so that a program that ends does not wait for them."""

    def __init__(self, work: Sequence[Callable[[], _T]]) -> None:
        self.pieces = [_Piece(each) for each in work]
        self._waiting = iter(self.pieces)
        self._left = len(self.pieces)
        self._changed = threading.Condition()

    def begin(self, most: int) -> None:
        """Begins the work, ``most`` pieces at a time. Where this is interrupted, some of it has begun."""
        for number in range(min(most, len(self.pieces))):
            threading.Thread(target=self._work, name=f"side-by-side-{number}", daemon=True).start()

    def begin_nothing_more(self) -> None:
        """Pieces that have not begun count as ended from now on, without a result."""
        with self._changed:
            self._left -= len(list(self._waiting))

    def _work(self) -> None:
        while True:
            with self._changed:
                piece = next(self._waiting, None)
            if piece is None:
                return
            piece.do()
            with self._changed:
                piece.has_ended = True
                self._left -= 1
                self._changed.notify_all()

    def ended(self, seconds: float | None) -> bool:
        """Waits at most ``seconds`` until all work has ended. Whether it has ended."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._left, timeout=seconds)
