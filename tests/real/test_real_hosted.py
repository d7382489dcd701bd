"""demo-hosted: a machine as an application on a host system, as a learner uses it."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

import pytest
from driver import Virtlab

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

LAB = "demo-hosted"
SECONDS = "300"  # for the guests to answer: a machine emulated twice is slow where others run, too
PATIENCE = 300.0
PAGE = "http://host:8222/"


def verdicts(
    virtlab: Virtlab, name: str, code: int, state: dict[str, str]
) -> dict[tuple[str, str], dict[str, Any]]:
    told = virtlab("check", name, "-o", "json", timeout=PATIENCE, **state).ended(code)
    return {(f["guest"], f["item"]): f for f in json.loads(told.out)["findings"]}


def failed(found: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    return {at for at, finding in found.items() if finding["verdict"] != "pass"}


def inside(virtlab: Virtlab, guest: str, *command: str) -> str:
    return virtlab("exec", guest, "--", *command, timeout=PATIENCE).ended(0).out.strip()


# First, before the shared lab is up: two labs of systems that never rest are too much for two cores.
def test_where_guests_are_apart_the_page_is_not_possible(session: Virtlab) -> None:
    name = session.name()
    session("up", LAB, "--as", name, "--timeout", SECONDS, timeout=700).ended(0)
    found = verdicts(session, name, 0, {})
    finding = found["desk", "page"]
    assert finding["verdict"] == "impossible"
    assert "qemu:///system gives the lab a network" in finding["why"]
    assert failed(found) == {("desk", "page")}
    page = inside(session, f"{name}/host", "wget", "-q", "-O", "-", "http://10.0.2.11:8222/")
    assert "<td>hosted</td><td>running</td>" in page


def test_every_claim_of_the_lab_holds(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    found = verdicts(system_account, shared, 0, state)
    assert failed(found) == set()
    assert {guest for guest, _ in found} == {"host", "hosted", "direct", "desk"}


def test_lines_are_typed_in_the_machine(system_account: Virtlab, shared: str) -> None:
    hosted = f"{shared}/hosted"
    assert inside(system_account, hosted, "ls") == "(ata0) (ata1)"
    assert inside(system_account, hosted, "echo", "one", "two") == "one two"
    unknown = system_account("exec", hosted, "--", "no-such-thing", timeout=PATIENCE).ended(127)
    assert "can't find command" in unknown.err
    absent = system_account("exec", hosted, "--", "ls (ata9)", timeout=PATIENCE).ended(1)
    assert absent.err.startswith("error:")
    two_lines = system_account("exec", hosted, "--", "echo one\rreboot", timeout=PATIENCE).ended(125)
    assert "one line of ASCII" in two_lines.err


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("kind=nested\nimage=tiny\n", "there is no system tiny here"),
        ("kind=nested\nimage=grub-timed\nkernel-args=quiet\n", "takes no kernel arguments"),
        ("kind=nested\nimage=grub-timed\ninterfaces=1\n", "has no network here"),
        (
            "kind=nested\nimage=grub-timed\ndisks=1\ndisk-sizes=64\n",
            "no room for a disk of 64 MiB in /srv/sda",
        ),
    ],
)
def test_what_no_machine_can_be_is_refused(
    system_account: Virtlab, shared: str, definition: str, why: str
) -> None:
    inner = ("exec", "-i", f"{shared}/host", "--", "/usr/lib/virtlab/inner", "start", "none")
    assert why in system_account(*inner, given=definition.encode()).ended(1).err
    state = inside(system_account, f"{shared}/host", "/usr/lib/virtlab/inner", "state")
    assert "none running" not in state


def test_the_page_takes_no_other_orders(system_account: Virtlab, shared: str) -> None:
    desk, host = f"{shared}/desk", f"{shared}/host"
    orders = {
        "name=../tmp&do=create": "400",
        "name=a b&do=create": "400",
        "name=x;reboot&do=create": "400",
        "name=nobody&do=start": "404",
        "name=hosted&do=delete": "403",
        "name=hosted&do=create": "409",
        "name=hosted&do=reboot": "400",
    }
    for order, code in orders.items():
        outcome = system_account("exec", desk, "--", "wget", "-q", "-O", "-", "--post-data", order, PAGE)
        assert f" {code} " in outcome.ended(1).err, order
    assert "hosted running" in inside(system_account, host, "/usr/lib/virtlab/inner", "state")


def test_the_picture_shows_both_systems(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    told = system_account("compare", shared, "--stack", "-o", "json", timeout=PATIENCE, **state).ended(0)
    assert "QEMU, a process of host" in told.out
    system_account("compare", shared, timeout=PATIENCE, **state).ended(0)


def test_broken_on_purpose_it_fails_there(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    host = f"{shared}/host"
    inside(system_account, host, "httpd", "-p", "0.0.0.0:80", "-h", "/tmp")
    try:
        assert failed(verdicts(system_account, shared, 1, state)) == {("host", "listens")}
    finally:
        inside(system_account, host, "sh", "-c", "kill $(ps | awk '/[h]ttpd -p 0/ { print $1 }')")


def test_each_solution_leads_to_a_passed_step(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    run_as = {"VIRTLAB_RUN_AS": shlex.join(system_account.argv()), **state}

    def typed(commands: list[str]) -> None:
        for command in commands:
            subprocess.run(
                ["sh", "-c", command],
                check=True,
                cwd=system_account.home,
                env={**system_account.env, **state},
                timeout=PATIENCE,
            )

    for number in ("1", "2", "3", "4"):
        told = system_account("solve", shared, "--step", number, "-o", "json", **run_as).ended(0)
        solution = json.loads(told.out)
        step = ("check", shared, "--step", number)
        system_account(*step, timeout=PATIENCE, **state).ended(1)
        typed(solution["commands"])
        done = system_account(*step, timeout=PATIENCE, **state).ended(0)
        assert f"Exercise {number} is passed." in done.out
        typed(solution["undo"])
