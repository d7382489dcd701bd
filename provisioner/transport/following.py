"""Hears what a command in a guest writes while it runs, and keeps it alive: it ends with its caller."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from provisioner import errors
from provisioner.language import msg
from provisioner.transport.result import Result
from provisioner.transport.script import look

# What a caller is told: the next bytes of standard output, and of standard error.
Heard = Callable[[bytes, bytes], None]

LEASE_SECONDS = 8  # after its caller's end a command in a guest runs on for so long, and a second more
_FIRST_SECONDS = 0.7  # most commands have ended by then
_PAUSE_SECONDS = 1.0

# Runs a small program in the guest, without a wrapper: its words, the deadline, the bytes of each output.
Helper = Callable[[Sequence[str], float, int], Result]


class Follower:
    """Follows one command, whose output is kept in ``folder`` in the guest; see ``script.wrapper``."""

    def __init__(
        self,
        label: str,
        heard: Heard,
        helper: Helper,
        folder: str,
        *,
        most: int,
        piece: int,
        compress: bool,
    ) -> None:
        self._label = label
        self._heard = heard
        self._helper = helper
        self._folder = folder
        self._most = most
        self._piece = piece
        self._script = look(compress=compress)
        self._next = time.monotonic() + _FIRST_SECONDS
        self._stdout = bytearray()
        self._stderr = bytearray()
        self.has_looked = False  # the output comes from here, and no more from the command's own end
        self._is_too_late = False

    def look(self, deadline: float) -> None:
        """Looks, where it is time to."""
        if time.monotonic() >= self._next and not self._is_too_late:
            self._look(deadline, self._piece)
            self._next = time.monotonic() + _PAUSE_SECONDS

    def rest(self, deadline: float, piece: int, *, still_runs: bool) -> None:
        """Reads what is left, ``piece`` bytes at a time. A command that has ended may have told it itself."""
        while (self.has_looked or still_runs) and self._look(deadline, piece):
            continue

    def result(self, ended: Result) -> Result:
        """How the command ended, with all of its output; ``ended`` as the agent tells it."""
        if not self.has_looked:
            self._heard(ended.stdout, ended.stderr)
            return ended
        most = self._most
        cut = max(len(self._stdout), len(self._stderr)) > most
        return Result(
            ended.exit_code, ended.signal, bytes(self._stdout[:most]), bytes(self._stderr[:most]), cut
        )

    def _look(self, deadline: float, piece: int) -> bool:
        """Whether there may be more."""
        known = (str(len(self._stdout)), str(len(self._stderr)), str(piece), secrets.token_hex(4))
        found = self._helper(["sh", "-c", self._script, "sh", self._folder, *known], deadline, piece)
        if found.exit_code != 0:
            self._is_too_late = True
            if self.has_looked:
                raise errors.GuestError(
                    msg(
                        "{label}: the command was ended there: for {seconds} s nothing was heard of "
                        "its caller",
                        label=self._label,
                        seconds=LEASE_SECONDS,
                    ),
                    hint=msg("run it once more, and do not stop virtlab meanwhile"),
                )
            return False
        self.has_looked = True
        before = len(self._stdout), len(self._stderr)
        self._stdout += found.stdout
        self._stderr += found.stderr
        for output in (self._stdout, self._stderr):
            del output[self._most + 1 :]  # one more than is kept tells that there was more
        self._heard(bytes(self._stdout[before[0] : self._most]), bytes(self._stderr[before[1] : self._most]))
        return max(len(found.stdout), len(found.stderr)) >= piece
