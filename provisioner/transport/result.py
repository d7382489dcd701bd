"""How a command in a guest ended, whatever brought it there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """How a command in a guest ended.

    ``exit_code`` is the shell's: 126 and 127 for what can't be started, 128 + N after signal N.
    It is None, and ``signal`` set, only where the wrapper itself was killed. ``truncated`` says
    that there was more output than asked for.
    """

    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool
