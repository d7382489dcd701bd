"""The domains of the daemon in memory, and the agents in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

import libvirt

from tests.fakes.daemon import Line, failure, identity, invalid
from tests.fakes.networks import no_network
from tests.fakes.programs import Processes
from tests.fakes.storage import Piped

RUNNING, PAUSED, OFF = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_SHUTOFF
_NO_KVM = (
    "internal error: process exited while connecting to monitor: Could not access KVM kernel module: "
    "No such file or directory"
)


@dataclass
class StoredDomain:
    """One domain, and what its guest does once it runs.

    ``behaviour`` is "answers" (its agent, at once), "silent" (it never does), "crashes" (QEMU ends as soon
    as its processors run), "deaf" (its agent answers, and no request makes it shut down), "bytes" (its
    agent answers with bytes that are no UTF-8, which libvirt's binding can't take) or "bare" (its agent
    answers, and the programs that it should run are gone).
    """

    name: str
    uuid: str
    xml: str
    behaviour: str = "answers"
    state: int = OFF
    reason: int = 0  # why it is paused
    persistent: bool = True
    live: dict[str, str] = field(default_factory=dict)  # metadata of what runs, and of nothing else, by URI
    consoles: dict[str, Piped] = field(default_factory=dict)
    processes: Processes = field(default_factory=lambda: Processes({}))

    @property
    def root(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.xml)


def define(line: Line, xml: str) -> Guest:
    """What ``defineXMLFlags`` does."""
    name, uuid = identity(xml)
    daemon = line.daemon
    if ElementTree.fromstring(xml).get("type") == "kvm" and daemon.kvm == "absent":
        emulator = "/usr/bin/qemu-system-x86_64"
        text = f"unsupported configuration: Emulator '{emulator}' does not support virt type 'kvm'"
        raise failure("CONFIG_UNSUPPORTED", text)
    with daemon.lock:
        there = daemon.domains.get(name)
        if there is None:
            behaviour = daemon.behaviours.get(name, "answers")
            processes = Processes(daemon.behaviours)
            daemon.domains[name] = StoredDomain(name, uuid, xml, behaviour, processes=processes)
        elif there.uuid != uuid:
            text = f"operation failed: domain '{name}' already exists with uuid {there.uuid}"
            raise failure("OPERATION_FAILED", text)
        else:
            there.xml, there.persistent = xml, True
    return Guest(line, name)


class Guest:
    """``libvirt.virDomain``."""

    def __init__(self, line: Line, name: str) -> None:
        self._line = line
        self._name = name

    def _stored(self, call: str) -> StoredDomain:
        self._line.enter(f"domain.{call}")
        try:
            return self._line.daemon.domains[self._name]
        except KeyError:
            text = f"Domain not found: no domain with matching name '{self._name}'"
            raise failure("NO_DOMAIN", text) from None

    def name(self) -> str:
        return self._name

    def connect(self) -> Line:
        return self._line

    def isActive(self) -> int:
        return int(self._stored("isActive").state != OFF)

    def isPersistent(self) -> int:
        return int(self._stored("isPersistent").persistent)

    def state(self) -> list[int]:
        stored = self._stored("state")
        return [stored.state, stored.reason if stored.state == PAUSED else 0]

    def info(self) -> list[int]:
        return [self._stored("info").state, 0, 0, 1, 0]

    def XMLDesc(self, flags: int = 0) -> str:
        return self._stored("XMLDesc").xml

    def metadata(self, kind: int, uri: str, flags: int) -> str:
        stored = self._stored("metadata")
        if flags == libvirt.VIR_DOMAIN_AFFECT_LIVE and stored.state == OFF:
            raise invalid("domain is not running")
        if uri in stored.live:
            return stored.live[uri]
        for element in stored.root.iterfind("metadata/*"):
            if element.tag.startswith(f"{{{uri}}}"):
                return ElementTree.tostring(element, encoding="unicode").strip()
        raise failure("NO_DOMAIN_METADATA", "metadata not found: Requested metadata element is not present")

    def setMetadata(self, kind: int, element: str, key: str, uri: str, flags: int) -> int:
        stored = self._stored("setMetadata")
        if flags != libvirt.VIR_DOMAIN_AFFECT_LIVE:
            raise NotImplementedError
        if stored.state == OFF:
            raise invalid("domain is not running")
        stored.live[uri] = element
        return 0

    def createWithFlags(self, flags: int) -> int:
        stored = self._stored("createWithFlags")
        if stored.state != OFF:
            raise invalid("domain is already running")
        for element in stored.root.iterfind("devices/disk/source"):
            if not self._line.daemon.file_exists(path := element.get("file", "")):
                raise failure(
                    "SYSTEM_ERROR", f"Cannot access storage file '{path}': No such file or directory"
                )
        for element in stored.root.iterfind("devices/interface/source"):
            network = self._line.daemon.networks.get(name := element.get("network", ""))
            if network is None:
                raise no_network(name)
            if not network.active:
                raise invalid(f"network '{name}' is not active")
        for element in stored.root.iterfind("devices/interface/filterref"):
            if (name := element.get("filter", "")) not in self._line.daemon.filters:
                raise failure("INTERNAL_ERROR", f"internal error: referenced filter '{name}' is missing")
        if stored.root.get("type") == "kvm" and self._line.daemon.kvm == "breaks":
            raise failure("INTERNAL_ERROR", _NO_KVM)
        stored.state = PAUSED if flags & libvirt.VIR_DOMAIN_START_PAUSED else RUNNING
        return 0

    def resume(self) -> int:
        stored = self._stored("resume")
        if stored.state == OFF:
            raise invalid("domain is not running")
        stored.state = RUNNING
        for stream in list(stored.consoles.values()):
            stream.say(self._line.daemon.words.get(self._name, b""))
        if stored.behaviour == "crashes":
            self._end(stored, libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED)
        elif stored.behaviour != "silent":
            self._tell(libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, 1, 1)
        return 0

    def suspend(self) -> int:
        stored = self._stored("suspend")
        if stored.state == OFF:
            raise invalid("domain is not running")
        stored.state = PAUSED
        return 0

    def shutdownFlags(self, flags: int) -> int:
        stored = self._stored("shutdownFlags")
        if stored.state == OFF:
            raise invalid("domain is not running")
        self._shut_down(stored)
        return 0

    def destroy(self) -> int:
        stored = self._stored("destroy")
        if stored.state == OFF:
            raise invalid("domain is not running")
        self._end(stored, libvirt.VIR_DOMAIN_EVENT_STOPPED_DESTROYED)
        return 0

    def undefineFlags(self, flags: int) -> int:
        stored = self._stored("undefineFlags")
        if stored.state == OFF:
            self._line.daemon.domains.pop(self._name, None)
        stored.persistent = False
        return 0

    def openConsole(self, device: str | None, stream: Piped, flags: int) -> int:
        stored, port = self._stored("openConsole"), device or "serial0"
        if stored.state == OFF:
            raise invalid("domain is not running")
        with self._line.daemon.lock:
            if port in stored.consoles:
                text = "operation failed: Active console session exists for this domain"
                raise failure("OPERATION_FAILED", text)
            stored.consoles[port] = stream

        def let_go() -> None:
            stored.consoles.pop(port, None)

        stream.on_abort = let_go
        return 0

    def agent(self, text: str) -> str:
        """What ``libvirt_qemu.qemuAgentCommand`` gives."""
        stored = self._stored("agent")
        if stored.state != RUNNING:
            raise invalid("domain is not running")
        if stored.behaviour == "silent":
            raise failure(
                "AGENT_UNRESPONSIVE", "Guest agent is not responding: QEMU guest agent is not connected"
            )
        if stored.behaviour == "bytes":
            return b'{"return": "\xff\x1b[2J"}'.decode()
        request = json.loads(text)
        if stored.behaviour == "bare" and request["execute"] == "guest-exec":
            words = "Failed to execute child process “setsid” (No such file or directory)"
            text = f"internal error: unable to execute QEMU agent command 'guest-exec': {words}"
            raise failure("INTERNAL_ERROR", text)
        answers: dict[str, Callable[[], object]] = {
            "guest-ping": dict,
            "guest-exec": lambda: {"pid": self._execute(stored, request["arguments"]["arg"])},
            "guest-exec-status": lambda: stored.processes.status(request["arguments"]["pid"]),
        }
        return json.dumps({"return": answers[request["execute"]]()})

    def _execute(self, stored: StoredDomain, arguments: list[str]) -> int:
        return stored.processes.start(arguments, lambda: self._shut_down(stored))

    def _shut_down(self, stored: StoredDomain) -> None:
        if stored.behaviour != "deaf":
            self._end(stored, libvirt.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)

    def _end(self, stored: StoredDomain, why: int) -> None:
        stored.state = OFF
        stored.live = {}
        stored.processes = Processes(self._line.daemon.behaviours)
        if not stored.persistent:
            self._line.daemon.domains.pop(self._name, None)
        streams, stored.consoles = list(stored.consoles.values()), {}
        for stream in streams:
            stream.hang_up()
        self._tell(libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, libvirt.VIR_DOMAIN_EVENT_STOPPED, why)

    def _tell(self, event: int, first: int, second: int) -> None:
        for line in self._line.daemon.lines:
            for name, wanted, callback in list(line.watchers.values()):
                if (name, wanted) == (self._name, event) and not line.broken:
                    callback(line, self, first, second, None)


def agent_command(domain: Guest, text: str, timeout: int, flags: int) -> str:
    """In place of ``libvirt_qemu.qemuAgentCommand``."""
    return domain.agent(text)
