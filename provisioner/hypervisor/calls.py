"""How every call to libvirt is made, so that none holds virtlab longer than it may.

A call of the binding waits in C for its answer, however long that takes: a daemon that is stopped never gives
one, and the thread that made the call handles no signal meanwhile. So each call has a thread of its own, and
whoever wants the answer waits beside it, which a signal can end. A call that is given up goes on unnoticed,
and ends with this process.

Where an answer takes long, the daemon is asked something else, over another connection. libvirt's own
keepalive is no help there: it begins when the connection is open, and takes a daemon for dead that reads no
more of a client's requests because five of them are under way (``max_client_requests`` in libvirtd.conf).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

from provisioner import errors, listener, side_by_side
from provisioner.language import msg
from provisioner.side_by_side import Begun

_T = TypeVar("_T")

PATIENCE = 20.0  # seconds that a daemon may be silent; an idle one answers within milliseconds
SOON = 3.0  # seconds until it is asked whether it still answers, and until the user is told that it does not
_CANCELLED_PATIENCE = 1.0  # where the work was told to stop
_LOOK = 0.2
_ASK = 1.0  # seconds for an answer to the other question
_GRACE = 0.5  # for a call under way when its caller is interrupted, so that its outcome is known
_SLOW = (
    10.0  # seconds until the user is told that a daemon which answers is not done; most take less than one
)
_LONGEST = 120.0  # for a single call of a daemon that answers; libvirt gives QEMU 40 s to end


class Calls:
    """The calls of one connection. ``name`` is what it is called in messages; ``remedy`` gives what helps
    where the daemon is silent; ``ask`` is a call to find out whether it is, and where there is none, it is.

    ``patience`` are the seconds that it may be silent. Where ``cancelled`` is set, that is not waited for.
    """

    def __init__(
        self,
        name: str = "libvirt",
        remedy: Callable[[], str | None] = lambda: None,
        *,
        ask: Callable[[], object] | None = None,
        patience: float = PATIENCE,
        cancelled: threading.Event | None = None,
    ) -> None:
        self.ask = ask
        self._name = name
        self._remedy = remedy
        self._patience = patience
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._asked: Begun[object] | None = None
        self._heard = 0.0
        self._told = False
        self._told_slow = False
        self._lost: float | None = None  # the seconds of silence after which it was given up
        self._given_up = False

    @property
    def is_whole(self) -> bool:
        """Whether no call was given up. Where one was, closing the connection would wait for it."""
        return not self._given_up

    def make(self, call: Callable[[], _T], *, within: float = _LONGEST) -> _T:
        """What the call gives. Raises what it raises; ConnectionFailed where the daemon is silent, and Busy
        where it answers and the call has not ended ``within`` so many seconds."""
        self._check()
        made = side_by_side.begin(call)
        try:
            self._wait(made, within)
        except BaseException:
            self._given_up = not made.ended(_GRACE) or self._given_up
            raise
        self._heard = time.monotonic()
        return made.result()

    def _wait(self, made: Begun[_T], within: float) -> None:
        began = time.monotonic()
        while not made.ended(_LOOK):
            self._check()
            now = time.monotonic()
            if now - began >= within:
                raise errors.Busy(
                    msg(
                        "{name} did not finish within {within} s, though its daemon answers: a QEMU or a "
                        "program that it waits for is stuck",
                        name=self._name,
                        within=f"{within:g}",
                    ),
                    hint=msg(
                        "see which, by its state (T: stopped, D: waits for a disk, Z: has ended): "
                        "ps -C qemu-system-x86_64 -o pid,stat,args"
                    ),
                )
            silent = now - max(began, self._heard)
            stopping = self._cancelled is not None and self._cancelled.is_set()
            if silent < (_CANCELLED_PATIENCE if stopping else SOON) or self._answers():
                if now - began >= _SLOW:
                    self._tell_slow(now - began, within)
                continue
            if stopping or silent >= self._patience:
                self._lost = silent
                self._check()
            self._tell(silent)

    def _check(self) -> None:
        """Raises ConnectionFailed where the daemon was found to be silent."""
        if self._lost is not None:
            raise errors.ConnectionFailed(
                msg(
                    "{name} has not answered for {lost} s: its daemon is stopped, or stuck",
                    name=self._name,
                    lost=f"{self._lost:.0f}",
                ),
                hint=self._remedy(),
            )

    def _answers(self) -> bool:
        """Whether the daemon answers another question, in whatever way. Asked again only after an answer."""
        if self.ask is None:
            return False
        with self._lock:
            self._asked = self._asked or side_by_side.begin(self.ask)
            if not self._asked.ended(_ASK):
                return False
            self._asked = None
            self._heard = time.monotonic()
            return True

    def _tell(self, silent: float) -> None:
        with self._lock:
            if self._told:
                return
            self._told = True
        listener.announce(
            msg(
                "waiting for {name}, whose daemon has not answered for {silent} s; virtlab gives up "
                "after {patience} s",
                name=self._name,
                silent=f"{silent:.0f}",
                patience=f"{self._patience:g}",
            )
        )

    def _tell_slow(self, seconds: float, within: float) -> None:
        with self._lock:
            if self._told_slow:
                return
            self._told_slow = True
        listener.announce(
            msg(
                "waiting for {name}, whose daemon answers, but has not finished for {seconds} s; virtlab "
                "gives up after {within} s",
                name=self._name,
                seconds=f"{seconds:.0f}",
                within=f"{within:g}",
            )
        )


# These are answered by libvirt's client, without the daemon.
_KNOWN_HERE = frozenset({"name", "UUIDString"})


class _Guarded:
    """An object of libvirt's, all of whose calls that ask the daemon are made by ``Calls``. So are those of
    what they return."""

    __slots__ = ("_calls", "_raw", "_within")

    def __init__(self, raw: object, calls: Calls, within: float) -> None:
        self._raw = raw
        self._calls = calls
        self._within = within

    def __getattr__(self, name: str) -> Callable[..., object]:
        function: Callable[..., object] = getattr(self._raw, name)
        return function if name in _KNOWN_HERE else partial(_call, self, function)


def _call(owner: _Guarded, function: Callable[..., object], *arguments: object) -> object:
    bare = partial(function, *map(_bare, arguments))
    return _guarded(owner._calls.make(bare, within=owner._within), owner)


def _bare(argument: object) -> object:
    if isinstance(argument, list):
        return [_bare(each) for each in argument]
    return argument._raw if isinstance(argument, _Guarded) else argument


def _guarded(value: object, owner: _Guarded) -> object:
    """What is no plain data is one of libvirt's objects."""
    if value is None or isinstance(value, str | bytes | int | float | dict):
        return value
    if isinstance(value, list | tuple):
        return type(value)(_guarded(each, owner) for each in value)
    return _Guarded(value, owner._calls, _LONGEST)


def guarded(handle: _T, calls: Calls) -> _T:
    """An object of libvirt's all of whose calls are made by ``calls``."""
    return cast(_T, _Guarded(handle, calls, _LONGEST))


def within(handle: _T, seconds: float) -> _T:
    """The same guarded object, whose calls raise Busy where one has not ended within so many seconds."""
    assert isinstance(handle, _Guarded)  # noqa: S101
    return cast(_T, _Guarded(handle._raw, handle._calls, seconds))


def on(handle: object, function: Callable[..., _T], *arguments: object) -> _T:
    """A function of libvirt's that is no method: what it gives for a guarded object and some arguments."""
    assert isinstance(handle, _Guarded)  # noqa: S101
    return cast(_T, _call(handle, partial(function, handle._raw), *arguments))
