"""Peers on the other end of a real pseudo-terminal, some of them hostile."""

from __future__ import annotations

import base64
import json
import os
import re
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from provisioner.transport.channel import AgentSession, Tuning, Watch
from provisioner.transport.qga import SerialSession


class FdLine:
    """``qga.Line`` on a file descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.ended = False
        self.dropped = 0

    def read(self, deadline: float) -> bytes:
        ready, _, _ = select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b""
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            data = b""
        self.ended = not data
        return data

    def write(self, data: bytes, deadline: float) -> None:
        while data:
            data = data[os.write(self._fd, data) :]


Answer = Callable[[dict[str, Any], Callable[[bytes], None]], None]


class Peer:
    """Something that calls itself a guest agent: ``answer`` is told of each request."""

    def __init__(self, answer: Answer, *, before: bytes = b"", late: float = 0.0, lose: int = 0) -> None:
        self.host, self._guest = os.openpty()
        tty.setraw(self._guest)
        tty.setraw(self.host)
        self._answer = answer
        self._late = late
        self._lose = lose
        self.requests: list[dict[str, Any]] = []
        if before:
            os.write(self._guest, before)
        threading.Thread(target=self._run, daemon=True).start()

    def say(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._guest, data) :]
        except OSError:
            return

    def hang_up(self) -> None:
        os.close(self._guest)

    def _run(self) -> None:
        time.sleep(self._late)
        buffer = b""
        while True:
            try:
                data = os.read(self._guest, 4096)
            except OSError:
                return
            lost = min(self._lose, len(data))
            self._lose -= lost
            buffer += data[lost:]
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                found = re.search(rb"\{.*\}", line.rpartition(b"\xff")[2])
                if found:
                    try:
                        request = json.loads(found.group())
                    except ValueError:
                        continue
                    self.requests.append(request)
                    self._answer(request, self.say)


def reply(request: dict[str, Any], value: Any, **more: Any) -> bytes:
    return json.dumps({"return": value, "id": request.get("id")} | more).encode() + b"\n"


def synced(then: Answer) -> Answer:
    """A peer that answers the sync as it should, and whatever it likes after that."""

    def answer(request: dict[str, Any], say: Callable[[bytes], None]) -> None:
        if request["execute"] == "guest-sync-delimited":
            say(b"\xff" + reply(request, request["arguments"]["id"]))
        else:
            then(request, say)

    return answer


def executing(status: dict[str, Any]) -> Answer:
    """A peer whose every command ends with ``status``."""

    def then(request: dict[str, Any], say: Callable[[bytes], None]) -> None:
        say(reply(request, {"pid": 7} if request["execute"] == "guest-exec" else status))

    return synced(then)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class PeerChannel:
    """``channel.AgentChannel`` to a Peer."""

    label = "lab/full"

    def __init__(self, peer: Peer, tuning: Tuning) -> None:
        self.peer = peer
        self.tuning = tuning

    @contextmanager
    def session(self, deadline: float) -> Iterator[AgentSession]:
        session = SerialSession(FdLine(self.peer.host), self.label)
        session.sync(deadline)
        yield session

    def wait_agent(
        self,
        deadline: float,
        watch: Watch,
        hint: threading.Event | None = None,
        hopeless: threading.Event | None = None,
    ) -> None:
        SerialSession(FdLine(self.peer.host), self.label).sync(deadline, hint, hopeless, any_answer=True)
