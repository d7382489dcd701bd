"""Pushes and pulls files with commands alone, for every transport that can run commands.

A file is sent in pieces of a size that the line can carry. The guest needs a POSIX sh, cat, head, dd, wc and
mv.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from provisioner import errors
from provisioner.language import msg
from provisioner.sanitize import printable
from provisioner.transport.result import Result
from provisioner.transport.script import finish_push
from provisioner.units import format_size

_WORDS = 4096  # the most bytes that a helper may print


class Run(Protocol):
    """Runs a command in the guest, within a deadline that it keeps itself."""

    def __call__(self, argv: Sequence[str], data: bytes | None, most: int) -> Result: ...


def push(run: Run, label: str, source: bytes | Path, remote: str, *, mode: int | None, chunk: int) -> None:
    """Write a file in the guest, whole or not at all, with ``chunk`` bytes in each command."""
    check_remote(remote)
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise errors.InputError(
            msg(
                "can't read the file to send: {reason}: {filename}",
                reason=error.strerror,
                filename=error.filename,
            )
        ) from error
    part = f"{remote}.virtlab-part"
    failure = msg("can't write {remote}", remote=remote)
    for at in range(0, max(1, len(content)), chunk):
        write = ["sh", "-c", 'cat >>"$1"' if at else 'cat >"$1"', "sh", part]
        _checked(run, label, write, content[at : at + chunk], failure)
    finish = ["sh", "-c", finish_push(mode), "sh", part, remote, str(len(content))]
    _checked(run, label, finish, None, failure)


def pull(run: Run, label: str, remote: str, *, max_bytes: int, chunk: int) -> bytes:
    """The content of a file in the guest. Raises TooMuch where it is longer than ``max_bytes``."""
    check_remote(remote)
    content = bytearray()
    while True:
        # the first piece is read as a whole, as files in /proc want; later ones by seeking
        piece = ["head", "-c", str(chunk), remote]
        if content:
            piece = ["dd", f"if={remote}", f"bs={chunk}", f"skip={len(content) // chunk}", "count=1"]
        data = _checked(run, label, piece, None, msg("can't read {remote}", remote=remote), chunk).stdout
        content += data
        if len(content) > max_bytes:
            raise errors.TooMuch(
                msg(
                    "{label}: {remote} has more than {size}",
                    label=label,
                    remote=remote,
                    size=format_size(max_bytes),
                )
            )
        if len(data) < chunk:
            return bytes(content)


def check_remote(remote: str) -> None:
    """Raises InputError where it can't be the path of a file in a guest."""
    if not posixpath.isabs(remote) or remote.endswith("/") or "\0" in remote:
        raise errors.InputError(
            msg("{remote} is no absolute path of a file in a guest", remote=printable(remote, 100)),
            hint=msg("such as /tmp/notes.txt"),
        )


def _checked(
    run: Run, label: str, argv: Sequence[str], data: bytes | None, failure: str, most: int = _WORDS
) -> Result:
    """Run a helper. Raises GuestError with what it printed where it fails."""
    result = run(argv, data, most)
    if result.exit_code != 0:
        said = printable(result.stderr.strip(), 300) or msg(
            "exit code {exit_code}", exit_code=result.exit_code
        )
        raise errors.GuestError(msg("{label}: {failure}: {said}", label=label, failure=failure, said=said))
    return result
