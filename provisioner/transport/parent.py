"""Talking to a guest through the guest that hosts it: one program there knows how, whatever the kind.

docs/guests-inside.md is the protocol. Its other side is templates/images/shared/guests-inside.sh.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from provisioner import errors
from provisioner.language import msg
from provisioner.model.lab import Guest
from provisioner.sanitize import plain_lines, printable
from provisioner.transport import files
from provisioner.transport.channel import left
from provisioner.transport.executor import DEFAULT_OUTPUT, DEFAULT_TIMEOUT, Transport
from provisioner.transport.following import Heard
from provisioner.transport.result import Result
from provisioner.units import MIB, format_seconds

INNER = "/usr/lib/virtlab/inner"
UNREACHABLE = 125  # how ``inner exec`` ends where it can't reach the guest, with one line on standard error
STATE_SECONDS = 20.0  # how long ``inner state`` may take
_NO_PROGRAM = (
    126,
    127,
)  # how a shell ends that can't run a program; of ``inner``'s verbs only exec may end so
_PUSH_CHUNK = 32 * 1024
_PULL_CHUNK = 512 * 1024
_SMALL_OUTPUT = 4096
_MOST_STATES = 16 * 1024
RUNNING = "running"
STOPPED = "stopped"
_STATES = (RUNNING, STOPPED)


class ParentTransport:
    """``Transport`` into the guest ``name`` of the guest that ``parent`` leads to.

    That one may itself be inside another. Bounded in time and size as the way to the parent is.
    """

    def __init__(self, parent: Transport, name: str) -> None:
        self._parent = parent
        self._name = name

    @property
    def label(self) -> str:
        return f"{self._parent.label.partition('/')[0]}/{self._name}"

    def ping(self, timeout: float) -> None:
        """See ``Transport``."""
        self.run(["true"], timeout=timeout, max_output=_SMALL_OUTPUT)

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002
        timeout: float = DEFAULT_TIMEOUT,
        max_output: int = DEFAULT_OUTPUT,
        heard: Heard | None = None,
    ) -> Result:
        """See ``Transport``."""
        if not argv or not argv[0]:
            raise errors.InputError(
                msg("no command given"), hint=f"{{virtlab}} exec {self.label} -- uname -a"
            )
        command = [INNER, "exec", self._name, "--", *argv]
        began = time.monotonic()
        held = _Held(heard) if heard is not None else None
        try:
            result = self._parent.run(
                command, input=input, timeout=timeout, max_output=max_output, heard=held
            )
        except errors.TookTooLong as error:
            if held is not None:
                held.let_go()
            seconds = format_seconds(time.monotonic() - began)
            raise errors.TookTooLong(
                msg(
                    "{label}: {command} was still running after {seconds} and was stopped",
                    label=self.label,
                    command=printable(argv[0], 60),
                    seconds=seconds,
                ),
                hint=errors.more_time(self.label),
            ) from error
        except (errors.NotReady, errors.Busy, errors.TooMuch):
            raise
        except errors.GuestError:
            if held is not None:
                held.let_go()
            raise
        if held is not None and (result.exit_code != UNREACHABLE or result.stdout):
            held.let_go()
        if argv[0] == INNER:
            return result  # on the way to a guest further in: whoever asked for that one judges it
        if result.exit_code == UNREACHABLE and result.stderr and not result.stdout:
            raise self._unreached(_line(result.stderr))
        if result.exit_code in _NO_PROGRAM and not result.stdout:
            _check_program(self._parent)  # else it is the command's own exit code
        return result

    def push(
        self, source: bytes | Path, remote: str, *, mode: int | None = None, timeout: float = 60.0
    ) -> None:
        """See ``Transport``."""
        files.push(self._until(timeout), self.label, source, remote, mode=mode, chunk=_PUSH_CHUNK)

    def pull(self, remote: str, *, max_bytes: int, timeout: float = 60.0) -> bytes:
        """See ``Transport``."""
        return files.pull(self._until(timeout), self.label, remote, max_bytes=max_bytes, chunk=_PULL_CHUNK)

    def shutdown(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Stops the guest; unlike a machine it is stopped when this returns."""
        stop(self._parent, self._name, timeout)

    def _unreached(self, why: str) -> errors.GuestError:
        """The error about a guest that could not be asked: it may be up, or not."""
        try:
            is_up = states(self._parent, STATE_SECONDS).get(self._name) == RUNNING
        except errors.GuestError:
            is_up = False
        if is_up:
            told = msg("{label} is up, and does not answer: {why}", label=self.label, why=why)
            return errors.Broken(told, hint=errors.start_anew(self.label))
        return errors.GuestError(
            msg("{label} can't be reached: {why}", label=self.label, why=why),
            hint=errors.start_it(self.label),
        )

    def _until(self, timeout: float) -> files.Run:
        deadline = time.monotonic() + timeout

        def run(argv: Sequence[str], data: bytes | None, most: int) -> Result:
            return self.run(argv, input=data, timeout=max(0.1, left(deadline)), max_output=most)

        return run


class _Held:
    """Hands on what is heard, but for a first line on standard error alone: it may be why the guest can't be
    reached, which becomes an error."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._line = b""
        self._is_open = False

    def __call__(self, stdout: bytes, stderr: bytes) -> None:
        if not self._is_open:
            self._line += stderr
            if not stdout and self._line.count(b"\n") <= 1:
                return
            stderr, self._line, self._is_open = self._line, b"", True
        self._heard(stdout, stderr)

    def let_go(self) -> None:
        """Hands on what was held back."""
        line, self._line, self._is_open = self._line, b"", True
        if line:
            self._heard(b"", line)


def definition(guest: Guest) -> bytes:
    """The definition of a guest for its parent's program: lines of KEY=VALUE, sizes in MiB."""
    keys = {
        "name": guest.name,
        "kind": guest.kind,
        "memory": guest.memory // MIB,
        "processors": guest.processor.count,
        "disks": len(guest.disks),
        "disk-sizes": " ".join(str(disk.size // MIB) for disk in guest.disks),
        "interfaces": len(guest.interfaces),
        "image": guest.image,
        "machine": guest.machine,
        "kernel-args": " ".join(guest.kernel_args),
        "hostname": guest.name,
        "accel": guest.accel,
        "hyperv": _switches(guest.hyperv),
        "kvm": _switches(guest.kvm),
        "timers": _switches(guest.clock.timers),
    }
    return "".join(f"{key}={value}\n" for key, value in keys.items()).encode()


def _switches(values: Mapping[str, bool | int]) -> str:
    """Each switch as NAME=on, NAME=off or NAME=NUMBER, separated by commas."""
    words = {True: "on", False: "off"}
    return ",".join(f"{name}={words[v] if isinstance(v, bool) else v}" for name, v in sorted(values.items()))


def start(parent: Transport, name: str, definition: bytes, timeout: float) -> None:
    """Starts the guest ``name``; returns when it answers. NotReady where that takes too long."""
    try:
        result = parent.run(
            [INNER, "start", name], input=definition, timeout=timeout, max_output=_SMALL_OUTPUT
        )
    except errors.TookTooLong as error:
        raise errors.NotReady(
            msg("it did not answer within {timeout}", timeout=format_seconds(timeout))
        ) from error
    _expect_success(parent, result)


def stop(parent: Transport, name: str, timeout: float) -> None:
    """Stops the guest ``name``. GuestError where that fails."""
    _expect_success(parent, parent.run([INNER, "stop", name], timeout=timeout, max_output=_SMALL_OUTPUT))


def said(parent: Transport, name: str) -> list[str]:
    """The last lines that the guest ``name`` printed, as far as its parent keeps and tells them."""
    try:
        result = parent.run([INNER, "said", name], timeout=STATE_SECONDS, max_output=_SMALL_OUTPUT)
    except errors.GuestError:
        return []
    if result.exit_code != 0:  # of images that were built before there was this verb
        return []
    return [line.rstrip() for line in plain_lines(result.stdout) if line.strip()]


def states(parent: Transport, timeout: float) -> dict[str, str]:
    """Each guest that the parent knows of: running or stopped. What else it says is not listened to."""
    result = parent.run([INNER, "state"], timeout=timeout, max_output=_MOST_STATES)
    _expect_success(parent, result)
    states_by_name = {}
    for line in result.stdout.decode("ascii", "replace").splitlines():
        words = line.split()
        if len(words) == 2 and words[1] in _STATES:
            states_by_name[words[0]] = words[1]
    return states_by_name


def typed_for_console(name: str) -> bytes:
    """What is typed at a shell of the parent to come to the console of the guest ``name``."""
    # Ctrl-U first, which takes away what somebody left half typed
    return f"\x15{INNER} console {name}; stty sane\r".encode()


def _check_program(parent: Transport) -> None:
    """Raises GuestError where a parent has no program for guests inside it."""
    if parent.run([INNER, "state"], timeout=STATE_SECONDS, max_output=_MOST_STATES).exit_code in _NO_PROGRAM:
        raise _no_program(parent)


def _no_program(parent: Transport) -> errors.GuestError:
    return errors.GuestError(
        msg("{label} can't run guests: its image has no {inner}", label=parent.label, inner=INNER),
        hint=msg("give it an image that can: image: in the lab file"),
    )


def _expect_success(parent: Transport, result: Result) -> None:
    if result.exit_code in _NO_PROGRAM:
        raise _no_program(parent)
    if result.exit_code != 0:
        said = (
            _line(result.stderr)
            or _line(result.stdout)
            or msg("{inner} ended with {exit_code}", inner=INNER, exit_code=result.exit_code)
        )
        raise errors.GuestError(said)


def _line(said: bytes) -> str:
    """The last line that a guest said, which is the one that says why."""
    lines = said.strip().splitlines()
    return printable(lines[-1].strip(), 300) if lines else ""
