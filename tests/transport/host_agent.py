"""An agent whose guest is this host: it runs what it is told to, as QEMU's guest agent does, in any shell."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from provisioner.transport.channel import AgentSession, Tuning, Watch

APPLETS = ("cat", "gzip", "head", "mkdir", "mkfifo", "printf", "rm", "sh", "sleep", "tail", "yes")


def shell_folder(folder: Path, shell: str) -> str:
    """A PATH in which ``sh`` is that shell: a program, or "busybox", which is all other programs, too."""
    folder.mkdir()
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not here")
    for name in APPLETS if shell == "busybox" else ("sh",):
        (folder / name).symlink_to(found)
    return f"{folder}:{os.environ['PATH']}"


class HostAgent:
    """``channel.AgentChannel`` and its session."""

    label = "lab/host"

    def __init__(self, tuning: Tuning, path: str, folder: str) -> None:
        """``folder`` stands in for the guest's /tmp."""
        self.tuning = tuning
        self._folder = folder
        self._environment = os.environ | {"PATH": path}
        self._running: dict[int, tuple[subprocess.Popen[bytes], list[bytes], list[threading.Thread]]] = {}

    def close(self) -> None:
        """Forgets the commands that were never asked about again."""
        for process, _, threads in self._running.values():
            process.wait()
            for thread in threads:
                thread.join()
        self._running.clear()

    @contextmanager
    def session(self, deadline: float) -> Iterator[AgentSession]:
        yield self

    def wait_agent(self, deadline: float, watch: Watch, hint: threading.Event | None) -> None:
        return

    def command(
        self, execute: str, arguments: Mapping[str, Any] | None, *, deadline: float, most: int
    ) -> object:
        given = dict(arguments or {})
        return {"guest-exec": self._start, "guest-exec-status": self._status}[execute](given)

    def _start(self, given: dict[str, Any]) -> object:
        data = base64.b64decode(given.get("input-data", ""))
        output = subprocess.PIPE if given["capture-output"] else subprocess.DEVNULL
        process = subprocess.Popen(
            [
                given["path"],
                *(word.replace("/tmp/virtlab.", f"{self._folder}/virtlab.") for word in given["arg"]),
            ],
            stdin=subprocess.PIPE if data else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=self._environment,
        )
        said = [b"", b""]
        threads = []

        def read(number: int, pipe: Any) -> None:
            said[number] = pipe.read()
            pipe.close()

        if given["capture-output"]:
            for number, pipe in enumerate((process.stdout, process.stderr)):
                threads.append(threading.Thread(target=read, args=(number, pipe), daemon=True))
                threads[-1].start()
        if process.stdin is not None:
            process.stdin.write(data)
            process.stdin.close()
        if given["capture-output"]:
            self._running[process.pid] = process, said, threads
        else:
            threading.Thread(target=process.wait, daemon=True).start()
        return {"pid": process.pid}

    def _status(self, given: dict[str, Any]) -> object:
        process, said, threads = self._running[given["pid"]]
        # as QEMU's agent: a process has ended when nobody holds its outputs any more
        if process.poll() is None or any(thread.is_alive() for thread in threads):
            return {"exited": False}
        del self._running[process.pid]
        code = process.returncode
        status: dict[str, object] = {
            "exited": True,
            **({"exitcode": code} if code >= 0 else {"signal": -code}),
        }
        for key, data in zip(("out-data", "err-data"), said, strict=True):
            if data:
                status[key] = base64.b64encode(data).decode()
        return status
