"""How a command in a guest ended, whichever transport ran it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """How a command in a guest ended.

    ``exit_code`` is as in a shell: 126 and 127 for a command that can't be started, 128 + N after signal N.
    It is None, and ``signal`` is set, only where the wrapper itself was killed. ``truncated`` says that there
    was more output than was kept.
    """

    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool
