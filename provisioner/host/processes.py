"""Programs that virtlab runs on this host: iperf3, the other end of a network measurement."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner import errors

_START_SECONDS = 5.0
_END_SECONDS = 2.0
_LOOK_SECONDS = 0.01
_TRIES = 4
_STATE, _INODE = 3, 9  # columns of /proc/PID/net/tcp
_LISTEN = "0A"  # the state TCP_LISTEN there (Linux, include/net/tcp_states.h)
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin", "/usr/local/bin"])


@contextmanager
def iperf3_server(address: str) -> Iterator[int]:
    """An iperf3 server on that address of this host only; the value is its port. It ends with the block.

    It also ends when this process does, however that ends. Raises HypervisorError where it does not start.
    """
    iperf3, setpriv = (shutil.which(name, path=_PLACES) for name in ("iperf3", "setpriv"))
    if iperf3 is None or setpriv is None:
        missing = "iperf3" if iperf3 is None else "setpriv (util-linux)"
        raise errors.HypervisorError(
            f"the far end of the network measurement is missing on this host: {missing}",
            hint="install it: sudo apt-get install -y iperf3, or your system's package of that name",
        )
    process, port = _started(setpriv, iperf3, address)
    try:
        yield port
    finally:
        _end(process)


def _started(setpriv: str, iperf3: str, address: str) -> tuple[subprocess.Popen[bytes], int]:
    said = ""
    for _ in range(_TRIES):
        port = _free_port(address)
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
    raise errors.HypervisorError(f"iperf3 does not start on {address}: {said[:200] or 'it says nothing'}")


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise errors.HypervisorError(
                f"nothing can listen on {address}, the host's end of the lab's network: {error.strerror}"
            ) from error
        return int(probe.getsockname()[1])


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
