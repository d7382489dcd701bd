"""One virtlab at a time changes an instance."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from silent import Silent

from provisioner import errors
from provisioner.host import lock

PROJECT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, time
from provisioner.host import lock
with lock.held(sys.argv[1], None, timeout=5):  # nobody else holds it, so nobody is told
    print("held", flush=True)
    time.sleep(60)
"""


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "virtlab"


@contextmanager
def another_process_holds(name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_lock_keeps_another_process_out() -> None:
    notes = Notes()
    with another_process_holds("demo"):
        began = time.monotonic()
        with (
            pytest.raises(errors.Busy, match="another virtlab is at work on demo") as caught,
            lock.held("demo", notes, timeout=0.2),
        ):
            pass
        assert 0.2 <= time.monotonic() - began < 5
        assert caught.value.hint
        assert notes.notes == ["another virtlab is at work on demo: waiting for it"]
        with lock.held("demo-2", notes, timeout=0):
            pass
    assert len(notes.notes) == 1


def test_a_lock_ends_with_its_process() -> None:
    with another_process_holds("demo") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with lock.held("demo", Silent(), timeout=1):
            pass


def test_a_lock_holds_within_a_process_too(cache: Path) -> None:
    with lock.held("demo", Silent(), timeout=0):
        with lock.held("other", Silent(), timeout=0):
            pass
        with pytest.raises(errors.Busy), lock.held("demo", Silent(), timeout=0):
            pass
        with pytest.raises(errors.Busy), lock.held("demo", Silent(), timeout=0):
            pass  # closing the other file did not lose it
    with lock.held("demo", Silent(), timeout=0):
        pass
    assert [file.name for file in cache.iterdir()] == ["lock"]
    assert (cache / "lock").stat().st_mode & 0o777 == 0o600


def test_a_failure_gives_it_back() -> None:
    with pytest.raises(ZeroDivisionError), lock.held("demo", Silent(), timeout=0):
        raise ZeroDivisionError
    with lock.held("demo", Silent(), timeout=0):
        pass
