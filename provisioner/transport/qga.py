"""The QEMU guest agent's protocol: lines of JSON, and how to synchronize on a raw serial line.

Nothing that comes from the guest is trusted: its size is limited before it is parsed, and it is checked
before it is used.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from provisioner import errors
from provisioner.language import msg
from provisioner.sanitize import printable
from provisioner.transport.channel import SILENCE, left

_SENTINEL = b"\xff"
# A port that nobody has opened yet loses as many bytes as fit in its FIFO. Newlines are no loss.
_PADDING = b"\n" * 32
_SYNC = "sync"
_MOST_REQUEST = 200 * 1024  # libvirt's own agent code fails on a message of a quarter of a MiB
_NOISE = 64 * 1024  # bytes of anything else to read past, for one answer
# QEMU looks once a second whether somebody has opened a line that was closed
_RESEND = (1.5, 2.0)
# an agent that starts drops what was sent just before
_RESEND_AFTER_HINT = (0.05, *(0.1,) * 8, 0.5)
_HINT_STEP = 0.05


class Line(Protocol):
    """Bytes both ways; see ``hypervisor.streams.CharStream``."""

    ended: bool
    dropped: int

    def read(self, deadline: float) -> bytes: ...

    def write(self, data: bytes, deadline: float) -> None: ...


def request(execute: str, arguments: Mapping[str, object] | None, token: str | None = None) -> bytes:
    """A command as the agent reads it, without a line end.

    Raises InputError for what can't be sent: NUL, undecodable bytes, or more than 200 KiB in all.
    """
    if not _sendable(arguments):
        raise errors.InputError(msg("a command for a guest can't hold NUL or undecodable bytes"))
    message: dict[str, object] = {"execute": execute}
    if arguments:
        message["arguments"] = arguments
    if token is not None:
        message["id"] = token
    text = json.dumps(message, separators=(",", ":"))
    if len(text) > _MOST_REQUEST:
        raise errors.InputError(
            msg("a command and its input are too long for a guest agent"),
            hint=msg("send the input as a file first"),
        )
    return text.encode("ascii")


def _sendable(value: object) -> bool:
    if isinstance(value, str):
        return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, Mapping):
        return all(_sendable(item) for item in value.values())
    return not isinstance(value, list) or all(_sendable(item) for item in value)


def parse(line: bytes | str) -> dict[str, object] | None:
    """The message in one line, whose length the caller has limited. None where it is no message."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


class RefusedError(errors.GuestError):
    """The agent answers, and did not do what it was asked."""


def too_much(label: str, most: int) -> errors.TooMuch:
    """For an answer of more than ``most`` bytes."""
    return errors.TooMuch(
        msg("{label}: the guest agent sent more than {most} bytes in one answer", label=label, most=most),
        hint=errors.start_anew(label),
    )


def value_of(message: Mapping[str, object], execute: str, label: str) -> object:
    """The value that a command returned. Raises RefusedError where the agent refused, or gave no valid
    answer."""
    if "return" in message:
        return message["return"]
    error = message.get("error")
    reason = error.get("desc") if isinstance(error, dict) else None
    shown = printable(reason, 300) if isinstance(reason, str) else msg("its answer has no meaning")
    raise RefusedError(
        msg("{label}: the guest agent refused {execute}: {shown}", label=label, execute=execute, shown=shown)
    )


class SerialSession:
    """The agent on a raw serial line. Call ``sync`` first, then ``command``."""

    def __init__(self, line: Line, label: str) -> None:
        self._line = line
        self._label = label
        self._buffer = bytearray()
        self._skipped = 0
        self._repeats_ids = False  # agents of QEMU before 4.0 do not

    def sync(
        self,
        deadline: float,
        hint: threading.Event | None = None,
        hopeless: threading.Event | None = None,
        *,
        any_answer: bool = False,
    ) -> None:
        """Synchronize with the agent, even where half of an earlier conversation is still on the line.

        The first request may be sent before the agent listens. It waits in the port until the agent opens it,
        so that the answer comes at the moment when the agent is up, without polling. Where several requests
        were sent, only the answer to the latest counts: answers to earlier ones would be taken for answers to
        commands. With ``any_answer``, for when no command follows, each of them counts. Raises NotReady at
        the deadline or where ``hopeless`` is set, TooMuch where the line is flooded, and GuestError where the
        guest stops.
        """
        tokens: set[int] = set()
        hinted = False
        waits = iter(_RESEND)
        slowest = _RESEND[-1]
        while left(deadline) > 0 and not (hopeless is not None and hopeless.is_set()):
            token = secrets.randbelow(2**31)
            tokens = tokens | {token} if any_answer else {token}
            sync = request("guest-sync-delimited", {"id": token}, _SYNC)
            self._line.write(_PADDING + _SENTINEL + sync + b"\n", deadline)
            self._skipped = 0
            wait = min(left(deadline), next(waits, slowest))
            if self._found(tokens, wait, None if hinted else hint):
                return
            if hint is not None and hint.is_set() and not hinted:
                hinted = True
                waits = iter(_RESEND_AFTER_HINT[1:])
                slowest = _RESEND_AFTER_HINT[-1]
        raise errors.NotReady(
            msg("the guest agent did not answer on its serial line"),
            hint=errors.look_at(self._label),
        )

    def _found(self, tokens: set[int], wait: float, hint: threading.Event | None) -> bool:
        """Whether one of these was answered within ``wait`` seconds, or sooner after the hint."""
        deadline = time.monotonic() + wait
        shortened = False
        while True:
            if hint is not None and hint.is_set() and not shortened:
                deadline, shortened = min(deadline, time.monotonic() + _RESEND_AFTER_HINT[0]), True
            step = deadline if hint is None or shortened else min(deadline, time.monotonic() + _HINT_STEP)
            line = self._next_line(step, _NOISE)
            if line is None:
                if left(deadline) <= 0:
                    return False
                continue
            head, sentinel, tail = line.rpartition(_SENTINEL)
            message = parse(tail) if sentinel else None
            answer = message.get("return") if message is not None else None
            if message is not None and isinstance(answer, int) and answer in tokens:
                self._repeats_ids = message.get("id") == _SYNC
                return True
            self._skip(len(head) + len(tail), _NOISE)

    def command(
        self, execute: str, arguments: Mapping[str, object] | None, *, deadline: float, most: int
    ) -> object:
        """See ``channel.AgentSession``."""
        token = secrets.token_hex(4)
        self._line.write(request(execute, arguments, token) + b"\n", deadline)
        self._skipped = 0
        while True:
            line = self._next_line(deadline, most)
            if line is None:
                raise errors.NotReady(
                    msg("no answer to {execute} in time", execute=execute),
                    hint=errors.look_at(self._label),
                )
            message = parse(line)
            if message is not None and message.get("id", None if self._repeats_ids else token) == token:
                return value_of(message, execute, self._label)
            self._skip(len(line), _NOISE)

    def _next_line(self, deadline: float, most: int) -> bytes | None:
        """A line of at most ``most`` bytes, without its end; None at the deadline, or where nothing came for
        too long."""
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if max(end, len(self._buffer) if end < 0 else 0) > most:
                self._buffer.clear()
                raise too_much(self._label, most)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return line
            searched = len(self._buffer)
            data = self._line.read(min(deadline, time.monotonic() + SILENCE))
            if self._line.dropped:
                raise errors.TooMuch(
                    msg("{label}: the guest floods its agent's serial line", label=self._label),
                    hint=errors.start_anew(self._label),
                )
            if not data:
                if self._line.ended:
                    raise errors.CutShort(
                        msg("{label}: the guest's serial line was closed", label=self._label),
                        hint=errors.see_status(self._label),
                    )
                return None
            self._buffer += data

    def _skip(self, size: int, most: int) -> None:
        self._skipped += size + 1
        if self._skipped > most:
            raise errors.TooMuch(
                msg("{label}: only noise on the guest agent's serial line", label=self._label),
                hint=errors.start_anew(self._label),
            )
