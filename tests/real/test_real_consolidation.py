"""demo-consolidation: several servers on one host, measured, and broken on purpose."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import Any

import pytest
from driver import Outcome, Virtlab

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

LAB = "demo-consolidation"
SECONDS = "300"  # for the guests to answer: a machine inside an emulated one is slow where others run, too
# BusyBox's timeout looks once a second whether what it watches is still there.
COMPUTING = "sleep 2; ps | grep -c '[w]hile :; do' || true"


def inside(virtlab: Virtlab, guest: str, *command: str) -> str:
    return virtlab("exec", "--timeout", SECONDS, guest, "--", *command, timeout=400).ended(0).out.strip()


def failed(outcome: Outcome) -> set[tuple[str, str]]:
    findings: list[dict[str, Any]] = json.loads(outcome.out)["findings"]
    assert findings
    return {(f["guest"], f["item"]) for f in findings if f["verdict"] == "fail"}


def test_every_claim_of_the_lab_holds(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    outcome = system_account("check", shared, "-o", "json", timeout=300, **state).ended(0)
    assert failed(outcome) == set()
    # What was measured is over: nobody computes, nobody is frozen or kept on one processor.
    for guest in ("host", "web"):
        assert inside(system_account, f"{shared}/{guest}", "sh", "-c", COMPUTING) == "0"
    places = "cd /sys/fs/cgroup; cat */cpuset.cpus */cgroup.freeze | sort | uniq -c"
    assert inside(system_account, f"{shared}/host", "sh", "-c", places).split() == ["4", "0", "4", "0-1"]


def test_what_each_guest_costs_the_host_is_told(system_account: Virtlab, shared: str) -> None:
    burn = "timeout 8 sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 &"

    def watched() -> dict[str, dict[str, float]]:
        (entry,) = json.loads(system_account("status", shared, "--usage", "3", "-o", "json").ended(0).out)
        return {guest["name"]: guest["usage"] for guest in entry["guests"]}

    idle = watched()
    assert idle.keys() == {"host", "alone"}
    assert all(one["resident"] > 64 << 20 for one in idle.values())
    inside(system_account, f"{shared}/alone", "sh", "-c", burn)
    busy = watched()
    assert busy["alone"]["processor"] > idle["alone"]["processor"] + 0.1
    assert "RESIDENT" in system_account("status", shared, "--usage", "1").ended(0).out


def test_each_solution_leads_to_a_passed_step(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    run_as = {"VIRTLAB_RUN_AS": shlex.join(system_account.argv()), **state}

    def typed(commands: list[str]) -> str:
        said = ""
        for command in commands:
            said += subprocess.run(
                ["sh", "-c", command],
                check=True,
                capture_output=True,
                text=True,
                cwd=system_account.home,
                env={**system_account.env, **state},
                timeout=400,
            ).stdout
        return said

    for number in ("1", "2", "3"):
        step = ("check", shared, "--step", number)
        system_account(*step, timeout=200, **state).ended(1)
        told = system_account("solve", shared, "--step", number, "-o", "json", **run_as).ended(0)
        solution = json.loads(told.out)
        first = 2 if number == "3" else 0  # the files are there, and no server was down yet
        said = typed(solution["commands"][:first])
        if first:
            system_account(*step, timeout=200, **state).ended(1)
        said += typed(solution["commands"][first:])
        if number == "2":
            before, shared_now = (int(n) for n in re.findall(r"free for more: (\d+) MiB", said)[:2])
            assert shared_now > before + 10
        done = system_account(*step, timeout=200, **state).ended(0)
        assert f"Exercise {number} is passed." in done.out
        typed(solution["undo"])


def test_broken_on_purpose_it_fails_there(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    host, group = f"{shared}/host", "/sys/fs/cgroup/ve-web"
    limit = inside(system_account, host, "cat", f"{group}/memory.max")
    inside(system_account, host, "sh", "-c", f"echo max >{group}/memory.max; echo 10 >{group}/cpu.weight")
    try:
        outcome = system_account("check", shared, "-o", "json", timeout=300, **state).ended(1)
        assert failed(outcome) == {("ve-web", "memory-is-no-time"), ("host", "fair")}
    finally:
        restore = f"echo {limit} >{group}/memory.max; echo 100 >{group}/cpu.weight"
        inside(system_account, host, "sh", "-c", restore)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["crowd", "nobody"], "nobody does not run here; these do: "),
        (["crowd", "web", "many"], "crowd NAME"),
        (["busy", "web", "100"], "at most 60 seconds"),
        (["contend", "0"], "contend [SECONDS]"),
        (["share-pages", "all"], "share-pages [on|off]"),
    ],
)
def test_wrong_use_is_refused(system_account: Virtlab, shared: str, command: list[str], why: str) -> None:
    outcome = system_account("exec", f"{shared}/host", "--", *command)
    assert outcome.code in (1, 2)
    assert re.search(re.escape(why), outcome.err)
