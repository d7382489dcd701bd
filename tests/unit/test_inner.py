"""Guests inside guests, started by a parent that really runs what it is told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from parent_peers import Shell
from silent import Silent
from worlds import guest

from provisioner import errors
from provisioner.backends import inner
from provisioner.model.enums import GuestKind, Transport
from provisioner.model.lab import Clock, Guest
from provisioner.transport import parent
from provisioner.transport.result import Result
from provisioner.units import MIB


def inside(name: str, parent: str, **changes: object) -> Guest:
    return guest(name, kind=GuestKind.CONTAINER, parent=parent, transport=Transport.PARENT, **changes)


GUESTS = [inside("a", "host"), inside("b", "host"), inside("deep", "a")]


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(f"note: {text}")

    def done(self, subject: str, text: str) -> None:
        self.lines.append(f"{subject} {text}")

    def failed(self, subject: str, text: str) -> None:
        self.lines.append(f"{subject} {text}")


@pytest.fixture
def host(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_definition_is_lines_that_a_shell_reads() -> None:
    made = inside(
        "a",
        "host",
        memory=24 * MIB,
        disks=(),
        kernel_args=("quiet", "panic=1"),
        image="tiny",
        hyperv={"relaxed": True, "vapic": False, "spinlocks": 8191},
        kvm={"hidden": True},
        clock=Clock("utc", {"hpet": False, "hypervclock": True}),
    )
    told = dict(line.split("=", 1) for line in parent.definition(made).decode().splitlines())
    assert told == {
        "name": "a",
        "kind": "container",
        "memory": "24",
        "processors": "1",
        "disks": "0",
        "disk-sizes": "",
        "interfaces": "1",
        "image": "tiny",
        "kernel-args": "quiet panic=1",
        "hostname": "a",
        "accel": "auto",
        "hyperv": "relaxed=on,spinlocks=8191,vapic=off",
        "kvm": "hidden=on",
        "timers": "hpet=off,hypervclock=on",
        "machine": "pc",
    }


def test_all_start_once_and_each_after_its_parent(host: Shell) -> None:
    heard = Heard()
    first = inner.ensure("host", host, GUESTS, heard, timeout=10)
    assert [(one.guest.name, one.is_new, one.error) for one in first] == [
        ("a", True, None),
        ("b", True, None),
        ("deep", True, None),
    ]
    assert sorted((host.folder / ".order").read_text().split()) == ["a", "b"]
    assert (host.folder / "a/deep/.definition").read_bytes() == parent.definition(GUESTS[2])
    *siblings, last = (line.split(" after ")[0] for line in heard.lines)
    assert (sorted(siblings), last) == (["a ready in host", "b ready in host"], "deep ready in a")
    again = inner.ensure("host", host, GUESTS, Heard(), timeout=10)
    assert [one.is_new for one in again] == [False, False, False]
    (host.folder / "b/.state").write_text("stopped\n")
    third = inner.ensure("host", host, GUESTS, Heard(), timeout=10)
    assert [one.guest.name for one in third if one.is_new] == ["b"]


def test_those_of_one_parent_start_at_the_same_time(tmp_path: Path) -> None:
    both = threading.Barrier(2)

    class Meeting(Shell):
        """Lets nobody start before two want to."""

        def run(self, argv: Sequence[str], **options: Any) -> Result:
            if "start" in argv:
                both.wait(10)
            return super().run(argv, **options)

    found = inner.ensure("host", Meeting(tmp_path), GUESTS[:2], Heard(), timeout=20)
    assert [(one.guest.name, one.is_new) for one in found] == [("a", True), ("b", True)]


def test_one_that_fails_takes_only_what_is_inside_it_along(host: Shell) -> None:
    script = host.script.read_text()
    host.script.write_text('[ "$1$2" != starta ] || { echo "no room for a" >&2; exit 1; }\n' + script)
    found = inner.ensure("host", host, GUESTS, Heard(), timeout=10)
    assert [one.guest.name for one in found] == ["a", "b"]
    assert found[1].is_new
    error = found[0].error
    assert isinstance(error, errors.GuestError)
    assert error.message == "lab/a did not start in lab/host: no room for a"
    assert error.hint == "see what it says there: {virtlab} console lab/host"


def test_a_deadline_is_said_as_one(host: Shell) -> None:
    script = host.script.read_text()
    host.script.write_text('[ "$1" != start ] || sleep 20\n' + script)
    (one,) = inner.ensure("host", host, GUESTS[:1], Heard(), timeout=0.3)
    assert isinstance(one.error, errors.NotReady)
    assert "lab/a did not start in lab/host: it did not answer within" in one.error.message


def test_one_that_never_answers_is_tried_once_more(host: Shell) -> None:
    script = host.script.read_text()
    hangs = (
        '[ "$1" != start ] || [ -e ../tried ] || { >../tried; mkdir a; echo running >a/.state; sleep 20; }\n'
    )
    host.script.write_text(hangs + script)
    heard = Heard()
    (one,) = inner.ensure("host", host, GUESTS[:1], heard, timeout=2)
    assert one.is_new
    assert [call[1:] for call in host.calls if call[1] != "state"] == [
        ["start", "a"],
        ["stop", "a"],
        ["start", "a"],
    ]
    assert heard.lines[0].startswith("note: a did not answer within 1.2")
    assert heard.lines[1].startswith("a ready in host after")


def test_stop_says_what_it_found(host: Shell) -> None:
    heard = Heard()
    inner.ensure("host", host, GUESTS[:1], Heard(), timeout=10)
    inner.stop("a", "lab/a", host, heard, timeout=5)
    inner.stop("a", "lab/a", host, heard, timeout=5)
    assert heard.lines == ["a stopped", "a is stopped already"]


def test_what_it_said_stands_in_the_message_about_one_that_never_answers(host: Shell) -> None:
    script = host.script.read_text()
    words = "printf 'one\\ntwo\\n'; exit"
    host.script.write_text(f'[ "$1" != start ] || sleep 20; [ "$1" != said ] || {{ {words}; }}\n' + script)
    (one,) = inner.ensure("host", host, GUESTS[:1], Heard(), timeout=0.5)
    assert isinstance(one.error, errors.NotReady)
    assert one.error.message.endswith("it did not answer within 0.30 s\n  | one\n  | two")


def test_one_that_lacks_memory_gets_no_advice_to_wait(host: Shell) -> None:
    script = host.script.read_text()
    panic = "a gave up while it started: Kernel panic - not syncing: System is deadlocked on memory"
    host.script.write_text(f'[ "$1" != start ] || {{ echo "{panic}" >&2; exit 1; }}\n' + script)
    (one,) = inner.ensure("host", host, GUESTS[:1], Heard(), timeout=10)
    assert isinstance(one.error, errors.LacksMemory)
    assert one.error.message == f"lab/a did not start in lab/host: {panic}"
    assert one.error.hint == "give it more memory: memory: in its lab file, or --set a.memory=..."
