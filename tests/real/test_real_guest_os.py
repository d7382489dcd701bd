"""demo-guest-os: a system with no virtio driver and no agent, on real machines."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from driver import PATIENCE, Outcome, Virtlab

LAB = "demo-guest-os"


def verdicts(virtlab: Virtlab, name: str, code: int = 0, **env: str) -> dict[tuple[str, str], str]:
    told = json.loads(virtlab("check", name, "-o", "json", **env).ended(code).out)
    return {(f["guest"], f["item"]): f["verdict"] for f in told["findings"]}


@pytest.fixture(scope="module")
def first_up(system_account: Virtlab) -> Iterator[Outcome]:
    """How the lab came up that the tests use: its systems never rest, and no second one runs beside them."""
    name = system_account.name()
    system_account("prepare", LAB).ended(0)
    yield system_account("up", LAB, "--as", name, "-o", "json").ended(0)
    system_account("down", name).ended(0)
    assert not system_account.traces(name)


@pytest.fixture
def lab(first_up: Outcome) -> str:
    """The name of the lab that is up."""
    return first_up.args[first_up.args.index("--as") + 1]


def finds_its_disks(virtlab: Virtlab, up: Outcome, name: str) -> None:
    told = json.loads(up.out)
    # up waited for each prompt
    assert all(guest["ready_after"] > 0.5 for guest in told["guests"])
    found = verdicts(virtlab, name)
    assert set(found.values()) == {"pass"}
    assert {guest for guest, _ in found} == {"ide", "sata", "virtio"}
    page = virtlab("check", name).ended(0)
    assert "no guest agent" not in page.out  # nobody expects one
    assert "disk 1: target bus" in virtlab("compare", name).ended(0).out
    assert "no guest agent" in virtlab("exec", f"{name}/ide", "--", "ls").ended(125).err
    virtlab("stop", f"{name}/sata", "--timeout", "0").ended(0)
    silent = verdicts(virtlab, name, 1)
    assert {guest for (guest, _), verdict in silent.items() if verdict != "pass"} == {"sata"}
    assert set(silent.values()) == {"pass", "unasked"}
    virtlab("start", f"{name}/sata").ended(0)
    assert set(verdicts(virtlab, name).values()) == {"pass"}


# First, before the other lab is up.
def test_it_finds_its_disk_where_it_has_a_driver_for_an_ordinary_user(session: Virtlab) -> None:
    name = session.name()
    session("prepare", LAB).ended(0)
    finds_its_disks(session, session("up", LAB, "--as", name, "-o", "json").ended(0), name)
    session("down", name).ended(0)
    assert not session.traces(name)


def test_it_finds_its_disk_where_it_has_a_driver(
    system_account: Virtlab, first_up: Outcome, lab: str
) -> None:
    finds_its_disks(system_account, first_up, lab)


def test_a_virtio_disk_in_the_wrong_guest_fails_the_check_there(system_account: Virtlab, lab: str) -> None:
    ide = ("up", LAB, "--as", lab, "--yes", "--set")
    system_account(*ide, "guests.ide.disks.0.bus=virtio").ended(0)
    failed = {key for key, verdict in verdicts(system_account, lab, 1).items() if verdict == "fail"}
    assert failed == {("ide", "ide-disk"), ("ide", "ide-content"), ("ide", "no-virtio-device")}
    system_account(*ide, "guests.ide.disks.0.bus=ide").ended(0)


def test_half_a_line_left_at_the_console_does_no_harm(system_account: Virtlab, lab: str) -> None:
    system_account("console", f"{lab}/ide", given=b"ls (no-such").ended(0)
    assert set(verdicts(system_account, lab).values()) == {"pass"}


def test_somebody_at_the_console_is_said_and_not_thrown_out(system_account: Virtlab, lab: str) -> None:
    sitting = system_account.terminal("console", f"{lab}/ide")
    try:
        sitting.until("Connected")
        told = system_account("check", lab).ended(1)
        assert "somebody else is using it" in " ".join(told.out.split())
        sitting.type("echo still here\r")
        sitting.until("still here")
        sitting.until("still here")
    finally:
        sitting.type("\x1d")
        sitting.end()


@pytest.mark.timeout(600)
def test_every_exercise_by_its_own_solution(
    system: Virtlab, lab: str, state: dict[str, str], tmp_path: Path
) -> None:
    name, copy = lab, system.name()
    run_as = {"VIRTLAB_RUN_AS": shlex.join(system.argv()), **state}

    def typed(commands: list[str]) -> None:
        for command in commands:
            subprocess.run(
                ["sh", "-c", command.replace("my-guest-os", copy)],
                check=True,
                cwd=tmp_path,
                env={**system.env, **state},
                timeout=PATIENCE,
            )

    for number in (1, 2, 3):
        used = name if number == 1 else copy
        told = system("solve", name, "--step", str(number), "-o", "json", **run_as).ended(0)
        solution = json.loads(told.out)
        if number == 1:
            system("check", used, "--step", "1", **state).ended(1)
        typed(solution["commands"])
        done = system("check", used, "--step", str(number), **run_as).ended(0)
        assert f"Exercise {number} is passed." in done.out
        if number > 1:
            assert "fail" in verdicts(system, used, 1, **state).values()
        typed(solution["undo"])
        if number == 1:
            assert set(verdicts(system, used, **state).values()) == {"pass"}
            system("stop", name, "--timeout", "0").ended(0)  # the copy's systems run in their place
        else:
            assert system.status(copy) is None
