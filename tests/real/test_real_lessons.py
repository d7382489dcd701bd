"""check, hint, solve and guide on real guests, as a learner uses them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driver import PATIENCE, Outcome, Virtlab, findings

LAB = "demo-paravirt"
ANSWERS = {1: "ata_piix", 2: "5", 5: "virtio-blk", 6: "vmw_pvscsi"}
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
Check = Callable[..., Outcome]


def failed(outcome: Outcome) -> dict[tuple[str, str], dict[str, Any]]:
    """The findings that are failures, by guest and item."""
    findings = json.loads(outcome.out)["findings"]
    return {(f["guest"], f["item"]): f for f in findings if f["verdict"] == "fail"}


def test_the_claim_of_the_lab_holds(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    outcome = system_account("check", shared, "-o", "json", **state).ended(0)
    result = json.loads(outcome.out)
    verdicts = {(f["guest"], f["item"]): f["verdict"] for f in result["findings"]}
    accel = result["accels"]["virtio"]
    assert verdicts.pop(("virtio", "virtio-clock")) == ("pass" if accel == "kvm" else "impossible")
    optional = {at: verdicts.pop(at) for at in list(verdicts) if at[0] == "vmware"}
    assert set(optional.values()) == {"impossible"}
    assert len(optional) == 3
    assert set(verdicts.values()) == {"pass"}
    assert len(verdicts) == 16
    assert any("fw_cfg" in name for name in result["platform"]["full"])
    (kept,) = Path(state["XDG_STATE_HOME"]).rglob(f"{shared}.check.json")
    template = kept.read_text()  # the command is spelled out where it is shown
    assert "{virtlab} up " in template
    spelled = json.loads(template.replace("{virtlab}", "virtlab"))
    assert spelled["result"]["findings"] == result["findings"]


def test_what_both_have_is_listed_and_why_not_here(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    page = system_account("check", shared, **state).ended(0).out
    assert "What every such machine has, and what proves nothing:" in page
    assert re.search(r"fw_cfg.*PVH entry", page, re.DOTALL)
    page = system_account("check", shared, "--lang", "ja", **state).ended(0).out
    assert "何の証拠にもならないもの" in page
    assert system_account("check", shared, "-o", "name", **state).ended(0).out == ""


def unasked(outcome: Outcome) -> dict[tuple[str, str], str]:
    """Why items could not be asked, by guest and item."""
    found = findings(outcome)
    return {at: each["why"] for at, each in found.items() if each["verdict"] == "unasked"}


def flat(page: str) -> str:
    """A page as one line, wherever its lines end."""
    return " ".join(page.split())


def test_a_guest_that_is_down_fails_no_item(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    system_account("stop", f"{shared}/full", "--timeout", "0").ended(0)
    outcome = system_account("check", shared, "-o", "json", **state).ended(1)
    assert not failed(outcome)
    silent = unasked(outcome)
    assert {guest for guest, _ in silent} == {"full"}
    assert len(silent) == 10
    assert set(silent.values()) == {f"{shared}/full is stopped"}
    shown = system_account("check", shared, **state).ended(1)
    assert f"could not be asked: {shared}/full is stopped" in flat(shown.out)
    assert f"next: virtlab start {shared}/full" in shown.err
    assert re.search(r"^pass +virtio +Interface of the disk", shown.out, re.MULTILINE)
    system_account("start", shared).ended(0)


CRASH = "echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger"
BROKEN = {
    "full": (CRASH, "does not answer"),
    "virtio": ("rm -rf /usr /bin /sbin", "can't run commands any more"),
}


def test_guests_that_their_learner_broke(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    """One whose kernel crashed, on a serial line, and one whose agent has no programs any more."""
    for guest, (command, _) in BROKEN.items():
        broken = system_account("exec", f"{shared}/{guest}", "--", "sh", "-c", command)
        assert broken.seconds < 45
    silent = unasked(system_account("check", shared, "-o", "json", **state).ended(1))
    seen = system_account("status", shared, "--ask").ended(0)
    for guest, (_, told) in BROKEN.items():
        label = f"{shared}/{guest}"
        ways = (("exec", label, "--", "true"), ("start", label))
        for outcome in [system_account(*way) for way in ways]:
            assert outcome.code in (1, 125)
            assert outcome.seconds < 45
            assert f"{label} is up, and {told}" in flat(outcome.err)
            back = f"start it anew: virtlab stop {label}, then virtlab start {label}"
            assert back in flat(outcome.err)
        assert all(f"{label} is up, and" in why for (name, _), why in silent.items() if name == guest)
        assert f"{label} is up, and does not answer" in flat(seen.out)
    system_account("stop", shared).ended(0)
    system_account("start", shared).ended(0)
    system_account("check", shared, "-o", "json", **state).ended(0)


@pytest.mark.timeout(600)
def test_each_solution_leads_to_a_passed_step(system: Virtlab, shared: str, state: dict[str, str]) -> None:
    name, copy = shared, system.name()

    def typed(commands: list[str]) -> None:
        """Types what solve tells, where virtlab is called otherwise, and the copy has a name of its own."""
        for command in commands:
            subprocess.run(
                ["sh", "-c", command.replace("my-lab", copy)],
                check=True,
                cwd=system.home,
                env={**system.env, **state},
                timeout=PATIENCE,
            )

    run_as = {"VIRTLAB_RUN_AS": shlex.join(system.argv()), **state}
    for number in range(1, 7):
        lab = name if number < 4 else copy
        answer = ["--answer", ANSWERS[number]] if number in ANSWERS else []
        solution = json.loads(system("solve", name, "--step", str(number), "-o", "json", **run_as).out)
        if number in (1, 2):
            system("check", lab, "--step", str(number), "--answer", "virtio_blk", **state).ended(1)
            system("check", lab, "--step", str(number), "--answer", "sd", **state).ended(1)
        elif number == 3:
            page = system("check", lab, "--step", "3", **state).ended(1).out
            assert "Exercise 3 is not passed yet." in page
        typed(solution["commands"])
        done = system("check", lab, "--step", str(number), *answer, **run_as).ended(0)
        assert f"Exercise {number} is passed." in done.out
        if number == 4:  # a copy is found by its folder, too
            broken = failed(system("check", f"{system.home / copy}/", "-o", "json", **state).ended(1))
            assert set(broken) == {("full", f"full-{what}") for what in ("rng", "devices", "drivers")}
            page = system("check", copy, **state).ended(1).out
            assert re.search(r"^fail +full +Random number generator +virtio +nothing$", page, re.MULTILINE)
        elif number == 5:
            assert ("full", "full-disk") in failed(system("check", lab, "-o", "json", **state).ended(1))
        undo = [command.replace(f" {name}/", f" {lab}/") for command in solution["undo"]]
        where = shlex.quote(str(system.home / copy))  # a copy that is up speaks of itself
        undo = [c.replace("my-lab/lab.yaml", f"{where}/lab.yaml").replace("my-lab", copy) for c in undo]
        assert all(command in done.err for command in undo), done.err
        typed(solution["undo"])
        if number < 4:
            assert not failed(system("check", lab, "-o", "json", **state))
        else:
            assert system.status(copy) is None
    assert "All exercises are passed." in done.err
    # the copy and the lab that it is from have one progress
    assert "(passed)" in system("guide", LAB, **state).ended(0).out
    system("hint", name, **state).ended(1)


def test_hints_come_one_at_a_time_and_end(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    told = [system_account("hint", shared, **state).ended(0).out.count("Hint ") for _ in range(4)]
    assert told == [1, 2, 3, 3]
    last = system_account("hint", LAB, "--lang", "ja", **state).ended(0)
    assert "ヒントは以上です。" in last.out
    assert f"solve {LAB} --step 1" in last.err


def test_what_can_not_be_checked(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    for arguments, words in (
        (["--step", "7"], "there is no exercise 7: the lesson has 6"),
        (["--step", "1"], "exercise 1 wants an answer"),
        (["--step", "3", "--answer", "x"], "exercise 3 wants no answer"),
        (["--answer", "x"], "an answer to which exercise?"),
    ):
        assert words in system_account("check", shared, *arguments, **state).ended(2).err
    assert "is up" in system_account("check", "t-nothing", **state).ended(1).err


def test_a_state_folder_that_can_not_be_written_is_no_failed_check(
    system_account: Virtlab, shared: str, state: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    nowhere = {**state, "XDG_STATE_HOME": str(tmp_path / "file")}
    outcome = system_account("check", shared, "--step", "1", "--answer", "ata_piix", **nowhere).ended(0)
    assert "can't be kept" in outcome.err
    assert "can't be kept" in system_account("check", shared, **nowhere).ended(0).err


def test_guide_on_a_terminal_and_in_a_pipe(
    system_account: Virtlab, state: dict[str, str], tmp_path: Path
) -> None:
    plain = system_account("guide", LAB, "--lang", "en", **state).ended(0)
    assert "\x1b" not in plain.out
    assert "{virtlab}" not in plain.out
    assert "1. **The driver behind the disk**\n" in plain.out
    screen = system_account.terminal("guide", LAB, LC_ALL="ja_JP.UTF-8", PAGER="cat", **state)
    assert screen.end() == 0
    assert "演習" in screen.text
    copied = tmp_path / "mine"
    system_account("copy", LAB, str(copied)).ended(0)
    (copied / "guide.ja.md").unlink()
    fallback = system_account("guide", str(copied), "--lang", "ja", **state).ended(0)
    assert "enのガイドを表示します" in fallback.err
    assert plain.out.splitlines()[0] == fallback.out.splitlines()[0]


# The last two on the lab that is up: they leave a device in it.
def test_a_device_slipped_in_behind_virtlabs_back(
    system_account: Virtlab, shared: str, state: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "rng.xml").write_text(RNG)
    domain = system_account.domain(shared, "full")
    system_account.virsh("attach-device", domain, str(tmp_path / "rng.xml"), "--live")
    found = failed(system_account("check", shared, "-o", "json", **state).ended(1))
    assert ("full", "full-devices") in found
    assert any("1af4:1005" in value for value in found["full", "full-devices"]["saw"])


def test_a_device_slipped_in_by_set(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    system_account("up", LAB, "--as", shared, "--set", "full.balloon=virtio", "--yes").ended(0)
    found = failed(system_account("check", shared, "-o", "json", **state).ended(1))
    assert set(found) == {("full", f"full-{what}") for what in ("balloon", "devices", "drivers")}
