"""Being told to stop, by a signal."""

from __future__ import annotations

import signal

import pytest

from provisioner import errors
from provisioner.cli import ask


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_tells_the_threads_and_ends_the_wait(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with ask.cancellable() as cancelled:
        assert not cancelled.is_set()
        with pytest.raises(errors.Cancelled):
            signal.raise_signal(number)
    assert cancelled.is_set()
    assert signal.getsignal(number) is before


def test_a_job_in_the_background_goes_on_ignoring_ctrl_c() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ask.cancellable() as cancelled:
            signal.raise_signal(signal.SIGINT)
        assert not cancelled.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
