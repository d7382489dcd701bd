"""Programs that virtlab runs on this host: iperf3, the other end of a network measurement, and some that it
asks."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner import errors
from provisioner.language import msg

_START_SECONDS = 5.0
_END_SECONDS = 2.0
_LOOK_SECONDS = 0.01
_TRIES = 4
PORTS = range(5201, 5233)  # iperf3's own and those after it: few enough for a firewall's rule to name them
_ANSWER_SECONDS = 10.0
_SYSTEM_PLACES = "/usr/sbin:/usr/bin:/sbin:/bin"
_STATE, _INODE = 3, 9  # columns of /proc/PID/net/tcp
_LISTEN = "0A"  # the state TCP_LISTEN there (Linux, include/net/tcp_states.h)
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin", "/usr/local/bin"])


@contextmanager
def iperf3_server(address: str, port: int | None = None) -> Iterator[int]:
    """An iperf3 server on that address of this host only; the value is its port: the given one, or one of
    ``PORTS``. It ends with the block.

    It also ends when this process does, however that ends. Raises HypervisorError where it does not start.
    """
    iperf3, setpriv = (shutil.which(name, path=_PLACES) for name in ("iperf3", "setpriv"))
    if iperf3 is None or setpriv is None:
        missing = "iperf3" if iperf3 is None else "setpriv (util-linux)"
        raise errors.HypervisorError(
            msg("the far end of the network measurement is missing on this host: {missing}", missing=missing),
            hint=msg("install it: sudo apt-get install -y iperf3, or your system's package of that name"),
        )
    process, port = _started(setpriv, iperf3, address, port)
    try:
        yield port
    finally:
        _end(process)


def _started(
    setpriv: str, iperf3: str, address: str, wanted: int | None
) -> tuple[subprocess.Popen[bytes], int]:
    said = ""
    for _ in range(_TRIES):
        port = wanted or free_ports(address, 1)[0]
        process = subprocess.Popen(
            [
                setpriv,
                "--pdeathsig",
                "KILL",
                iperf3,
                "-s",
                "-4",
                "-B",
                address,
                "-p",
                str(port),
                "--forceflush",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for virtlab, which ends it
        )
        if _listens(process):
            return process, port
        said = _last_words(process)  # somebody else took the port meanwhile, or the address is not usable
    raise errors.HypervisorError(
        msg(
            "iperf3 does not start on {address}: {said}",
            address=address,
            said=said[:200] or msg("it says nothing"),
        )
    )


def free_ports(address: str, count: int) -> list[int]:
    """Some of ``PORTS`` on which nothing listens there. Raises HypervisorError where there are too few.

    The search begins anywhere, because several servers may be started at the same moment.
    """
    start = secrets.randbelow(len(PORTS))
    free: list[int] = []
    for port in (*PORTS[start:], *PORTS[:start]):
        if len(free) == count:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as iperf3 does
            try:
                probe.bind((address, port))
                probe.listen()
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise errors.HypervisorError(
                    msg(
                        "nothing can listen on {address}, the host's end of the lab's network: {reason}",
                        address=address,
                        reason=error.strerror,
                    )
                ) from error
            free.append(port)
    if len(free) == count:
        return free
    raise errors.HypervisorError(
        msg(
            "programs of this host listen on all ports from {first} to {last} of {address}",
            first=PORTS[0],
            last=PORTS[-1],
            address=address,
        ),
        hint=msg("end those that nobody needs: ss -tlnp"),
    )


def _listens(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process listens for TCP connections in time, and before it ends."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _has_listening_socket(Path("/proc") / str(process.pid)):
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _has_listening_socket(proc: Path) -> bool:
    """Whether the process with that folder in /proc has such a socket (proc(5): /proc/PID/net/tcp, fd)."""
    try:
        rows = [row.split() for row in (proc / "net" / "tcp").read_text().splitlines()[1:]]
        listening = {f"socket:[{row[_INODE]}]" for row in rows if row[_STATE] == _LISTEN}
        return any(str(file.readlink()) in listening for file in (proc / "fd").iterdir())
    except OSError:
        return False  # it has ended, or closed a file meanwhile


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """Ends the process, and returns what it printed, in one line."""
    process.kill()
    output, _ = process.communicate()
    return " ".join(output.decode("utf-8", "replace").split()).strip("- ")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def is_installed(program: str) -> bool:
    """Whether the system has that program in one of its own folders."""
    return shutil.which(program, path=_SYSTEM_PLACES) is not None


def answer(*command: str) -> str | None:
    """What a program of the system printed; None where it is missing, fails, or takes more than ten
    seconds."""
    program = shutil.which(command[0], path=_SYSTEM_PLACES)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def can_listen(address: str, port: int) -> bool | None:
    """Whether a server can listen on that port of an address, over TCP and UDP. None where it may not try."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                if kind is socket.SOCK_STREAM:
                    probe.listen()
            except PermissionError:
                return None
            except OSError as error:
                return error.errno != errno.EADDRINUSE
    return True
