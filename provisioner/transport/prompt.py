"""Asks a system that has no agent, and reads commands at its serial console."""

from __future__ import annotations

import re
import time
from typing import Protocol

from provisioner import errors
from provisioner.language import msg
from provisioner.sanitize import plain_lines
from provisioner.transport.channel import left

_MOST_BYTES = 64 * 1024
_AGAIN_SECONDS = 1.5  # QEMU takes up to a second to notice that somebody listens
_LONGEST_LINE = 200


class Stream(Protocol):
    """See ``hypervisor.streams.CharStream``."""

    ended: bool

    def read(self, deadline: float) -> bytes: ...

    def write(self, data: bytes, deadline: float) -> None: ...


def ask(stream: Stream, label: str, prompt: str, line: str, deadline: float) -> list[str]:
    """The lines that the guest prints between the typed line and its next prompt: printable, and none empty.

    ``deadline`` is in seconds of ``time.monotonic``. Enter is pressed first, so that something half typed
    does not become a part of the line. Raises NotReady where no answer came in time, TooMuch where it is
    longer than 64 KiB, and GuestError where the guest stops.
    """
    waiting = re.compile(rf"(?:^|\n){re.escape(prompt)}\Z")
    typed = re.compile(rf"(?:^|\n){re.escape(prompt + line)}\n(.*?)(?:^|(?<=\n)){re.escape(prompt)}", re.S)
    received = bytearray()
    while not waiting.search(_plain(received)):
        stream.write(b"\r", deadline)
        _receive(stream, label, received, min(deadline, time.monotonic() + _AGAIN_SECONDS), waiting)
        if left(deadline) <= 0:
            told = msg("{label} is up, and does not wait for a line at its console", label=label)
            raise errors.Broken(told, hint=errors.start_anew(label))
    stream.write(line.encode("ascii") + b"\r", deadline)
    _receive(stream, label, received, deadline, typed)
    answer = typed.search(_plain(received))
    if answer is None:
        raise errors.NotReady(
            msg("{label} gave no complete answer at its console to {line}", label=label, line=line),
            hint=errors.more_time(label),
        )
    return [text.strip() for text in answer[1].split("\n") if text.strip()]


def _receive(
    stream: Stream, label: str, received: bytearray, deadline: float, until: re.Pattern[str]
) -> None:
    """Reads until the text contains what is looked for, or until the deadline."""
    while left(deadline) > 0:
        received += stream.read(deadline)
        if len(received) > _MOST_BYTES:
            raise errors.TooMuch(
                msg(
                    "{label} printed more than {size} KiB on its console",
                    label=label,
                    size=_MOST_BYTES // 1024,
                )
            )
        if until.search(_plain(received)):
            return
        if stream.ended:
            raise errors.GuestError(
                msg("the console of {label} closed", label=label), hint=errors.see_status(label)
            )


def _plain(received: bytearray) -> str:
    """The text, safe to show, a line for each of the guest's; line ends may come as LF CR, too."""
    data = bytes(received).replace(b"\n\r", b"\n")
    return "\n".join(plain_lines(data, _LONGEST_LINE))
