"""demo-vmware on a real host: VMware's devices, as QEMU models them, in guests that recognize VMware."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from driver import Virtlab, findings

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

LAB = "demo-vmware"
ANSWERS = {"1": "vmw_pvscsi"}


def test_the_claims_of_the_lab_hold(system_account: Virtlab, shared: str) -> None:
    found = findings(system_account("check", shared, "-o", "json").ended(0))
    assert {f["verdict"] for f in found.values()} == {"pass"}
    assert len(found) == 14
    assert found["paravirtual", "signature"]["saw"][0] in ("TCGTCGTCGTCG", "KVMKVMKVM")


def test_the_disk_of_each_can_be_read_and_written(system_account: Virtlab, shared: str) -> None:
    write = "echo kept | dd of=/dev/sda bs=512 conv=sync; sync; echo 3 >/proc/sys/vm/drop_caches"
    script = f"{write}; head -c 4 /dev/sda"
    for guest in ("emulated", "paravirtual"):
        said = system_account("exec", f"{shared}/{guest}", "--", "sh", "-c", script).ended(0)
        assert said.out.endswith("kept")


def test_the_pictures_tell_the_devices_apart(system_account: Virtlab, shared: str) -> None:
    stacks = json.loads(system_account("compare", shared, "--stack", "-o", "json").ended(0).out)
    told = {stack["guest"]: json.dumps(stack, ensure_ascii=False) for stack in stacks}
    assert "driver sd → mptsas" in told["emulated"]
    assert "LSI SAS1068" in told["emulated"]
    assert "driver sd → vmw_pvscsi" in told["paravirtual"]
    assert "driver vmxnet3" in told["paravirtual"]
    assert "not known" not in "".join(told.values())


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_solution_leads_to_a_passed_exercise(system_account: Virtlab, shared: str, number: str) -> None:
    run_as = shlex.join(system_account.argv())
    told = system_account("solve", shared, "--step", number, "-o", "json", VIRTLAB_RUN_AS=run_as).ended(0)
    solution = json.loads(told.out)
    answer = ["--answer", ANSWERS[number]] if number in ANSWERS else []
    system_account("check", shared, "--step", number, *(["--answer", "sd"] if answer else [])).ended(1)
    _typed(system_account, solution["commands"])
    done = system_account("check", shared, "--step", number, *answer).ended(0)
    assert f"Exercise {number} is passed." in done.out
    _typed(system_account, solution["undo"])
    system_account("check", shared).ended(0)


def test_without_the_port_nobody_recognizes_vmware(system: Virtlab) -> None:
    copy = system.name()
    run_as = {"VIRTLAB_RUN_AS": shlex.join(system.argv())}
    told = system("solve", LAB, "--step", "3", "-o", "json", **run_as).ended(0)
    solution = json.loads(told.out.replace("my-vmware", copy))
    _typed(system, solution["commands"])
    assert "Exercise 3 is passed." in system("check", copy, "--step", "3").ended(0).out
    found = findings(system("check", copy, "-o", "json").ended(1))
    assert [at for at, f in found.items() if f["verdict"] == "fail"] == [("emulated", "recognized")]
    _typed(system, solution["undo"])
    assert system.status(copy) is None


def test_broken_on_purpose_the_check_fails_there(system: Virtlab, tmp_path: Path) -> None:
    copy, name = tmp_path / "lab", system.name()
    system("copy", LAB, str(copy)).ended(0)
    file = copy / "lab.yaml"
    before = "    profile: vmware-paravirtual\n"
    assert file.read_text().count(before) == 1
    file.write_text(file.read_text().replace(before, f"{before}    interfaces: [{{model: e1000}}]\n"))
    system("up", str(copy), "--as", name).ended(0)
    found = findings(system("check", name, "-o", "json").ended(1))
    assert {at for at, f in found.items() if f["verdict"] == "fail"} == {
        ("paravirtual", "paravirtual-network"),
        ("paravirtual", "paravirtual-devices"),
        ("paravirtual", "paravirtual-modules"),
    }


def _typed(virtlab: Virtlab, commands: list[str]) -> None:
    for command in commands:
        subprocess.run(["sh", "-c", command], check=True, cwd=virtlab.home, env=virtlab.env, timeout=120)
