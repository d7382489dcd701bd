"""A command over two streams: its answer, and that it ends with the one who asked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner import paths

SHARED = paths.templates_dir() / "images" / "shared"


class Streams:
    """``answer`` at one end of two pipes, and how to ask at the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("to", "from"):
            os.mkfifo(folder / name)
        text = (SHARED / "answer").read_text().replace("/run/virtlab/answer", str(folder / "work"))
        (folder / "answer").write_text(text)
        (folder / "answer").chmod(0o755)
        # the host's own awk may read a whole buffer before it looks at a line
        if (busybox := shutil.which("busybox")) is None:
            pytest.skip("busybox is not here")
        (folder / "bin").mkdir()
        for name in ("awk", "base64", "cat", "head", "mkfifo", "sh", "sleep", "usleep", "xargs"):
            (folder / "bin" / name).symlink_to(busybox)
        self._environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        ends = [os.open(folder / name, os.O_RDWR) for name in ("to", "from")]
        self.answer = subprocess.Popen(
            ["sh", str(folder / "answer")], stdin=ends[0], stdout=ends[1], env=self._environment
        )
        self._asked: list[subprocess.Popen[bytes]] = []
        for end in ends:
            os.close(end)

    def ask(self, *words: str) -> subprocess.Popen[bytes]:
        ways = [str(self._folder / name) for name in ("to", "from", "lock")]
        asked = subprocess.Popen(
            ["sh", str(SHARED / "ask"), *ways, "--", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        self._asked.append(asked)
        return asked

    def close(self) -> None:
        self.answer.kill()
        self.answer.wait()
        for asked in self._asked:
            asked.kill()
            asked.communicate()


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[Streams]:
    made = Streams(tmp_path)
    yield made
    made.close()


def is_running(words: str) -> bool:
    done = subprocess.run(["pgrep", "-fx", words], capture_output=True, check=False)
    return done.returncode == 0


def test_a_command_and_its_answer(streams: Streams) -> None:
    asked = streams.ask("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (*asked.communicate(timeout=10), asked.returncode) == (b"out\n", b"err\n", 3)


def test_more_than_is_kept_is_thrown_away(streams: Streams) -> None:
    asked = streams.ask("sh", "-c", "yes | head -c 9000000; echo end >&2; exit 4")
    out, err = asked.communicate(timeout=30)
    assert (len(out), err, asked.returncode) == (8 * 1024 * 1024, b"end\n", 4)


def test_what_stays_in_the_background_is_not_waited_for_and_goes_on(streams: Streams) -> None:
    stays = f"sleep 9.{os.getpid()}3"
    for words in (f"{stays} & echo one", "echo two"):
        asked = streams.ask("sh", "-c", words)
        assert asked.communicate(timeout=5) == (words[-3:].encode() + b"\n", b"")
        assert is_running(stays)


def test_a_command_ends_with_the_one_who_asked(streams: Streams) -> None:
    first, second = (f"sleep 48.{os.getpid()}{number}" for number in (1, 2))
    asked = streams.ask("sh", "-c", f"{first}; {second}")
    deadline = time.monotonic() + 10
    while not is_running(first):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(asked.pid, signal.SIGTERM)
    assert asked.communicate(timeout=5)[0] == b""
    assert asked.returncode == 125
    while is_running(first) or is_running(second):
        assert time.monotonic() < deadline, "it runs on"
        time.sleep(0.05)
    again = streams.ask("echo", "next")
    assert again.communicate(timeout=10) == (b"next\n", b"")
