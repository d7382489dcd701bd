"""Facts from guests of which one is bad: it costs its own facts, in one clear line, and no other's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import worlds
from agent_peers import Answer, Peer, PeerChannel, b64, executing, reply, synced

from provisioner import errors
from provisioner.backends import choose
from provisioner.backends.session import Session
from provisioner.model.enums import AgentPort
from provisioner.model.metadata import GuestMetadata, Origin
from provisioner.model.naming import Instance
from provisioner.model.observed import ObservedDomain
from provisioner.observe import collect
from provisioner.transport.channel import FAST
from provisioner.transport.executor import AgentTransport
from tests.unit.worlds import guest as sample_guest

TOLD = Path(__file__).parents[1] / "observe" / "told" / "full.txt"
GOOD = TOLD.read_bytes() + b"@cpuid\n" + bytes(32) + b"\n@end\n"


def domain(guest: str, state: str = "running", agent: str = "serial") -> ObservedDomain:
    of = sample_guest(guest, agent=AgentPort(agent))
    mark = GuestMetadata(Origin("me", "demo", "demo", "x", "/x"), of, "tcg", "", False, {})
    return ObservedDomain(f"virtlab.me.demo.{guest}", Instance("me", "demo"), guest, state, mark)


def ended(stdout: bytes, **more: Any) -> Answer:
    return executing({"exited": True, "exitcode": 0, "out-data": b64(stdout)} | more)


def silent(request: dict[str, Any], say: Callable[[bytes], None]) -> None:
    """Takes every request, and says nothing."""


def flooding(request: dict[str, Any], say: Callable[[bytes], None]) -> None:
    say(b"A" * 20_000_000)


def escaping(request: dict[str, Any], say: Callable[[bytes], None]) -> None:
    refusal = {
        "error": {"class": "GenericError", "desc": "\x1b]0;owned\x07\x1b[2Jno\nnext line"},
        "id": request["id"],
    }
    say(json.dumps(refusal).encode() + b"\n")


def broken(request: dict[str, Any], say: Callable[[bytes], None]) -> None:
    say(b'{"return": {"pid": \n{]}\n')


BAD: dict[str, tuple[Answer, str]] = {
    "hangs": (silent, "did not answer"),
    "hangs in the middle": (synced(silent), "no answer to guest-exec"),
    "never ends": (executing({"exited": False}), "still running after"),
    "floods its agent's line": (synced(flooding), "sent more than|bytes"),
    "floods its output": (ended(b"x" * 70_000), "more than 64 KiB"),
    "broken JSON": (synced(broken), "no answer to guest-exec"),
    "no such command": (synced(lambda r, say: say(reply(r, "pid"))), "makes no sense"),
    "escapes": (synced(escaping), "its programs are gone, or can't be started (setsid)"),
    "cut": (ended(GOOD[:2000]), "cut short"),
    "nothing": (ended(b""), "cut short"),
    "no shell": (
        executing({"exited": True, "exitcode": 127, "err-data": b64(b"sh: \x1b[31mnot found\n")}),
        "is up, and can't run commands any more: sh: \\e[31mnot found",
    ),
    "garbage": (ended(bytes(range(256)) * 20), "cut short"),
}


def gathered(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer], timeout: float
) -> dict[str, collect.GuestFacts]:
    def transport(_session: object, observed: ObservedDomain) -> AgentTransport:
        channel = PeerChannel(Peer(answers[observed.guest]), FAST)
        channel.label = f"demo/{observed.guest}"
        return AgentTransport(channel)

    monkeypatch.setattr(choose, "backend", worlds.reached_by(transport))
    domains = [domain(guest) for guest in answers]
    found = collect.facts(cast(Session, None), domains, timeout=timeout)
    assert [one.guest for one in found] == list(answers)
    return {one.guest: one for one in found}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_guest_costs_only_its_own_facts(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    answer, told = BAD[kind]
    begin = time.monotonic()
    found = gathered(monkeypatch, {"bad": answer, "good": ended(GOOD)}, timeout=2.0)
    assert time.monotonic() - begin < 2.0 + 4.5
    good, bad = found["good"], found["bad"]
    assert good.error == ""
    assert good.facts
    assert good.facts.agent == "/dev/ttyS1"
    assert bad.facts is None
    assert bad.error.startswith("demo/bad")
    assert any(words in bad.error for words in told.split("|")), bad.error
    assert bad.error.isprintable(), "one line, without escapes"


def test_all_bad_ones_at_once_take_no_longer_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = time.monotonic()
    found = gathered(monkeypatch, {f"bad-{n}": synced(silent) for n in range(6)}, timeout=1.0)
    assert time.monotonic() - begin < 6
    assert all(one.error and one.facts is None for one in found.values())


@pytest.mark.parametrize(
    ("observed", "told"),
    [
        (domain("one", state="stopped"), "demo/one is stopped"),
        (domain("one", state="crashed"), "demo/one is crashed"),
        (domain("one", state="paused"), "demo/one is paused"),
        (domain("one", agent="none"), "demo/one has no guest agent"),
    ],
)
def test_a_guest_that_can_not_be_asked_is_not_waited_for(observed: ObservedDomain, told: str) -> None:
    begin = time.monotonic()
    (found,) = collect.facts(cast(Session, None), [observed])
    assert time.monotonic() - begin < 1
    assert found.error.startswith(told)
    assert found.hint, "what to do next"


def test_a_thread_that_never_comes_back_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    class Stuck:
        def run(self, *_args: object, **_more: object) -> None:
            over.wait(30)
            raise errors.GuestError("too late for anybody to hear")

    monkeypatch.setattr(collect, "_GRACE", 0.2)
    monkeypatch.setattr(choose, "backend", worlds.reached_by(lambda _session, _seen: Stuck()))
    begin = time.monotonic()
    (found,) = collect.facts(cast(Session, None), [domain("one")], timeout=0.3)
    assert time.monotonic() - begin < 2
    over.set()
    assert found.error == "demo/one is up, and did not answer within 0.30 s"


def test_what_only_readers_need_is_not_sent() -> None:
    script = collect._script().decode()
    assert "\n#" not in script
    assert not script.startswith("#")
    assert len(script) < 3000
    assert script.endswith("echo @end\n")


def test_an_error_of_virtlab_keeps_its_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    def transport(_session: object, _seen: object) -> None:
        raise errors.GuestError("demo/one is odd", hint="look at it")

    monkeypatch.setattr(choose, "backend", worlds.reached_by(transport))
    (found,) = collect.facts(cast(Session, None), [domain("one")])
    assert (found.error, found.hint) == ("demo/one is odd", "look at it")
