"""Runs virtlab as people do: as a process, on pipes or on a terminal, as root or as another account."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forked import Forked

from provisioner.model import naming

PATIENCE = 90.0  # seconds that any one command may take, on a machine that does much else
LAB = """\
virtlab: 1
name: solo
guests:
  one:
    profile: {profile}
    memory: 160 MiB
"""
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Outcome:
    """How a command ended. ``out`` and ``err`` are text; ``raw`` is standard output as it came."""

    args: tuple[str, ...]
    code: int
    raw: bytes
    err: str
    seconds: float

    @property
    def out(self) -> str:
        return self.raw.decode()

    def ended(self, code: int) -> Outcome:
        """Itself, where that was the exit code; all that was said, where not."""
        assert self.code == code, f"virtlab {' '.join(self.args)}: exit {self.code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err, self.err
        return self


def findings(outcome: Outcome) -> dict[tuple[str, str], dict[str, Any]]:
    """What check -o json found, by guest and item."""
    return {(f["guest"], f["item"]): f for f in json.loads(outcome.out)["findings"]}


class Terminal:
    """A command on a terminal of 100 columns."""

    def __init__(self, argv: Sequence[str], env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)
        self.output = b""
        self._seen = 0

    @property
    def text(self) -> str:
        """All output so far, without colours and cursor movements."""
        return _ANSI.sub("", self.output.decode(errors="replace"))

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, words: str, timeout: float = PATIENCE) -> None:
        """Reads on until the words come, after those that were waited for before."""
        wanted = words.encode()
        deadline = time.monotonic() + timeout
        while (at := self.output.find(wanted, self._seen)) < 0:
            assert self._read(deadline), f"no {words!r} in:\n{self.text}"
        self._seen = at + len(wanted)

    def end(self, timeout: float = PATIENCE) -> int:
        """The exit code, when the command has ended."""
        deadline = time.monotonic() + timeout
        try:
            while self._read(deadline):
                pass
            return self.process.wait(max(0.1, deadline - time.monotonic()))
        finally:
            self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side has closed
            return False
        self.output += data
        return bool(data)


@dataclass
class Virtlab:
    """virtlab on one connection, as one account."""

    uri: str
    owner: str
    home: Path
    prefix: tuple[str, ...]  # what goes before the interpreter, to be that account
    python: str
    env: dict[str, str]
    places: tuple[Path, ...]  # the folders in which libvirt and virtlab keep files
    uid: int | None = None  # where the account is another one than this process's
    used: list[str] = field(default_factory=list)
    forked: Forked | None = field(default=None, init=False)

    @contextmanager
    def kept_ready(self) -> Iterator[Virtlab]:
        """Itself, which meanwhile need not start Python and load all modules for each command."""
        self.forked = Forked([*self.prefix, self.python], self.env, self.home)
        try:
            yield self
        finally:
            self.forked.close()
            self.forked = None

    @property
    def is_session(self) -> bool:
        return self.uri.endswith("/session")

    def argv(self, *args: str) -> list[str]:
        return [*self.prefix, self.python, "-m", "provisioner", *args]

    def __call__(
        self, *args: str, given: bytes | None = None, timeout: float = PATIENCE, **env: str
    ) -> Outcome:
        """Runs ``virtlab ARGS`` with no terminal; ``env`` is added to its environment."""
        began, whole = time.monotonic(), {**self.env, **env}
        if self.forked is not None:
            done = self.forked.run(args, given=given or b"", timeout=timeout, env=whole, cwd=self.home)
        else:
            done = subprocess.run(
                self.argv(*args),
                input=given or b"",
                capture_output=True,
                timeout=timeout,
                env=whole,
                cwd=self.home,
                check=False,
            )
        err = done.stderr.decode(errors="replace")
        return Outcome(args, done.returncode, done.stdout, err, time.monotonic() - began)

    def begin(self, *args: str) -> subprocess.Popen[bytes]:
        """Starts ``virtlab ARGS`` and does not wait."""
        return subprocess.Popen(
            self.argv(*args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.home,
        )

    def terminal(self, *args: str, **env: str) -> Terminal:
        return Terminal(self.argv(*args), {**self.env, **env})

    def virsh(self, *args: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.prefix, "virsh", "-q", "-c", self.uri, *args],
            capture_output=True,
            env=self.env,
            cwd=self.home,
            check=False,
            text=True,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout if done.returncode == 0 else ""

    def name(self) -> str:
        """A name for an instance, used by nobody else; its end is checked when the test is over."""
        name = f"t-{os.urandom(2).hex()}"
        self.used.append(name)
        return name

    def lab(self, profile: str = "virtio", more: str = "") -> Path:
        """A new folder of this account with a lab of one small guest, to edit."""
        folder = self.home / f"lab-{os.urandom(4).hex()}"
        folder.mkdir()
        file = folder / "lab.yaml"
        file.write_text(LAB.format(profile=profile) + more)
        for path in (folder, file):
            if self.uid is not None:
                os.chown(path, self.uid, -1)
        return folder

    def domain(self, name: str, guest: str) -> str:
        return naming.Instance(self.owner, name).domain(guest)

    def pids(self, name: str) -> dict[str, int]:
        """The QEMU process of each running guest of an instance."""
        start = f"guest=virtlab.{self.owner}.{name}."
        found = {}
        for pid, line in _processes():
            if start in line:
                found[line.partition(start)[2].partition(",")[0]] = pid
        return found

    def traces(self, name: str) -> list[str]:
        """All that is left of an instance on this host, whoever should have removed it."""
        mark = f"virtlab.{self.owner}.{name}"
        found = [f"domain {d}" for d in self.virsh("list", "--all", "--name").split() if mark in d]
        if not self.is_session:
            networks = self.virsh("net-list", "--all", "--name").split()
            found += [f"network {n}" for n in networks if mark in n]
            bridge = naming.Instance(self.owner, name).bridge("lab")
            found += [f"bridge {bridge}"] if Path("/sys/class/net", bridge).exists() else []
        volumes = self.virsh("vol-list", naming.POOL, check=False).split()
        found += [f"volume {v}" for v in volumes if v.startswith(mark)]
        for place in self.places:
            for folder, folders, files in os.walk(place):
                # the daemon's own log of a domain stays, and so do its notes about a network's ports
                if folder.endswith("/qemu/log") or folder.startswith("/run/libvirt/network"):
                    continue
                found += [f"{folder}/{n}" for n in (*folders, *files) if mark in n]
        found += [f"process {pid}: {line[:80]}" for pid, line in _processes() if f"{mark}." in line]
        return sorted(set(found))

    def status(self, name: str) -> dict[str, Any] | None:
        """What ``status -o json`` tells of an instance."""
        import json

        entries = json.loads(self("status", "-o", "json").ended(0).out)
        return next((entry for entry in entries if entry["instance"] == name), None)


def together(*processes: subprocess.Popen[bytes]) -> list[str]:
    """Waits for commands that run side by side and have to end well; what they said, each."""
    told = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    return [out.decode() for out, _ in told]


def _processes() -> list[tuple[int, str]]:
    """Process id and command line of each process but those that run virtlab."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line.startswith(("/usr/bin/qemu", "qemu", "/usr/sbin/dnsmasq", "dnsmasq", "/usr/libexec/qemu")):
            found.append((int(entry.name), line))
    return found


def end_all_of(uid: int) -> None:
    """Ends every process of a throw-away account."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 5
        while pids := _pids_of(uid):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)


def _pids_of(uid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            ours = entry.name.isdigit() and entry.stat().st_uid == uid
            if ours and "\nState:\tZ" not in (entry / "status").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
