"""One backend for each way in which guests are run, and who chooses it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

import pytest
import worlds
from parent_peers import Shell
from silent import Silent

from provisioner import errors
from provisioner.backends import choose, inner
from provisioner.backends.guest_backend import Backend, ConsolePort
from provisioner.backends.hosted_backend import HostedGuest
from provisioner.backends.machine_backend import LibvirtMachine
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.listener import Listener
from provisioner.model.enums import GuestKind, Transport
from provisioner.model.lab import Guest
from provisioner.model.observed import Member, ObservedDomain, ObservedInner
from provisioner.transport import executor
from provisioner.transport.parent import INNER

SESSION = cast(Session, None)  # nothing here gets as far as libvirt


def inside(name: str, parent: str, **changes: object) -> Guest:
    usual = {"kind": GuestKind.CONTAINER, "transport": Transport.PARENT}
    return worlds.guest(name, parent=parent, **{**usual, **changes})


LAB = worlds.lab(
    worlds.guest("host"),
    inside("outer", "host"),
    inside("deep", "outer"),
    inside("closed", "host", transport=Transport.NONE),
)


@pytest.fixture
def members() -> dict[str, Member]:
    return {member.guest: member for member in worlds.after(LAB).members()}


class Above:
    """The backend of a parent that this machine's shell plays."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def start(self, listener: Listener, *, timeout: float) -> None: ...

    def stop(self, listener: Listener, *, timeout: float) -> None: ...

    def reach(self) -> executor.Transport:
        return self.shell

    def console(self) -> ConsolePort:
        return ConsolePort(cast(ObservedDomain, None), None)


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def done(self, subject: str, text: str) -> None:
        self.lines.append(f"{subject} {text}")


@pytest.fixture
def above(tmp_path: Path) -> Above:
    return Above(Shell(tmp_path))


def hosted(members: dict[str, Member], name: str, above: Backend) -> HostedGuest:
    member = members[name]
    assert isinstance(member, ObservedInner)
    return HostedGuest(member, above)


def test_libvirt_runs_machines_and_a_parent_all_else(members: dict[str, Member]) -> None:
    kinds = {name: type(choose.backend(SESSION, member)) for name, member in members.items()}
    assert kinds == {"host": LibvirtMachine, "outer": HostedGuest, "deep": HostedGuest, "closed": HostedGuest}


def test_the_guests_inside_one_are_those_at_any_depth(members: dict[str, Member]) -> None:
    found = {name: [guest.name for guest in inner.guests_inside(each)] for name, each in members.items()}
    assert found == {"host": ["outer", "deep", "closed"], "outer": ["deep"], "deep": [], "closed": []}


def test_a_guest_starts_with_those_inside_it_and_stops(members: dict[str, Member], above: Above) -> None:
    heard = Heard()
    outer = hosted(members, "outer", above)
    outer.start(heard, timeout=10, cancelled=Cancellation())
    assert [line.split(" after ")[0] for line in heard.lines] == [
        "outer ready in host",
        "deep ready in outer",
    ]
    outer.start(heard, timeout=10, cancelled=Cancellation())
    assert heard.lines[2:] == ["outer is running already"]
    assert outer.reach().run(["pwd"]).stdout.decode().strip() == str(above.shell.folder / "outer")
    outer.stop(heard, timeout=0.1)
    assert heard.lines[3:] == ["outer stopped"]


def test_all_that_does_not_start_is_said(members: dict[str, Member], above: Above) -> None:
    above.shell.script.write_text("[ $1 != start ] || { echo no memory >&2; exit 1; }\n")
    with pytest.raises(errors.GuestError, match="outer did not start in lab/host: no memory"):
        hosted(members, "outer", above).start(Silent(), timeout=5, cancelled=Cancellation())


def test_there_may_be_no_way_in(members: dict[str, Member], above: Above) -> None:
    with pytest.raises(errors.GuestError, match=r"no way into demo/closed: .* transport: none") as caught:
        hosted(members, "closed", above).reach()
    assert caught.value.hint == "{virtlab} console demo/host"


def test_the_console_of_a_guest_inside_is_typed_for_from_outside_in(
    members: dict[str, Member], above: Above
) -> None:
    outer = hosted(members, "outer", above)
    deep = hosted(members, "deep", outer)
    port = deep.console()
    assert port.way is above.shell
    assert [line.strip("\x15") for line in port.typed.decode().split("\r")] == [
        f"{INNER} console outer; stty sane",
        f"{INNER} console deep; stty sane",
        "",
    ]


@pytest.mark.parametrize("act", ["reach", "console"])
def test_a_machine_that_is_down_is_said_to_be(members: dict[str, Member], act: str) -> None:
    host = members["host"]
    assert isinstance(host, ObservedDomain)
    machine: Any = LibvirtMachine(SESSION, dataclasses.replace(host, state="stopped"))
    with pytest.raises(errors.GuestError, match="demo/host is stopped") as caught:
        getattr(machine, act)()
    assert caught.value.hint == "{virtlab} start demo/host"
