"""The pools and volumes of the daemon in memory, and streams."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

import libvirt

from tests.fakes.daemon import Action, Line, failure


@dataclass
class StoredVolume:
    capacity: int
    content: bytearray = field(default_factory=bytearray)
    backing: str | None = None


@dataclass
class StoredPool:
    name: str
    path: str
    xml: str
    active: bool = False
    volumes: dict[str, StoredVolume] = field(default_factory=dict)
    away: bool = False  # its folder is not there
    deleted: set[str] = field(default_factory=set)  # files that went without libvirt: it still lists them
    unknown: set[str] = field(default_factory=set)  # files that came without libvirt: it lists none of them


class Piped:
    """``libvirt.virStream``: of a console, or of an upload."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._callback: Callable[[Piped, int, object], None] | None = None
        self._sink: bytearray | None = None
        self._waiting = bytearray()
        self.on_abort: Action | None = None

    def fill(self, volume: StoredVolume) -> None:
        volume.content.clear()
        self._sink = volume.content

    def send(self, data: bytes) -> int:
        self._line.enter("stream.send")
        if self._sink is not None:
            self._sink += data
        return len(data)

    def recv(self, nbytes: int) -> bytes:
        data = bytes(self._waiting[:nbytes])
        del self._waiting[:nbytes]
        return data

    def finish(self) -> int:
        self._line.enter("stream.finish")
        return 0

    def abort(self) -> int:
        if self.on_abort is not None:
            self.on_abort()
        return 0

    def eventAddCallback(
        self, events: int, callback: Callable[[Piped, int, object], None], opaque: object
    ) -> None:
        self._callback = callback

    def eventRemoveCallback(self) -> int:
        self._callback = None
        return 0

    def say(self, data: bytes) -> None:
        """The other side writes."""
        self._waiting += data
        if self._callback is not None:
            self._callback(self, libvirt.VIR_STREAM_EVENT_READABLE, None)

    def hang_up(self) -> None:
        """The other side closes."""
        if self._callback is not None:
            self._callback(self, libvirt.VIR_STREAM_EVENT_HANGUP, None)


class Pooled:
    """``libvirt.virStoragePool``."""

    def __init__(self, line: Line, name: str) -> None:
        self._line = line
        self._name = name

    def _stored(self, call: str) -> StoredPool:
        self._line.enter(f"pool.{call}")
        return self._line.daemon.pools[self._name]

    def isActive(self) -> int:
        return int(self._stored("isActive").active)

    def XMLDesc(self, flags: int = 0) -> str:
        return self._stored("XMLDesc").xml

    def build(self) -> int:
        self._stored("build")
        return 0

    def create(self) -> int:
        stored = self._stored("create")
        if stored.away:
            text = f"cannot open directory '{stored.path}': No such file or directory"
            raise failure("SYSTEM_ERROR", text, domain="STORAGE")
        stored.active = True
        return 0

    def createXML(self, xml: str) -> Vol:
        stored, root = self._stored("createXML"), ElementTree.fromstring(xml)
        name, kind = root.findtext("name", ""), root.find("target/format")
        if kind is not None and kind.get("type") not in ("raw", "qcow2"):
            text = f"unsupported configuration: unknown volume format type {kind.get('type')}"
            raise failure("CONFIG_UNSUPPORTED", text, domain="STORAGE")
        with self._line.daemon.lock:
            if name in stored.volumes:
                text = f"storage volume '{name}' exists already"
                raise failure("STORAGE_VOL_EXIST", text, domain="STORAGE")
            if name in stored.unknown:
                text = f"Requested operation is not valid: volume target path '{name}' already exists"
                raise failure("OPERATION_INVALID", text, domain="STORAGE")
            backing = root.findtext("backingStore/path")
            if backing is not None and not self._line.daemon.file_exists(backing):
                text = f"internal error: Child process (qemu-img create) unexpected exit status 1: {backing}"
                raise failure("INTERNAL_ERROR", text, domain="STORAGE")
            stored.volumes[name] = StoredVolume(int(root.findtext("capacity", "0")), backing=backing)
        return Vol(self._line, stored, name)

    def listAllVolumes(self) -> list[Vol]:
        stored = self._stored("listAllVolumes")
        with self._line.daemon.lock:
            return [Vol(self._line, stored, name) for name in stored.volumes]

    def storageVolLookupByName(self, name: str) -> Vol:
        stored = self._stored("storageVolLookupByName")
        if name not in stored.volumes:
            raise no_volume(name)
        return Vol(self._line, stored, name)


class Vol:
    """``libvirt.virStorageVol``."""

    def __init__(self, line: Line, pool: StoredPool, name: str) -> None:
        self._line = line
        self._pool = pool
        self._name = name

    def name(self) -> str:
        """Bytes of a name that are no UTF-8 are stored as surrogates, and refused as the binding does."""
        return self._name.encode(errors="surrogateescape").decode()

    def connect(self) -> Line:
        return self._line

    def delete(self) -> int:
        self._line.enter("volume.delete")
        with self._line.daemon.lock:
            if self._pool.volumes.pop(self._name, None) is None:
                raise no_volume(self._name)
            self._pool.deleted.discard(self._name)
        return 0

    def info(self) -> list[int]:
        return [0, self._stored("info").capacity, 0]

    def XMLDesc(self, flags: int = 0) -> str:
        stored = self._stored("XMLDesc")
        times = f"<timestamps><mtime>{zlib.crc32(stored.content)}</mtime></timestamps>"
        return (
            f"<volume><name>{self._name}</name><physical unit='bytes'>{len(stored.content)}</physical>"
            f"<target>{times}</target></volume>"
        )

    def _stored(self, call: str) -> StoredVolume:
        self._line.enter(f"volume.{call}")
        stored = self._pool.volumes.get(self._name)
        if stored is None or self._name in self._pool.deleted:
            raise no_volume(self._name)
        return stored

    def upload(self, stream: Piped, offset: int, length: int) -> int:
        self._line.enter("volume.upload")
        stream.fill(self._pool.volumes[self._name])
        return 0


def no_volume(name: str) -> libvirt.libvirtError:
    text = f"Storage volume not found: no storage vol with matching name '{name}'"
    return failure("NO_STORAGE_VOL", text, domain="STORAGE")
