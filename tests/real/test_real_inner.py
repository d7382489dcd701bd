"""Guests inside a guest, from up to down, as somebody at the keyboard meets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from driver import Outcome, Virtlab

LAB = """\
virtlab: 1
name: hosted
defaults: {profile: virtio, memory: 24 MiB, disks: []}
guests:
  host: {image: vz, memory: 224 MiB}
  ve1: {kind: container, parent: host}
  ve2: {kind: container, parent: host}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("hosted") / "lab.yaml"
    file.write_text(LAB)
    return file


@pytest.fixture(scope="module")
def first_up(system_account: Virtlab, file: Path) -> Iterator[Outcome]:
    """How the lab came up that all tests use."""
    name = system_account.name()
    yield system_account("up", str(file), "--as", name).ended(0)
    system_account("down", name).ended(0)
    assert not system_account.traces(name)


@pytest.fixture
def hosted(first_up: Outcome) -> str:
    """The name of the lab that is up."""
    return first_up.args[-1]


def test_guests_inside_a_guest_are_guests(
    system_account: Virtlab, first_up: Outcome, hosted: str, file: Path
) -> None:
    system, name = system_account, hosted
    assert "ve1: starting in host" in first_up.err
    again = system("up", str(file), "--as", name).ended(0)
    assert f"{name} is up already" in again.out
    assert "starting" not in again.err
    entry = system.status(name)
    assert entry is not None
    assert [inner["name"] for inner in entry["guests"][0]["inner"]] == ["ve1", "ve2"]

    def run(guest: str, *words: str) -> str:
        return system("exec", f"{name}/{guest}", "--", *words).ended(0).out

    assert run("ve1", "hostname") == "ve1\n"
    assert run("ve1", "uname", "-r") == run("host", "uname", "-r")
    assert system("exec", f"{name}/ve1", "--", "sh", "-c", "exit 7").code == 7
    late = system("exec", "--timeout", "1", f"{name}/ve2", "--", "sleep", "50").ended(125)
    assert f"{name}/ve2: sleep was still running" in late.err
    assert "sleep 50" not in run("host", "ps")

    system("stop", f"{name}/ve1").ended(0)
    down = system("exec", f"{name}/ve1", "--", "true").ended(125)
    assert f"{name}/ve1 can't be reached" in down.err
    assert f"virtlab start {name}/ve1" in down.err
    system("start", name).ended(0)
    run("ve1", "true")
    system("stop", name).ended(0)
    off = system("exec", f"{name}/ve2", "--", "true").ended(125)
    assert f"{name}/host is stopped" in off.err
    system("start", name).ended(0)
    run("ve2", "true")

    compared = system("compare", name, "--stack", "--lang", "en").ended(0).out
    assert "container ve1" in compared


def test_the_console_goes_in_and_is_left_again(system_account: Virtlab, hosted: str) -> None:
    system, name = system_account, hosted
    inside = system.terminal("console", f"{name}/ve1")
    inside.until("ve1:/")
    inside.type("hostname | tr v V\r")
    inside.until("Ve1")
    inside.type("\x1d")
    inside.until("Left the console")
    assert inside.end() == 0
    host = system.terminal("console", f"{name}/host")
    host.type("\rhostname | tr h H\r")
    host.until("Host")
    host.type("sleep 600\r\x1d")
    host.until("Left the console")
    assert host.end() == 0
    refused = system("console", f"{name}/ve1").ended(1)
    assert f"something runs at the console of {name}/host" in refused.err


def test_what_a_failing_guest_inside_leaves(system: Virtlab, tmp_path: Path) -> None:
    name, bad = system.name(), tmp_path / "lab.yaml"
    bad.write_text(LAB.replace("ve2: {kind", "ve2: {disks: [{}], kind"))
    failed = system("up", str(bad), "--as", name).ended(1)
    assert f"{name}/ve2 did not start in {name}/host: ve2: a container has no disk" in failed.err
    assert system.status(name) is None
