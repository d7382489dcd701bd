"""Runs the host's programs that build images. No other module of this room starts processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from provisioner.errors import ImageError
from provisioner.language import msg

_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")
_PACKAGES = {
    "apt-cache": "apt",
    "apt-config": "apt",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "depmod": "kmod",
    "debugfs": "e2fsprogs",
    "lz4": "lz4",
    "mke2fs": "e2fsprogs",
    "zstd": "zstd",
}
_LAST_LINES = 6
_LOOK_SECONDS = 0.2


def missing() -> list[str]:
    """The packages of programs that building images needs and that are not installed. lz4 is left out: few
    kernels need it."""
    return sorted({p for name, p in _PACKAGES.items() if name != "lz4" and _place(name) is None})


def run(
    command: Sequence[str],
    *,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    while_running: Callable[[], None] | None = None,
) -> bytes:
    """Run a program to its end, in the C locale, and give its standard output.

    ``environment`` adds to or replaces the caller's variables; ``while_running`` is called a few
    times a second. Raises ImageError where the program is missing (naming its package), and
    ToolFailed where it fails. No program outlives this call, whatever ends it.
    """
    program = _find(command[0])
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
        )
    except OSError as error:
        raise ImageError(
            msg("{command} can't be started: {reason}", command=command[0], reason=error.strerror)
        ) from error
    try:
        output, complaints = _wait(process, stdin, while_running)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        said = complaints.decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
        raise ToolFailed(command[0], process.returncode, "\n".join(said))
    return output


def _wait(
    process: subprocess.Popen[bytes], stdin: bytes | None, while_running: Callable[[], None] | None
) -> tuple[bytes, bytes]:
    if while_running is None:
        return process.communicate(stdin)
    while True:
        try:
            return process.communicate(stdin, timeout=_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            while_running()


class ToolFailed(ImageError):
    """A program of the host ended with an error. ``said`` holds its last lines."""

    def __init__(self, program: str, status: int, said: str) -> None:
        super().__init__(
            msg(
                "{program} failed ({status}): {said}",
                program=program,
                status=status,
                said=said or msg("it gave no reason"),
            )
        )
        self.said = said


def _find(program: str) -> str:
    path = _place(program)
    if path is None:
        package = _PACKAGES.get(program, program)
        raise ImageError(
            msg("{program} is needed to build this image", program=program), hint=f"apt-get install {package}"
        )
    return path


def _place(program: str) -> str | None:
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), *_SYSTEM_FOLDERS]
    return shutil.which(program, path=os.pathsep.join(folders))
