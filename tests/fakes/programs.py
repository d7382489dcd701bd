"""What a command does in a guest of the daemon in memory: power off, and run guests inside."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provisioner.transport.parent import INNER


@dataclass
class Processes:
    """The commands that run in one guest, and the guests inside it, which are gone when it ends.

    ``behaviours`` of a guest inside: "answers" (the default), "fails" or "silent" (its start never ends).
    """

    behaviours: dict[str, str]
    inside: dict[str, str] = field(default_factory=dict)  # name -> running | stopped
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(100))
    _ended: dict[int, dict[str, object] | None] = field(default_factory=dict)

    def start(self, arguments: Sequence[str], shut_down: Callable[[], None]) -> int:
        """What ``guest-exec`` begins: a script that has the command as its own arguments, or one alone."""
        number = next(self._numbers)
        if "poweroff" in arguments[-1]:
            shut_down()
        command = list(arguments[4:])
        self._ended[number] = self._inner(command[1:]) if command[:1] == [INNER] else _said(0)
        return number

    def status(self, number: int) -> dict[str, object]:
        """What ``guest-exec-status`` tells."""
        return self._ended[number] or {"exited": False}

    def _inner(self, words: list[str]) -> dict[str, object] | None:
        """The program that a parent's image has (docs/guests-inside.md); None while it has not ended."""
        verb, name = words[0], words[1] if len(words) > 1 else ""
        if verb == "state":
            return _said(0, "".join(f"{each} {state}\n" for each, state in self.inside.items()))
        if verb == "said":
            return _said(0, f"the last words of {name}\n")
        if verb == "exec":
            if self.inside.get(name) != "running":
                return _said(125, error=f"{name} does not run")
            further = words[3:]
            return self._inner(further[1:]) if further[0] == INNER else _said(0)
        if verb == "stop":
            self.inside[name] = "stopped"
            return _said(0)
        behaviour = self.behaviours.get(name, "answers")
        if behaviour == "fails":
            return _said(1, error=f"no memory for {name}")
        self.inside[name] = "running"
        return None if behaviour == "silent" else _said(0)


def _said(code: int, output: str = "", *, error: str = "") -> dict[str, object]:
    status: dict[str, object] = {"exited": True, "exitcode": code}
    if output:
        status["out-data"] = base64.b64encode(output.encode()).decode()
    if error:
        status["err-data"] = base64.b64encode(f"{error}\n".encode()).decode()
    return status
