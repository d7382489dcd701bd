"""libvirt's streams: guests' serial ports and consoles, and the upload of volumes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

import libvirt

from provisioner import errors
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.hypervisor.storage import Volume
from provisioner.language import msg

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import RawStream

BULK_CHUNK = 256 * 1024
_WOULD_BLOCK = -2
_CHUNK = 64 * 1024
_NO_MATTER = (libvirt.libvirtError, errors.HypervisorError)  # where something is closed
_ENDED = libvirt.VIR_STREAM_EVENT_ERROR | libvirt.VIR_STREAM_EVENT_HANGUP


class CharStream:
    """A guest's serial port or console, in both directions. A context manager.

    With ``on_data``, each chunk that is received goes to that callback, in the thread of events, so it must
    be quick. Without it, at most ``limit`` bytes are kept for ``read``; older ones are dropped and counted in
    ``dropped``. ``on_end`` is called once, when the other side closes.
    """

    def __init__(
        self,
        stream: RawStream,
        *,
        on_data: Callable[[bytes], None] | None = None,
        on_end: Callable[[], None] | None = None,
        limit: int = 1024 * 1024,
    ) -> None:
        self._stream = stream
        self._on_data = on_data
        self._on_end = on_end
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._closed = False
        self.ended = False
        self.dropped = 0
        with translated(msg("can't listen to the guest's console")):
            stream.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE | _ENDED, self._on_event, None)

    def __enter__(self) -> CharStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, deadline: float) -> bytes:
        """Everything that has been received. Waits for the first byte.

        Returns b"" where ``deadline`` (monotonic seconds) passes, and where the other side has closed and
        everything was read; ``ended`` says which of the two.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self.ended, timeout=max(0.0, deadline - time.monotonic())
            )
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            return data

    def write(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``, as fast as the daemon accepts it.

        Raises HypervisorError where the stream is closed, Busy where ``deadline`` passes first.
        """
        view = memoryview(data)
        while view:
            if self.ended:
                raise errors.HypervisorError(msg("the guest's console is closed"), hint="{virtlab} status")
            with translated(msg("can't write to the guest's console")):
                sent = self._stream.send(bytes(view[:_CHUNK]))
            if sent == _WOULD_BLOCK:
                if time.monotonic() >= deadline:
                    raise errors.Busy(
                        msg("the guest's console takes no more input"), hint=msg("try again later")
                    )
                time.sleep(0.02)
                continue
            view = view[sent:]

    def close(self) -> None:
        """Close the console, so that somebody else can open it. Closing it twice is no error."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
        with suppress(*_NO_MATTER):  # it removed itself when the other side closed
            self._stream.eventRemoveCallback()
        _abort(self._stream)
        self._finish()

    def _on_event(self, stream: RawStream, events: int, _opaque: object) -> None:
        if events & libvirt.VIR_STREAM_EVENT_READABLE:
            if self._receive(stream):
                return
        elif not events & _ENDED:
            return
        with suppress(libvirt.libvirtError):
            stream.eventRemoveCallback()
        self._finish()

    def _receive(self, stream: RawStream) -> bool:
        """Take what has arrived. False where the stream has ended."""
        try:
            data = stream.recv(_CHUNK)
        except libvirt.libvirtError:
            return False
        if isinstance(data, int):  # nothing has arrived
            return True
        if not data:
            return False
        if self._on_data is not None:
            self._on_data(data)
            return True
        with self._changed:
            self._waiting.append(data)
            self._size += len(data)
            while self._size > self._limit:
                lost = len(self._waiting.popleft())
                self._size -= lost
                self.dropped += lost
            self._changed.notify_all()
        return True

    def _finish(self) -> None:
        with self._changed:
            if self.ended:
                return
            self.ended = True
            self._changed.notify_all()
        if self._on_end is not None:
            self._on_end()


def open_console(
    domain: Domain,
    device: str | None,
    *,
    label: str,
    on_data: Callable[[bytes], None] | None = None,
    on_end: Callable[[], None] | None = None,
    limit: int = 1024 * 1024,
) -> CharStream:
    """Open a character device of an active domain: ``device`` is its alias, such as ``serial1``.

    None takes the first console. ``events.ensure_running`` must have come before the connection. Raises Busy
    where somebody else has it open, GuestError where the guest is not running, and HypervisorError otherwise.
    Nobody else's session is ever closed.
    """
    conn = domain.handle.connect()
    if device in (None, "serial0"):
        doing = msg("can't open the console of {label}", label=label)
    else:
        doing = msg("can't open the {device} of {label}", device=device, label=label)
    with translated(doing):
        stream = conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
    try:
        domain.handle.openConsole(device, stream, 0)
    except libvirt.libvirtError as error:
        if code_of(error) == libvirt.VIR_ERR_OPERATION_FAILED:
            raise errors.Busy(
                msg("{doing}: somebody else is using it", doing=doing),
                hint=msg("close the other session, or try again in a moment"),
            ) from error
        if code_of(error) == libvirt.VIR_ERR_OPERATION_INVALID:
            raise errors.GuestError(
                msg("{doing}: {label} is not running", doing=doing, label=label),
                hint=errors.see_status(label),
            ) from error
        raise translate(error, doing) from error
    return CharStream(stream, on_data=on_data, on_end=on_end, limit=limit)


def upload(
    volume: Volume,
    source: BinaryIO,
    length: int,
    progress: Callable[[int], None] | None = None,
    *,
    doing: str = msg("can't upload"),
) -> None:
    """Fills a volume with ``length`` bytes of ``source``.

    ``progress`` gets the number of bytes sent so far. Raises ImageError where the source is
    shorter than ``length``, HypervisorError where libvirt refuses. The stream is aborted then.
    """
    sent = 0
    with translated(doing):
        stream = volume.handle.connect().newStream()
        volume.handle.upload(stream, 0, length)
    try:
        while sent < length:
            chunk = source.read(min(BULK_CHUNK, length - sent))
            if not chunk:
                raise errors.ImageError(
                    msg(
                        "{doing}: it ends after {sent} of {length} bytes",
                        doing=doing,
                        sent=sent,
                        length=length,
                    )
                )
            view = memoryview(chunk)
            while view:
                with translated(doing):
                    view = view[stream.send(bytes(view)) :]
            sent += len(chunk)
            if progress is not None:
                progress(sent)
        with translated(doing):
            stream.finish()
    except BaseException:
        _abort(stream)
        raise


def _abort(stream: RawStream) -> None:
    with suppress(*_NO_MATTER):  # it has ended already
        stream.abort()
