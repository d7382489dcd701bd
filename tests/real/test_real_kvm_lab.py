"""demo-kvm on a real host: machines inside a guest, reached, checked, broken on purpose, and gone."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from driver import Virtlab, findings

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

LAB = "demo-kvm"
SECONDS = "300"  # for the guests to answer: a machine inside an emulated one is slow where others run, too


def test_the_machines_inside_are_reached(system_account: Virtlab, shared: str) -> None:
    for name in ("one", "two"):
        said = system_account("exec", f"{shared}/{name}", "--", "hostname").ended(0)
        assert said.out == f"{name}\n"
    outcome = system_account("exec", f"{shared}/one", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    outcome.ended(7)
    assert (outcome.out, "err" in outcome.err) == ("out\n", True)


def test_the_claims_of_the_lab_hold(system_account: Virtlab, shared: str) -> None:
    found = findings(system_account("check", shared, "-o", "json", timeout=300).ended(0))
    assert {f["verdict"] for f in found.values()} == {"pass"}
    assert len(found) == 10


def test_a_secret_is_found_in_its_own_machine_only(system_account: Virtlab, shared: str) -> None:
    make = "tr -dc a-z </dev/urandom | head -c 20 >/root/word; cat /root/word"
    word = system_account("exec", f"{shared}/two", "--", "sh", "-c", make).ended(0).out
    assert len(word) == 20
    found = system_account("exec", f"{shared}/host", "--", "guest-memory", "two", word, timeout=120).ended(0)
    assert int(found.out) >= 1
    system_account("exec", f"{shared}/host", "--", "guest-memory", "one", word, timeout=120).ended(1)


def test_each_solution_leads_to_a_passed_exercise(system_account: Virtlab, shared: str) -> None:
    run_as = shlex.join(system_account.argv())

    def typed(commands: list[str]) -> None:
        for command in commands:
            subprocess.run(["sh", "-c", command], check=True, env=system_account.env, timeout=120)

    for number in ("1", "2", "3"):
        told = system_account("solve", shared, "--step", number, "-o", "json", VIRTLAB_RUN_AS=run_as).ended(0)
        solution = json.loads(told.out)
        system_account("check", shared, "--step", number, timeout=120).ended(1)
        typed(solution["commands"])
        done = system_account("check", shared, "--step", number, timeout=120).ended(0)
        assert f"Exercise {number} is passed." in done.out
        typed(solution["undo"])


def test_exits_are_counted_for_port_reads(system_account: Virtlab, shared: str) -> None:
    command = ["exits", "one", "--", "dd", "if=/dev/port", "bs=1", "count=200", "skip=1280"]
    table = system_account("exec", f"{shared}/host", "--", *command).ended(0).out
    rows = {row.split()[0]: [int(n) for n in row.split()[1:]] for row in table.splitlines()[1:]}
    reads, idle = rows["io_exits"]
    assert 200 <= reads - idle < 400


def test_the_same_machine_runs_with_and_without_kvm(system_account: Virtlab, shared: str) -> None:
    for accel in ("kvm", "tcg"):
        command = ["exec", "--timeout", SECONDS, f"{shared}/host", "--", "bare-machine", accel, "4"]
        assert system_account(*command, timeout=400).ended(0).out.startswith(f"{accel}: 4 rounds in ")


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        pytest.param(
            "  one: &machine\n",
            "  one: &machine\n    kernel-args: [clocksource=tsc]\n",
            {("one", "clock"), ("two", "clock")},
            id="another-clock",
        )
    ],
)
def test_broken_on_purpose_the_check_fails_there(
    system_account: Virtlab, tmp_path: Path, before: str, after: str, broken: set[tuple[str, str]]
) -> None:
    copy = tmp_path / "lab"
    system_account("copy", LAB, str(copy)).ended(0)
    file = copy / "lab.yaml"
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))
    name = "t-kvm-broken"
    try:
        system_account("up", str(copy), "--as", name, "--timeout", SECONDS, timeout=700).ended(0)
        found = findings(system_account("check", name, "-o", "json", timeout=300))
        assert {at for at, f in found.items() if f["verdict"] == "fail"} == broken
    finally:
        system_account("down", name).ended(0)
    assert not system_account.traces(name)


def test_without_svm_no_machine_starts_and_it_says_why(system_account: Virtlab, tmp_path: Path) -> None:
    copy = tmp_path / "lab"
    system_account("copy", LAB, str(copy)).ended(0)
    file = copy / "lab.yaml"
    text = file.read_text()
    before = "      model: maximum "
    assert text.count(before) == 1
    file.write_text(text.replace(before, f"      features: {{svm: disable, vmx: disable}}\n{before}"))
    outcome = system_account("up", str(copy), "--as", "t-kvm-none", "--timeout", SECONDS, timeout=400)
    assert outcome.code == 1
    assert "the processor has neither SVM nor VT-x" in outcome.err
    system_account("down", "t-kvm-none")
    assert not system_account.traces("t-kvm-none")
