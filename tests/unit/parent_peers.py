"""Guests that host others, played by this machine's shell; and some that lie."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from provisioner import errors, paths
from provisioner.transport.following import Heard
from provisioner.transport.parent import INNER
from provisioner.transport.result import Result

# Its guests are folders; what is inside one runs in it.
SCRIPT = f"""\
kind=container called=folders memory=32 interfaces=0 home=.
. {paths.templates_dir()}/images/shared/guests-inside.sh
find_running() {{ [ "$(cat "$name/.state" 2>/dev/null)" = running ]; }}
start_guest() {{
    mkdir -p "$name"
    printf %s "$definition" >"$name/.definition"
    echo running >"$name/.state"
    echo "$name" >>.order
}}
stop_guest() {{ echo stopped >"$name/.state"; }}
enter() {{
    cd "$name" || exit
    [ "$1" != {INNER} ] || {{ shift; exec sh "$INNER_SCRIPT" "$@"; }}
    exec "$@"
}}
serve "$@"
"""


class Shell:
    """A ``Transport`` to a parent whose guests are in ``folder``."""

    def __init__(self, folder: Path, label: str = "lab/host") -> None:
        self.label = label
        self.folder = folder / "guests"
        self.folder.mkdir()
        self.script = folder / "inner"
        self.script.write_text(SCRIPT)
        self.calls: list[list[str]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002
        timeout: float = 30.0,
        max_output: int = 1 << 20,
        heard: Heard | None = None,
    ) -> Result:
        self.calls.append(list(argv))
        command = ["sh", str(self.script), *argv[1:]] if argv[0] == INNER else list(argv)
        environment = {"PATH": "/usr/bin:/bin", "INNER_SCRIPT": str(self.script)}
        try:
            done = subprocess.run(
                command,
                input=input or b"",
                capture_output=True,
                timeout=timeout,
                cwd=self.folder,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise errors.TookTooLong(f"{self.label}: {INNER} was still running and was stopped") from error
        out, err = done.stdout, done.stderr
        cut = len(out) > max_output or len(err) > max_output
        if heard is not None:
            heard(out[:max_output], err[:max_output])
        return Result(done.returncode, None, out[:max_output], err[:max_output], cut)

    def ping(self, timeout: float) -> None: ...

    def push(
        self, source: bytes | Path, remote: str, *, mode: int | None = None, timeout: float = 60.0
    ) -> None: ...

    def pull(self, remote: str, *, max_bytes: int, timeout: float = 60.0) -> bytes:
        raise NotImplementedError

    def shutdown(self, timeout: float = 30.0) -> None: ...


class Liar(Shell):
    """A parent that answers whatever it likes."""

    def __init__(self, folder: Path, answer: Callable[[], Result]) -> None:
        super().__init__(folder)
        self._answer = answer

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002
        timeout: float = 30.0,
        max_output: int = 1 << 20,
        heard: Heard | None = None,
    ) -> Result:
        return self._answer()
