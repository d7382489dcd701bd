"""A system in a folder, running: own mounts, processes, names and network, and commands in it.

Its first process is the script ``enter`` beside this file. All that runs in it ends with that process,
which ends with the tests, however they end: its parent asks the kernel to kill it with them.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")  # in a system, a copy of the host's
ENTER = Path(__file__).with_name("enter")
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENDED_BY_TIMEOUT = 124  # the exit code of timeout(1)
# What a host's own way to package servers may need, handed on where it is set.
NETWORK_VARIABLES = (
    *("PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)


@dataclass(frozen=True)
class Account:
    """Who runs a command in a machine."""

    name: str
    home: str
    connection: str

    @property
    def told(self) -> str:
        """The account as a table's heading."""
        return f"{self.name}, `{self.connection}`"

    @property
    def clone(self) -> str:
        """Where this account has its clone of virtlab."""
        return f"{self.home}/virtlab"


ROOT = Account("root", "/root", "qemu:///system")
LEARNER = Account("learner", "/home/learner", "qemu:///session")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    command: str
    code: int
    out: str
    err: str
    seconds: float

    def ended(self, code: int = 0) -> Outcome:
        """Itself, where that was the exit code and no bug showed; else all that it said, as a failure."""
        said = f"$ {self.command}\n{self.out}\n{self.err}".rstrip()
        over = " (it took too long)" if self.code == ENDED_BY_TIMEOUT else ""
        assert self.code == code, f"exit code {self.code}{over} instead of {code}:\n{said}"
        assert "Traceback" not in self.err, f"a bug's traceback:\n{said}"
        return self


class Machine:
    """A running system. Use it as a context manager.

    ``online``: on the host's network, to download; otherwise on a network of its own, where there is only
    the machine itself, so that bridges and rules of its labs never meet the host's.
    """

    def __init__(self, root: Path, shared: Sequence[tuple[Path, str]] = (), *, online: bool = False) -> None:
        self._root = root
        self._shared = shared
        self._online = online
        self._process: subprocess.Popen[str] | None = None
        self.first = 0  # the process id of its process 1 here

    def __enter__(self) -> Machine:
        spaces = ["--mount", "--pid", "--uts", "--ipc", *([] if self._online else ["--net"])]
        places = [str(part) for pair in self._shared for part in pair]
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", *spaces, "--fork", "--kill-child"),
                *(str(ENTER), str(self._root), *places),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.first = int(self._process.stdout.readline() or 0)
        if self._process.stdout.readline() != "ready\n":
            self.__exit__()
            raise RuntimeError(f"the system in {self._root} could not be entered; its words are above")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()  # and with it process 1, and with that all the others
            self._process.communicate()
            self._process = None

    def run(
        self, *command: str, account: Account = ROOT, folder: str | None = None, limit: float = 120
    ) -> Outcome:
        """Runs a command as that account, in its home or ``folder``, for at most ``limit`` seconds."""
        given = {name: os.environ[name] for name in NETWORK_VARIABLES if name in os.environ}
        if "PIP_CERT" in os.environ:
            given["PIP_CERT"] = f"/{CERTIFICATES}"
        environment = {
            "HOME": account.home,
            "USER": account.name,
            "PATH": SEARCH_PATH,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            **given,
        }
        words = [f"{name}={value}" for name, value in environment.items()]
        identity = ["setpriv", f"--reuid={account.name}", f"--regid={account.name}", "--init-groups"]
        spaces = ["--mount", "--pid", "--uts", "--ipc", "--net"]
        argv = [
            *("nsenter", f"--target={self.first}", *spaces, "env", "-i", *words),
            *(*(identity if account != ROOT else []), "timeout", "--kill-after=10", str(limit)),
            *("sh", "-c", 'cd "$0" && exec "$@"', folder or account.home, *command),
        ]
        began = time.monotonic()
        # files, not pipes: a daemon that the command starts may keep them open
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False, timeout=limit + 60
            ).returncode
            seconds = time.monotonic() - began
            return Outcome(" ".join(command), code, _text(out), _text(err), seconds)

    def bootstrap(self, *command: str, account: Account, limit: float = 120) -> Outcome:
        """Runs ``./bootstrap COMMAND`` in the account's clone."""
        return self.run("./bootstrap", "--yes", *command, account=account, folder=account.clone, limit=limit)

    def virtlab(self, *args: str, account: Account, limit: float = 120) -> Outcome:
        """Runs ``./bootstrap virtlab ARGS`` in the account's clone, as the README says."""
        return self.run("./bootstrap", "virtlab", *args, account=account, folder=account.clone, limit=limit)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
