"""libvirt's events: one loop in a thread that sleeps, and what happens to a single domain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

import libvirt

from provisioner import errors
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import translated
from provisioner.language import msg

_lock = threading.Lock()
_running = False

_STOP_REASONS = {
    libvirt.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: msg("it shut itself down"),
    libvirt.VIR_DOMAIN_EVENT_STOPPED_DESTROYED: msg("it was switched off"),
    libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED: msg("it crashed"),
    libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED: msg("it was moved to another host"),
    libvirt.VIR_DOMAIN_EVENT_STOPPED_SAVED: msg("it was saved to a file"),
    libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED: msg("QEMU ended with an error"),
}


def ensure_running() -> None:
    """Start libvirt's event loop, once for the process.

    Must be called before a connection is opened: one that was opened earlier sends no events.
    The thread sleeps in poll() and costs nothing while nothing happens.
    """
    global _running
    with _lock:
        if _running:
            return
        with translated(msg("can't start libvirt's event loop")):
            libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_run, name="libvirt-events", daemon=True).start()
        _running = True


def _run() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:
            time.sleep(0.1)


class DomainWatch:
    """Wakes its waiters when a domain stops or its agent connects. A context manager.

    ``stopped`` is None while the domain is active, and then the reason why it stopped. Watching starts on
    entry; what happened before is noticed, too. Raises HypervisorError on entry.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain.handle
        self._conn = domain.handle.connect()
        self._changed = threading.Condition()
        self._changes = 0
        self._callbacks: list[int] = []
        self.stopped: str | None = None

    def __enter__(self) -> DomainWatch:
        with translated(msg("can't watch the guest")):
            try:
                self._register(libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_lifecycle)
                self._register(libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, self._on_agent)
                if not self._domain.isActive():
                    self._note(msg("it is not running"))
            except BaseException:
                self._deregister()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deregister()

    @property
    def changes(self) -> int:
        """The number of events so far, to be passed to ``wait``."""
        with self._changed:
            return self._changes

    def wait(self, observed: int, deadline: float) -> bool:
        """Sleep until there are more than ``observed`` events. False where ``deadline`` (monotonic) passes
        first."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._changes > observed, timeout=max(0.0, deadline - time.monotonic())
            )

    def wait_stopped(self, deadline: float) -> bool:
        """Sleep until the domain has stopped. False where ``deadline`` (monotonic) passes first."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self.stopped is not None, timeout=max(0.0, deadline - time.monotonic())
            )

    def _register(self, event: int, callback: Callable[..., None]) -> None:
        self._callbacks.append(self._conn.domainEventRegisterAny(self._domain, event, callback, None))

    def _deregister(self) -> None:
        while self._callbacks:
            callback = self._callbacks.pop()
            try:
                self._conn.domainEventDeregisterAny(callback)
            except (libvirt.libvirtError, errors.HypervisorError):  # the connection is gone, and all with it
                continue

    def _on_lifecycle(self, _conn: object, _domain: object, event: int, detail: int, _opaque: object) -> None:
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
            self._note(_STOP_REASONS.get(detail, msg("it stopped")))
        elif event == libvirt.VIR_DOMAIN_EVENT_CRASHED:
            self._note(msg("it crashed"))

    def _on_agent(self, _conn: object, _domain: object, _state: int, _reason: int, _opaque: object) -> None:
        self._note(None)

    def _note(self, stopped: str | None) -> None:
        with self._changed:
            self.stopped = self.stopped or stopped
            self._changes += 1
            self._changed.notify_all()
