"""demo-hyperv on a real host: two machines on one KVM, shown different hypervisors, and broken on purpose."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from driver import Virtlab, findings

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

LAB = "demo-hyperv"
SECONDS = "300"  # for the guests to answer: a machine inside an emulated one is slow where others run, too


def test_the_claims_of_the_lab_hold(system_account: Virtlab, shared: str) -> None:
    found = findings(system_account("check", shared, "-o", "json", timeout=300).ended(0))
    assert {f["verdict"] for f in found.values()} == {"pass"}
    assert len(found) == 13


def test_the_stack_tells_the_machine_apart_that_recognized_hyperv(
    system_account: Virtlab, shared: str
) -> None:
    page = system_account("compare", shared, "--stack", timeout=120).ended(0).out
    assert page.count("this kernel recognized Hyper-V") == 1


def test_the_first_solution_leads_to_a_passed_exercise(system_account: Virtlab, shared: str) -> None:
    run_as = shlex.join(system_account.argv())
    told = system_account("solve", shared, "--step", "1", "-o", "json", VIRTLAB_RUN_AS=run_as).ended(0)
    said = ""
    for command in json.loads(told.out)["commands"]:
        shell = ["sh", "-c", command]
        done = subprocess.run(
            shell, check=True, env=system_account.env, timeout=120, capture_output=True, text=True
        )
        said += done.stdout
    assert "Hypervisor detected: KVM\n" in said
    assert "\nMicrosoft Hv\n" in said
    system_account("check", shared, "--step", "1", "--answer", "KVMKVMKVM", timeout=120).ended(1)
    answer = ("--answer", "Microsoft Hv")
    done_at_last = system_account("check", shared, "--step", "1", *answer, timeout=120).ended(0)
    assert "Exercise 1 is passed." in done_at_last.out


def test_without_the_clocks_enlightenment_the_check_fails_there(
    system_account: Virtlab, tmp_path: Path
) -> None:
    copy = tmp_path / "lab"
    system_account("copy", LAB, str(copy)).ended(0)
    file = copy / "lab.yaml"
    text = file.read_text()
    assert text.count("hypervclock: true") == 1
    file.write_text(text.replace("hypervclock: true", "hypervclock: false"))
    name = "t-hyperv-broken"
    try:
        system_account("up", str(copy), "--as", name, "--timeout", SECONDS, timeout=700).ended(0)
        found = findings(system_account("check", name, "-o", "json", timeout=300))
        failed = {at for at, f in found.items() if f["verdict"] == "fail"}
        assert failed == {("hyperv", "hyperv-clock")}
        assert found[("hyperv", "hyperv-clock")]["saw"] == ["refined-jiffies"]
    finally:
        system_account("down", name).ended(0)
    assert not system_account.traces(name)


@pytest.mark.parametrize("verb", ["up", "render"])
def test_the_interface_is_not_promised_where_the_guest_is_emulated(
    system_account: Virtlab, tmp_path: Path, verb: str
) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(
        "virtlab: 1\nname: lie\nguests:\n"
        "  one: {profile: virtio, accel: kvm, hyperv: {relaxed: true}, interfaces: []}\n"
    )
    outcome = system_account(verb, str(file), "--accel", "tcg")
    assert outcome.code == 2
    assert "only KVM offers, and would be emulated (--accel tcg was given)" in " ".join(outcome.err.split())
    assert not system_account.traces("lie")
