"""demo-openvz: one kernel cut into VPSes, beside separate guests, as a learner uses it."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from typing import Any

import pytest
from driver import PATIENCE, Outcome, Virtlab

LAB = "demo-openvz"
GUESTS = ["host", "ve101", "ve102", "vm1", "vm2"]
LIMIT = str(160 * 1024 * 1024)


def inside(virtlab: Virtlab, guest: str, *command: str) -> str:
    return virtlab("exec", guest, "--", *command).ended(0).out.strip()


def failed(outcome: Outcome) -> set[tuple[str, str]]:
    findings: list[dict[str, Any]] = json.loads(outcome.out)["findings"]
    return {(f["guest"], f["item"]) for f in findings if f["verdict"] != "pass"}


@pytest.mark.timeout(600)
def test_every_claim_of_the_lab_holds(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    outcome = system_account("check", shared, "-o", "json", timeout=200, **state).ended(0)
    assert failed(outcome) == set()
    assert {f["guest"] for f in json.loads(outcome.out)["findings"]} == set(GUESTS)


@pytest.mark.timeout(600)
def test_a_vps_is_entered_like_any_guest(system_account: Virtlab, shared: str) -> None:
    ve = f"{shared}/ve101"
    boot_id = ("cat", "/proc/sys/kernel/random/boot_id")
    assert inside(system_account, ve, "hostname") == "ve101"
    ids = {guest: inside(system_account, f"{shared}/{guest}", *boot_id) for guest in GUESTS}
    assert ids["host"] == ids["ve101"] == ids["ve102"]
    assert len(set(ids.values())) == 3  # the host's and those of the two separate guests
    outcome = system_account("exec", "-i", ve, "--", "sh", "-c", "cat; exit 7", given=b"given")
    assert (outcome.code, outcome.raw) == (7, b"given")
    assert system_account("exec", ve, "--", "no-such-program").code == 127


@pytest.mark.timeout(600)
def test_the_root_of_a_vps_stays_inside(system_account: Virtlab, shared: str) -> None:
    """What would open a way to the host, or for whoever enters with the host's rights."""
    forbidden = [
        "umount /usr",
        "mount -o remount,rw /usr",
        "echo x >/usr/bin/x",
        "mv /usr /usr2",
        "mv /lib64 /lib65",
        "mv /etc /etc2",
        "rm /etc/ld.so.preload",
        "echo /tmp/x.so >/etc/ld.so.preload",
        "echo x >/etc/ld.so.cache",
        "mknod /tmp/memory c 1 1",
        "unshare -U true",
        "echo x >/proc/sys/kernel/core_pattern",
        "echo b >/proc/sysrq-trigger",
        "echo max >/sys/fs/cgroup/memory.max",
        "hostname other",
        "date -s 2020-01-01; [ $(date +%Y) = 2020 ]",
        "ip address add 10.101.0.200/24 dev eth0",
        "dmesg",
    ]
    script = "\n".join(f"({attempt}) >/dev/null 2>&1 && echo {shlex.quote(attempt)}" for attempt in forbidden)
    assert inside(system_account, f"{shared}/ve101", "sh", "-c", f"{script}\ntrue") == ""
    # nothing of the host's is open in its first process, through which it could be read or written
    listing = "for file in /proc/1/fd/*; do readlink $file; done"
    opened = inside(system_account, f"{shared}/ve101", "sh", "-c", listing)
    assert set(opened.split()) == {"/dev/null"}


@pytest.mark.timeout(600)
def test_broken_on_purpose_it_fails_there(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    host, group = f"{shared}/host", "/sys/fs/cgroup/ve101"
    capabilities = "/usr/lib/virtlab/capabilities"
    inside(system_account, host, "sh", "-c", f"echo max >{group}/memory.max")
    inside(system_account, host, "sed", "-i", "s/'chown /'sys_module chown /", capabilities)
    try:
        outcome = system_account("check", shared, "-o", "json", timeout=200, **state).ended(1)
        assert failed(outcome) == {
            ("ve101", "memory-limit"),
            ("ve101", "too-much-memory"),
            ("ve101", "no-module"),
            ("ve102", "no-module"),
        }
    finally:
        inside(system_account, host, "sh", "-c", f"rmmod dummy; echo {LIMIT} >{group}/memory.max")
        inside(system_account, host, "sed", "-i", "s/'sys_module /'/", capabilities)
        assert failed(system_account("check", shared, "-o", "json", timeout=200, **state).ended(0)) == set()


@pytest.mark.timeout(600)
def test_a_vps_that_is_powered_off_from_inside_is_started_again(system_account: Virtlab, shared: str) -> None:
    ve = f"{shared}/ve102"
    system_account("exec", ve, "--", "poweroff")
    deadline = time.monotonic() + PATIENCE
    while (code := system_account("exec", ve, "--", "true").code) != 125:
        assert time.monotonic() < deadline, code
        time.sleep(0.5)
    assert inside(system_account, f"{shared}/ve101", "hostname") == "ve101"
    system_account("start", ve).ended(0)
    assert inside(system_account, ve, "hostname") == "ve102"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("kind=xen\nmemory=32\n", "no guest of kind xen"),
        ("memory=32\nkernel-args=quiet\n", "no kernel arguments"),
        ("memory=32\ndisks=1\n", "no disk of its own"),
        ("memory=32\ninterfaces=2\n", "one interface"),
        ("processors=1\n", "no memory"),
        ("memory=32\nprocessors=none\n", "no number of processors"),
        ("memory=0\n", "no memory"),
    ],
)
def test_what_no_vps_can_be_is_refused(
    system_account: Virtlab, shared: str, definition: str, why: str
) -> None:
    inner = ("exec", "-i", f"{shared}/host", "--", "/usr/lib/virtlab/inner", "start", "ve9")
    outcome = system_account(*inner, given=definition.encode()).ended(1)
    assert why in outcome.err
    assert "ve9" not in inside(system_account, f"{shared}/host", "/usr/lib/virtlab/inner", "state")


@pytest.mark.timeout(600)
def test_vpses_stand_beside_guests(system_account: Virtlab, shared: str) -> None:
    entry = system_account.status(shared)
    assert entry
    assert "ve101" in json.dumps(entry)
    page = system_account("compare", shared, "-o", "json", timeout=200).ended(0).out
    assert all(f'"{guest}"' in page for guest in GUESTS)
    stack = system_account("compare", shared, "--stack", timeout=200).ended(0).out
    assert "ve101" in stack


@pytest.mark.timeout(900)
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

    release = inside(system_account, f"{shared}/host", "uname", "-r")
    for number, answer in ((1, ["--answer", release]), (2, []), (3, [])):
        step = ("check", shared, "--step", str(number))
        system_account(*step, *(["--answer", "2.6.32-openvz"] if answer else []), **state).ended(1)
        solution = json.loads(
            system_account("solve", shared, "--step", str(number), "-o", "json", **run_as).out
        )
        typed(solution["commands"])
        done = system_account(*step, *answer, **state).ended(0)
        assert f"Exercise {number} is passed." in done.out
        typed(solution["undo"])
