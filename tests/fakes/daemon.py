"""A libvirt daemon in memory: what it has, and libvirt's own errors where a call can't be carried out.

``Daemon`` holds the state, as long as the test wants; ``libvirtd.connect`` gives what ``libvirt.open`` would
give: objects that have the calls of ``provisioner.hypervisor.binding``. Codes and texts are those that
libvirt 9.0 gives with QEMU (src/qemu/qemu_driver.c, src/network/bridge_driver.c,
src/storage/storage_driver.c, src/rpc/virnetclient.c).

A test makes things go wrong with ``Daemon.on``: just before a call is carried out, something else happens,
such as another user taking the range, or the connection breaking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import libvirt

from provisioner.model import naming

if TYPE_CHECKING:
    from tests.fakes.filters import StoredFilter
    from tests.fakes.guests import StoredDomain
    from tests.fakes.networks import StoredNetwork
    from tests.fakes.storage import StoredPool

Action = Callable[[], None]

ElementTree.register_namespace(naming.METADATA_KEY, naming.METADATA_URI)


def failure(code: str, text: str, domain: str = "QEMU") -> libvirt.libvirtError:
    """The error that libvirt raises; ``code`` without VIR_ERR_, ``domain`` without VIR_FROM_."""
    error = libvirt.libvirtError("a call failed")
    number, source = getattr(libvirt, f"VIR_ERR_{code}"), getattr(libvirt, f"VIR_FROM_{domain}")
    error.err = (number, source, text, 2, None, None, None, -1, -1)
    return error


def invalid(text: str) -> libvirt.libvirtError:
    return failure("OPERATION_INVALID", f"Requested operation is not valid: {text}")


class Daemon:
    """The daemon. ``kvm`` is "works", "breaks" (QEMU ends with an error) or "absent" (not offered)."""

    def __init__(self, *, kvm: str = "absent") -> None:
        self.kvm = kvm
        self.disk_buses = ["fdc", "scsi", "virtio", "usb", "sata"]  # a pc machine has ide, too
        self.machines = ["pc", "pc-i440fx-7.2", "q35", "pc-q35-7.2"]
        self.has_uefi = True
        self.domains: dict[str, StoredDomain] = {}
        self.networks: dict[str, StoredNetwork] = {}
        self.filters: dict[str, StoredFilter] = {}
        self.pools: dict[str, StoredPool] = {}
        # of a domain: see guests.StoredDomain; of a guest inside one, by its own name: see programs.Processes
        self.behaviours: dict[str, str] = {}
        self.words: dict[str, bytes] = {}  # what a domain prints at its console when it runs
        self.lock = threading.RLock()
        self.lines: list[Line] = []
        self.calls: list[str] = []
        self._actions: dict[str, list[tuple[int, Action]]] = {}

    def on(self, call: str, action: Action, *, after: int = 0) -> None:
        """Before that call is carried out, once, but for the first ``after`` ones: does ``action``.

        Calls are named by libvirt's object and method: ``network.create``, ``domain.createWithFlags``.
        """
        self._actions.setdefault(call, []).append((after, action))

    def enter(self, call: str) -> None:
        with self.lock:
            self.calls.append(call)
            waiting = self._actions.pop(call, [])
            due = [action for after, action in waiting if not after]
            if left := [(after - 1, action) for after, action in waiting if after]:
                self._actions[call] = left
        for action in due:
            action()

    def file_exists(self, path: str) -> bool:
        """Whether QEMU finds a file; those outside of every pool are none of the daemon's."""
        for pool in self.pools.values():
            if path.startswith(f"{pool.path}/"):
                name = path.removeprefix(f"{pool.path}/")
                return name in pool.unknown or (name in pool.volumes and name not in pool.deleted)
        return True


class Line:
    """A client's line to the daemon: what all of libvirt's objects of one connection share."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.watchers: dict[int, tuple[str, int, Callable[..., None]]] = {}
        self._broken = 0
        daemon.lines.append(self)

    @property
    def broken(self) -> bool:
        return bool(self._broken)

    def cut(self) -> None:
        """The daemon ends, or the line to it does; what it runs goes on."""
        self._broken = 1

    def enter(self, call: str) -> None:
        """Every call comes through here first."""
        self._check()
        self.daemon.enter(call)
        self._check()

    def _check(self) -> None:
        if self._broken == 1:
            self._broken = 2
            raise failure("SYSTEM_ERROR", "End of file while reading data: Input/output error", domain="RPC")
        if self._broken:
            raise failure("INTERNAL_ERROR", "internal error: client socket is closed", domain="RPC")

    def close(self) -> int:
        self._broken = 2
        return 0


def identity(xml: str) -> tuple[str, str]:
    """The name and the UUID in a definition."""
    root = ElementTree.fromstring(xml)
    return root.findtext("name", ""), root.findtext("uuid", "")
