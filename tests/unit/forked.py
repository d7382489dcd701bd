"""virtlab in a process of its own each time, forked from one that has loaded all of its modules.

To start Python and to load modules takes nine tenths of a short command's processor time, and tests run more
than a thousand. What ends virtlab in the middle, gives it a terminal or looks at its start does without this.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_MOST = 1 << 17  # bytes of one request
# What virtlab's functions load when they are called.
_LATER = (
    *("jinja2", "libvirt", "libvirt_qemu", "markdown_it", "pygal", "rich.progress", "rich.table", "yaml"),
    *("hashlib", "importlib.metadata", "ipaddress", "platform", "uuid", "xml.etree.ElementTree"),
)


class Forked:
    """Starts virtlab again and again, as ``command`` would, which is Python and what goes before it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*command, "-c", Path(__file__).read_text(encoding="utf-8"), str(theirs.fileno())],
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        self._channel.close()
        self._process.wait(10)

    def run(
        self, args: Sequence[str], *, given: bytes, timeout: float, env: Mapping[str, str], cwd: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """As ``subprocess.run`` does it, with pipes for all three streams."""
        request = json.dumps({"args": args, "env": dict(env), "cwd": str(cwd)}).encode()
        (read, feed), *told = (os.pipe() for _ in range(4))
        theirs = [read, *(write for _, write in told)]
        socket.send_fds(self._channel, [request], theirs)
        for number in theirs:
            os.close(number)
        streams = {number: b"" for number, _ in told}
        _communicate(streams, feed, given, time.monotonic() + timeout)
        out, err, result = streams.values()
        pid, *code = map(int, result.split())
        if not code:
            with_what = [self._process.args, *args]
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(with_what, timeout, out, err)
        return subprocess.CompletedProcess(args, code[0], out, err)


def _communicate(streams: dict[int, bytes], feed: int, given: bytes, deadline: float) -> None:
    """Reads all streams to their ends, and writes what is given; no longer than to the deadline."""
    unsent = memoryview(given)
    with selectors.DefaultSelector() as selector:
        for number in streams:
            selector.register(number, selectors.EVENT_READ)
        os.set_blocking(feed, False)
        selector.register(feed, selectors.EVENT_WRITE)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                number = key.fd
                if number == feed:
                    try:
                        unsent = unsent[os.write(feed, unsent) :] if unsent else unsent
                    except BrokenPipeError:
                        unsent = unsent[:0]
                    ended = not unsent
                else:
                    data = os.read(number, 1 << 16)
                    streams[number] += data
                    ended = not data
                if ended:
                    selector.unregister(number)
                    os.close(number)
        for number in list(selector.get_map()):
            os.close(number)


def _load() -> None:
    import provisioner

    ours = pkgutil.walk_packages(provisioner.__path__, "provisioner.")
    names = [module.name for module in ours if not module.name.endswith("__main__")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of modules that few commands load; pytest itself hears of them
        for name in (*names, *_LATER):
            importlib.import_module(name)


def _serve(channel: socket.socket) -> None:
    """Forks for each request. Returns in the children, which are then to run virtlab."""
    _load()
    gc.freeze()  # what is not looked at stays shared with the children
    results: dict[int, int] = {}  # by process id: where to tell how it ended
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            os.read(woken, 1 << 12)
            _tell_ends(results)
        if channel in ready:
            request, numbers, _, _ = socket.recv_fds(channel, _MOST, 4)
            if not request:
                os._exit(0)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                channel.close()
                for number, target in zip(numbers, range(3), strict=False):
                    os.dup2(number, target)
                for number in (*numbers, *results.values(), woken, waker):
                    os.close(number)
                _become(**json.loads(request))
                return
            results[pid] = numbers.pop()
            os.write(results[pid], f"{pid} ".encode())
            for number in numbers:
                os.close(number)


def _tell_ends(results: dict[int, int]) -> None:
    while results:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        result = results.pop(pid)
        with suppress(BrokenPipeError):  # nobody waits any more for one that took too long
            os.write(result, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(result)


def _become(args: list[str], env: dict[str, str], cwd: str) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    import provisioner

    # as python -m provisioner has it, for the usage is told by it
    sys.modules["__main__"].__package__ = "provisioner"
    sys.argv = [str(Path(provisioner.__path__[0], "__main__.py")), *args]


def _run() -> int:
    """Runs virtlab; its exit code."""
    from provisioner.cli.app import main

    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    code = _run()
    sys.stderr.flush()  # main has seen to standard output
    os._exit(code)  # taking all modules apart, which Python does at its end, takes longer than most commands
