"""Talking to a guest: run a command, push and pull a file. Bounded in size and time.

``Transport`` is the interface; ``AgentTransport`` the one through the QEMU guest agent, over
whichever channel the guest has.
"""

from __future__ import annotations

import base64
import binascii
import math
import secrets
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from provisioner import errors
from provisioner.language import msg
from provisioner.sanitize import printable
from provisioner.transport import files, following
from provisioner.transport.channel import SILENCE, AgentChannel, AgentSession, left
from provisioner.transport.following import Follower, Heard
from provisioner.transport.qga import RefusedError
from provisioner.transport.result import Result
from provisioner.transport.script import KILL, POWER_OFF, WORKS, wrapper
from provisioner.units import format_seconds

DEFAULT_TIMEOUT = 30.0
DEFAULT_OUTPUT = 1024 * 1024
_SMALL_ANSWER = 16 * 1024
_SHRINKABLE = 256  # bytes of input from which compressing pays
_KILL_SECONDS = 3.0
_MOST_TOLD = 200  # characters of why a guest can't run commands
# how a command ends that can't be started, and how the wrapper ends that has no room or no programs
_MAYBE_OURS = (125, 126, 127)
_FOLDER = "/tmp/virtlab."  # noqa: S108 - in the guest: where what a command writes is kept until it ends
_FIRST = "setsid"  # what the agent starts for every command


class Transport(Protocol):
    """A way to act inside one guest. Timeouts are in seconds, and include the time in a queue.

    Every method raises Busy where others hold the line until the timeout, NotReady where the guest does not
    answer in time, TooMuch where an answer is too long, and GuestError for everything else.
    """

    @property
    def label(self) -> str:
        """The guest, as the user writes it."""
        ...

    def ping(self, timeout: float) -> None:
        """Return when the guest answered."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002
        timeout: float = DEFAULT_TIMEOUT,
        max_output: int = DEFAULT_OUTPUT,
        heard: Heard | None = None,
    ) -> Result:
        """Run a program and wait for its end. At most ``max_output`` bytes of each output are kept.

        The rest is thrown away in the guest, and so is what processes in the background write after its end.
        ``heard`` is called with its output piece by piece, while it runs; then the program ends soon after
        this process, too, however that ends. A program that still runs after ``timeout`` is killed, where
        this process has ended, too, and GuestError is raised, when all that it wrote was heard. Raises
        InputError where ``argv`` and ``input``
        together have more than about 140 KiB.
        """
        ...

    def push(
        self, source: bytes | Path, remote: str, *, mode: int | None = None, timeout: float = 60.0
    ) -> None:
        """Write a file in the guest, whole or not at all. ``remote`` is absolute."""
        ...

    def pull(self, remote: str, *, max_bytes: int, timeout: float = 60.0) -> bytes:
        """The content of a file in the guest. Raises TooMuch where it is longer than ``max_bytes``."""
        ...

    def shutdown(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Ask the guest to power itself off. Returns when it has accepted that, and not when it is off."""
        ...


class AgentTransport:
    """``Transport`` through the QEMU guest agent. The guest needs a POSIX sh, head, cat, setsid."""

    def __init__(self, channel: AgentChannel) -> None:
        self._channel = channel
        self._tuning = channel.tuning

    @property
    def label(self) -> str:
        return self._channel.label

    def ping(self, timeout: float) -> None:
        """See ``Transport``."""
        deadline = time.monotonic() + timeout
        with self._session(deadline) as session:
            session.command("guest-ping", None, deadline=deadline, most=_SMALL_ANSWER)

    def check(self, timeout: float) -> None:
        """Return when the guest has shown that commands can be run in it. Raises Broken where they can't."""
        deadline = time.monotonic() + timeout
        with self._session(deadline) as session:
            self._check(session, deadline)

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002
        timeout: float = DEFAULT_TIMEOUT,
        max_output: int = DEFAULT_OUTPUT,
        heard: Heard | None = None,
        until: threading.Event | None = None,
    ) -> Result:
        """See ``Transport``. ``max_output`` is also bounded by what the channel carries at once.

        With ``until`` the agent is asked nothing before that event is set, because asking costs the guest
        time. For the same reason a program does not end then where this process was killed.
        """
        if not argv or not argv[0]:
            raise errors.InputError(
                msg("no command given"), hint=f"{{virtlab}} exec {self.label} -- uname -a"
            )
        deadline = time.monotonic() + timeout
        with self._session(deadline) as session:
            result = self._run(session, argv, input, deadline, max_output, heard, until)
            if result.exit_code in _MAYBE_OURS:
                self._check(session, time.monotonic() + SILENCE)
            return result

    def push(
        self, source: bytes | Path, remote: str, *, mode: int | None = None, timeout: float = 60.0
    ) -> None:
        """See ``Transport``."""
        files.check_remote(remote)
        deadline = time.monotonic() + timeout
        with self._session(deadline) as session:
            run = partial(self._helper, session, deadline)
            files.push(run, self.label, source, remote, mode=mode, chunk=self._tuning.push_chunk)

    def pull(self, remote: str, *, max_bytes: int, timeout: float = 60.0) -> bytes:
        """See ``Transport``."""
        files.check_remote(remote)
        deadline = time.monotonic() + timeout
        chunk = min(self._tuning.most_output, 1024 * 1024)
        with self._session(deadline) as session:
            run = partial(self._helper, session, deadline)
            return files.pull(run, self.label, remote, max_bytes=max_bytes, chunk=chunk)

    def shutdown(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """See ``Transport``."""
        deadline = time.monotonic() + timeout
        with self._session(deadline) as session:
            self._start(session, ["sh", "-c", POWER_OFF], None, deadline, capture=False)

    @contextmanager
    def _session(self, deadline: float) -> Iterator[AgentSession]:
        """A conversation with the agent. Raises Broken where it gives no answer, or none that makes sense."""
        try:
            with self._channel.session(deadline) as session:
                try:
                    yield session
                except RefusedError as error:
                    # it may be the request: one that is longer than the guest's kernel takes, for one
                    self._check(session, time.monotonic() + SILENCE)
                    raise errors.GuestError(error.message) from error
        except (errors.Broken, errors.QemuStopped):
            raise
        except errors.NotReady as error:
            told = msg(
                "{label} is up, and does not answer ({message})", label=self.label, message=error.message
            )
            raise errors.Broken(told, hint=errors.start_anew(self.label)) from error

    def _check(self, session: AgentSession, deadline: float) -> None:
        """Raises Broken where the guest lacks what every command needs."""
        try:
            pid = self._start(session, [_FIRST, "sh", "-c", WORKS, "sh", _FOLDER], None, deadline)
        except RefusedError as error:
            told = msg("its programs are gone, or can't be started ({program})", program=_FIRST)
            raise self._broken(told) from error
        try:
            status = self._await_end(session, pid, deadline, _MOST_TOLD)
        except RefusedError as error:
            raise self._broken(error.message) from error
        if status is None:
            raise self._broken(msg("a command that does nothing does not end"))
        if status.get("exitcode") != 0:
            raise self._broken(_told(status.get("err-data")) or msg("its shell fails"))

    def _broken(self, why: str) -> errors.Broken:
        told = msg("{label} is up, and can't run commands any more: {why}", label=self.label, why=why)
        return errors.Broken(told, hint=errors.start_anew(self.label))

    def _helper(
        self, session: AgentSession, deadline: float, argv: Sequence[str], data: bytes | None, most: int
    ) -> Result:
        return self._run(session, argv, data, deadline, most)

    def _run(
        self,
        session: AgentSession,
        argv: Sequence[str],
        data: bytes | None,
        deadline: float,
        max_output: int,
        heard: Heard | None = None,
        until: threading.Event | None = None,
    ) -> Result:
        begin = time.monotonic()
        most = max(0, min(max_output, self._tuning.most_output))
        packed = self._tuning.compress and data is not None and len(data) >= _SHRINKABLE
        compress, folder = self._tuning.compress, f"{_FOLDER}{secrets.token_hex(8)}"
        if until is not None:
            lease = 0  # it would count its seconds while somebody measures
        elif heard is not None:
            lease = following.LEASE_SECONDS
        else:
            lease = math.ceil(left(deadline) + _KILL_SECONDS)
        script = wrapper(most + 1, folder, compress=compress, packed_input=packed, lease=lease)
        if data is not None and packed:
            data = _gzip(data)
        follower = None
        if heard is not None:
            helper, piece = partial(self._small, session), self._tuning.look_piece
            follower = Follower(self.label, heard, helper, folder, most=most, piece=piece, compress=compress)
        pid = self._start(session, [_FIRST, "sh", "-c", script, "virtlab", *argv], data, deadline)
        try:
            if until is not None:
                until.wait(left(deadline))
            status = self._await_end(session, pid, deadline, most, follower)
            if follower is not None:
                still_runs = status is None
                until_then = max(deadline, time.monotonic()) + _KILL_SECONDS
                with suppress(errors.GuestError) if still_runs else nullcontext():
                    follower.rest(until_then, self._tuning.push_chunk, still_runs=still_runs)
        except BaseException as error:
            # it may run on in the guest: its end was not seen, or nobody waits for it any more
            if follower or isinstance(error, errors.NotReady) or not isinstance(error, Exception):
                self._kill(session, pid, folder)
            raise
        if status is None:
            self._kill(session, pid, folder)
            raise errors.TookTooLong(
                msg(
                    "{label}: {command} was still running after {seconds} and was stopped",
                    label=self.label,
                    command=printable(argv[0], 60),
                    seconds=format_seconds(time.monotonic() - begin),
                ),
                hint=msg("give it more time with --timeout"),
            )
        if follower is None:
            return self._result(status, most)
        if follower.has_looked:
            self._start(session, ["rm", "-rf", folder], None, time.monotonic() + _KILL_SECONDS, capture=False)
        return follower.result(self._result(status, most))

    def _small(self, session: AgentSession, argv: Sequence[str], deadline: float, most: int) -> Result:
        """Runs a helper that bounds its output itself."""
        pid = self._start(session, argv, None, deadline)
        status = self._await_end(session, pid, deadline, most)
        if status is None:
            raise errors.NotReady(msg("{command} did not end in time", command=argv[0]))
        return self._result(status, most)

    def _start(
        self,
        session: AgentSession,
        argv: Sequence[str],
        data: bytes | None,
        deadline: float,
        *,
        capture: bool = True,
    ) -> int:
        arguments: dict[str, object] = {"path": argv[0], "arg": list(argv[1:]), "capture-output": capture}
        if data:
            arguments["input-data"] = base64.b64encode(data).decode("ascii")
        answer = session.command("guest-exec", arguments, deadline=deadline, most=_SMALL_ANSWER)
        pid = answer.get("pid") if isinstance(answer, dict) else None
        if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
            raise self._nonsense("guest-exec")
        return pid

    def _await_end(
        self, session: AgentSession, pid: int, deadline: float, most: int, follower: Follower | None = None
    ) -> dict[str, object] | None:
        """The status of the command when it has ended, or None where it still runs at the deadline."""
        pause = self._tuning.first_poll
        bound = (most + most // 100 + 1024) * 2 * 4 // 3 + _SMALL_ANSWER
        # the answer to the last question may come late: the command has ended by then
        grace = deadline + _KILL_SECONDS
        while True:
            time.sleep(min(pause, left(deadline)))
            pause = min(pause * 1.6, self._tuning.slowest_poll)
            status = session.command("guest-exec-status", {"pid": pid}, deadline=grace, most=bound)
            if not isinstance(status, dict):
                raise self._nonsense("guest-exec-status")
            if status.get("exited") is True:
                return status
            if left(deadline) <= 0:
                return None
            if follower is not None:
                follower.look(grace)

    def _kill(self, session: AgentSession, pid: int, folder: str) -> None:
        """End a command and all that it started, as far as the guest still answers."""
        deadline = time.monotonic() + _KILL_SECONDS
        try:
            self._start(session, ["sh", "-c", KILL, "sh", str(pid), folder], None, deadline, capture=False)
        except (errors.GuestError, errors.HypervisorError):
            return

    def _result(self, status: dict[str, object], most: int) -> Result:
        code, signal = self._number(status.get("exitcode")), self._number(status.get("signal"))
        stdout = self._output(status.get("out-data"), most)
        stderr = self._output(status.get("err-data"), most)
        cut = len(stdout) > most or len(stderr) > most
        cut = cut or status.get("out-truncated") is True or status.get("err-truncated") is True
        return Result(code, signal, stdout[:most], stderr[:most], cut)

    def _number(self, value: object) -> int | None:
        if value is not None and (not isinstance(value, int) or not 0 <= value <= 0xFFFFFFFF):
            raise self._nonsense("guest-exec-status")
        return value

    def _output(self, data: object, most: int) -> bytes:
        if data is None:
            return b""
        if not isinstance(data, str):
            raise self._nonsense("guest-exec-status")
        try:
            raw = base64.b64decode(data, validate=True)
            if not raw or not self._tuning.compress:
                return raw
            unpacker = zlib.decompressobj(31)
            unpacked = unpacker.decompress(raw, most + 2)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise self._nonsense("guest-exec-status") from error
        if not unpacker.eof and len(unpacked) <= most:
            raise self._nonsense("guest-exec-status")
        return unpacked

    def _nonsense(self, execute: str) -> errors.Broken:
        told = msg(
            "{label}: the guest agent's answer to {execute} makes no sense", label=self.label, execute=execute
        )
        return errors.Broken(told, hint=errors.start_anew(self.label))


def _told(data: object) -> str:
    """What a guest says on standard error, uncompressed, as a line; empty where that makes no sense."""
    try:
        said = base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError):
        return ""
    return printable(said.strip(), _MOST_TOLD)


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()
