"""A guest's QEMU process as libvirt would start it, made to run by itself: what the benchmarks boot."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ASK_AGAIN = 0.05  # seconds between two pings on a line that has not answered yet
ALONE = ("-no-user-config", "-nodefaults", "-no-shutdown", "-no-acpi", "-no-hpet")  # without a value
PING = b'\n\n\n\n\xff{"execute":"guest-ping"}\n'


class Bare:
    """The arguments of one guest, and the lines on which it answers.

    Changed against libvirt's: what hangs on files that libvirt passed or owns (its monitor, the
    agent's line, the secret, a tap device) and the disks, which are fresh ones.
    """

    def __init__(self, name: str, words: Sequence[str], sizes: Sequence[int], folder: Path) -> None:
        """``words`` are QEMU's program and arguments, ``sizes`` those of the guest's disks in bytes."""
        self.name = name
        self.arguments: list[str] = []
        self.agent = folder / f"{name}.agent"
        self.console = folder / f"{name}.console"
        self.log = folder / f"{name}.log"
        self._folder = folder
        self._sizes = sizes
        self._disks: list[tuple[Path, int]] = []
        rest = iter(words)
        for word in rest:
            if word == "-S":
                continue
            if word in ALONE or not word.startswith("-"):
                self.arguments.append(word)
                continue
            value = self._changed(word, next(rest))
            if value is not None:
                self.arguments += [word, value]

    def _changed(self, option: str, value: str) -> str | None:
        """The option's value as it works here; None where it is left out."""
        if option == "-object" and '"secret"' in value:
            return None
        if option == "-netdev":
            return json.dumps({"type": "user", "id": json.loads(value)["id"]})
        if option == "-chardev":
            return self._line(value)
        if option == "-blockdev" and '"filename"' in value:
            node = json.loads(value)
            disk = self._folder / Path(node["filename"]).name
            self._disks.append((disk, self._sizes[len(self._disks)]))
            return json.dumps({**node, "filename": str(disk)})
        return value

    def _line(self, value: str) -> str:
        """A line of the guest; those that are needed here are sockets with a name."""
        name = value.partition("id=")[2].partition(",")[0]
        places = {
            "charmonitor": self._folder / f"{self.name}.monitor",
            "charchannel0": self.agent,
            "charserial1": self.agent,
            "charserial0": self.console,
        }
        if name not in places:
            return value
        return f"socket,id={name},path={places[name]},server=on,wait=off"

    def fresh_disks(self) -> None:
        for disk, size in self._disks:
            subprocess.run(
                ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=1.1", disk, str(size)], check=True
            )

    def connect(self, line: Path, process: subprocess.Popen[bytes], deadline: float) -> socket.socket:
        """Opens one of the guest's lines as soon as QEMU has it."""
        while True:
            self.check(process, deadline)
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(line))
                return connection
            except OSError:
                connection.close()
                time.sleep(0.002)

    def wait_until_it_answers(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Asks again and again on the agent's line; what is asked too early waits there or is lost."""
        heard = b""
        with self.connect(self.agent, process, deadline) as line:
            line.settimeout(ASK_AGAIN)
            while b'"return"' not in heard:
                self.check(process, deadline)
                with suppress(TimeoutError, ConnectionError):
                    line.send(PING)
                    heard += line.recv(4096)

    def check(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Raises RuntimeError where QEMU has ended, or where it is too late."""
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{self.name} does not answer: {self.log.read_text() or self.arguments}")
