"""Several things at the same time, and stopping in the middle."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from provisioner import errors, side_by_side


def test_all_is_done_at_the_same_time_and_comes_back_in_order() -> None:
    together = threading.Barrier(3)

    def work(number: int) -> int:
        together.wait(timeout=5)
        time.sleep(0.01 * (3 - number))
        return number

    assert side_by_side.run([partial(work, number) for number in range(3)]) == [0, 1, 2]
    assert side_by_side.run([]) == []


def test_no_more_than_so_many_at_a_time() -> None:
    lock, now, seen = threading.Lock(), [0], []

    def work() -> None:
        with lock:
            now[0] += 1
            seen.append(now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    side_by_side.run([work] * 7, most=2)
    assert max(seen) == 2


def test_the_first_error_is_raised_when_all_have_ended() -> None:
    ended = threading.Event()

    def slow() -> None:
        time.sleep(0.05)
        ended.set()

    def fail(words: str) -> None:
        raise ValueError(words)

    with pytest.raises(ValueError, match="one"):
        side_by_side.run([slow, partial(fail, "one"), partial(fail, "two")])
    assert ended.is_set()


def test_cancelled_work_is_made_to_end_and_waited_for() -> None:
    cancelled, stop, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        cancelled.set()
        stop.wait(10)
        ended.set()

    with pytest.raises(errors.Cancelled):
        side_by_side.run([work], cancelled=cancelled, end=stop.set)
    assert ended.is_set()


def test_what_fails_to_end_it_is_tried_again() -> None:
    cancelled, stop, tries = threading.Event(), threading.Event(), []

    def work() -> None:
        cancelled.set()
        stop.wait(10)

    def end() -> None:
        tries.append(1)
        if len(tries) < 2:
            raise errors.ConnectionFailed("the connection broke")
        stop.set()

    with pytest.raises(errors.Cancelled):
        side_by_side.run([work], cancelled=cancelled, end=end)
    assert len(tries) >= 2


def test_nothing_begins_that_is_cancelled_already() -> None:
    cancelled, done = threading.Event(), []
    cancelled.set()
    with pytest.raises(errors.Cancelled):
        side_by_side.run([partial(done.append, 1)], cancelled=cancelled)
    assert not done


@pytest.mark.parametrize("begun", [0, 1])
def test_interrupted_while_threads_are_started(begun: int, monkeypatch: pytest.MonkeyPatch) -> None:
    start, stop, ended, threads = threading.Thread.start, threading.Event(), [], []

    def interrupted(thread: threading.Thread) -> None:
        if len(threads) == begun:
            raise errors.Cancelled
        threads.append(thread)
        start(thread)

    def work() -> None:
        stop.wait(10)
        ended.append(1)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(errors.Cancelled):
        side_by_side.run([work, work, work], end=stop.set)
    assert len(ended) <= begun
    for thread in threads:
        thread.join()
    assert len(ended) <= begun
    with pytest.raises(errors.Cancelled), side_by_side.aside(work):
        pytest.fail("it has not begun")


def test_work_that_waits_for_its_turn_does_not_begin_when_cancelled() -> None:
    cancelled, stop, ended = threading.Event(), threading.Event(), []

    def work() -> None:
        cancelled.set()
        stop.wait(10)
        ended.append(1)

    with pytest.raises(errors.Cancelled):
        side_by_side.run([work, work, work], cancelled=cancelled, end=stop.set, most=1)
    assert ended == [1]


def test_abandoned_work_is_not_waited_for() -> None:
    cancelled, stop = threading.Event(), threading.Event()

    def work() -> None:
        cancelled.set()
        stop.wait(10)

    began = time.monotonic()
    with pytest.raises(errors.Cancelled):
        side_by_side.run([work], cancelled=cancelled, abandon=True)
    assert time.monotonic() - began < 5
    stop.set()


def test_who_is_interrupted_tells_the_others() -> None:
    class Interrupting(threading.Event):
        """Raises what a signal's handler would, in the thread that waits."""

        def is_set(self) -> bool:
            if not super().is_set():
                raise errors.Cancelled
            return True

    interrupting = Interrupting()
    with pytest.raises(errors.Cancelled):
        side_by_side.run([partial(interrupting.wait, 10)], cancelled=interrupting)


def test_what_has_not_ended_in_time_is_none() -> None:
    stop = threading.Event()
    found = side_by_side.within([lambda: 1, partial(stop.wait, 10)], time.monotonic() + 0.05)
    assert found == [1, None]
    stop.set()


def test_aside() -> None:
    with side_by_side.aside(lambda: 7) as work:
        assert work.result() == 7
        assert work.problem() is None


def test_aside_waits_at_its_end_and_keeps_what_went_wrong() -> None:
    ended = threading.Event()

    def work() -> None:
        time.sleep(0.05)
        ended.set()
        raise errors.HypervisorError("it is full")

    with pytest.raises(ZeroDivisionError), side_by_side.aside(work) as other:
        raise ZeroDivisionError
    assert ended.is_set()
    problem = other.problem()
    assert problem is not None
    assert problem.message == "it is full"
    with pytest.raises(errors.HypervisorError):
        other.result()


def test_no_handler_of_errors_goes_on_after_cancelled() -> None:
    assert not issubclass(errors.Cancelled, Exception)
    side_by_side.check(None)
    event = threading.Event()
    side_by_side.check(event)
    event.set()
    with pytest.raises(errors.Cancelled):
        side_by_side.check(event)
