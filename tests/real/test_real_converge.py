"""A lab file is edited, and ``up`` makes the running lab what the file says."""

from __future__ import annotations

import json
from pathlib import Path

from driver import Virtlab

SECOND = """\
  two:
    profile: virtio
    memory: 160 MiB
"""


def edit(lab: Path, old: str, new: str) -> None:
    file = lab / "lab.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def addresses(virtlab: Virtlab, name: str) -> dict[str, str]:
    entry = virtlab.status(name)
    assert entry is not None
    return {g["name"]: g["interfaces"][0]["address"] for g in entry["guests"]}


def test_edit_and_up_again(session: Virtlab) -> None:
    lab, name = session.lab(more=SECOND), session.name()
    up = ("up", str(lab), "--as", name)
    session(*up).ended(0)
    pids, given = session.pids(name), addresses(session, name)
    assert set(pids) == {"one", "two"}

    edit(lab, "  two:\n", "  two:\n    title: Only a title\n")
    titled = session(*up).ended(0)
    assert "update two: the lab file changed\n    title" in titled.err
    assert "restart" not in titled.err
    assert session.pids(name) == pids

    edit(lab, "  one:\n    profile: virtio\n    memory: 160", "  one:\n    profile: virtio\n    memory: 192")
    before = session.status(name)
    asked = session(*up).ended(2)
    assert "restart one: the lab file changed\n    memory: 160 MiB → 192 MiB" in asked.err
    assert "this loses what is in its memory\nerror: one: what is lost does not come back" in asked.err
    assert "--yes" in asked.err
    screen = session.terminal(*up)
    screen.until("Go on? [y/N] ")
    screen.type("n\n")
    assert screen.end() == 1
    assert "nothing was changed" in screen.text
    assert session.pids(name) == pids
    assert session.status(name) == before

    screen = session.terminal(*up)
    screen.until("Go on? [y/N] ")
    screen.type("y\n")
    assert screen.end() == 0
    changed = session.pids(name)
    assert (changed["two"], changed["one"] != pids["one"]) == (pids["two"], True)
    grown, kept = (
        int(session("exec", f"{name}/{guest}", "--", "grep", "MemTotal", "/proc/meminfo").out.split()[1])
        for guest in ("one", "two")
    )
    assert grown - kept > 24 * 1024
    assert addresses(session, name) == given


def test_guests_come_and_go_and_disks_are_replaced(system: Virtlab) -> None:
    lab, name = system.lab(more=SECOND), system.name()
    up = ("up", str(lab), "--as", name)
    system(*up).ended(0)
    pids, given = system.pids(name), addresses(system, name)

    edit(lab, "guests:\n", f"guests:\n{SECOND.replace('two', 'zero')}")
    edit(lab, SECOND, "")
    edit(lab, "memory: 160 MiB\n", "memory: 160 MiB\n    disks: [{size: 32 MiB}]\n")
    system("exec", f"{name}/one", "--", "sh", "-c", "echo kept >/dev/vda; sync").ended(0)
    plan = json.loads(system("plan", *up[1:], "-o", "json").ended(0).out)
    assert {s["name"]: s["action"] for s in plan["steps"] if s["kind"] == "guest"} == {
        "zero": "create",
        "one": "replace",
        "two": "remove",
    }
    assert system.pids(name) == pids
    refused = system(*up).ended(2)
    for line in ("create zero", "replace one", "disks[0].size: 64 MiB → 32 MiB", "remove two"):
        assert line in refused.err
    assert refused.err.count("this loses all that is on its disks and in its memory") == 2
    done = system(*up, "--yes", "-o", "json").ended(0)
    assert [(g["name"], g["action"]) for g in json.loads(done.out)["guests"]] == [
        ("zero", "create"),
        ("one", "replace"),
    ]
    assert set(system.pids(name)) == {"zero", "one"}
    after = addresses(system, name)
    assert after["one"] == given["one"]
    assert after["zero"] != given["one"]
    disk = system("exec", f"{name}/one", "--", "sh", "-c", "head -c 4 /dev/vda; cat /sys/block/vda/size")
    assert disk.ended(0).raw == b"\0\0\0\0" + str(32 * 2048).encode() + b"\n"
    assert not [t for t in system.traces(name) if ".two" in t]


def test_choices_are_kept_and_another_file_is_a_conflict(system: Virtlab) -> None:
    lab, other, name = system.lab(), system.lab(), system.name()
    chosen = ("--accel", "tcg", "--set", "one.memory=144MiB")
    up = system("up", str(lab), "--as", name, *chosen).ended(0)
    assert "emulation (TCG)" in up.out
    pids = system.pids(name)
    entry = system.status(name)
    assert entry is not None
    assert (entry["accel_flag"], entry["set"]) == ("tcg", ["one.memory=144MiB"])
    assert (entry["guests"][0]["memory"], entry["guests"][0]["accel"]) == (144 * 2**20, "tcg")
    kept = f"{name} keeps --set one.memory=144MiB --accel tcg until it goes down"
    assert kept in system("status", name).out

    assert "is up already" in system("up", str(lab), "--as", name).ended(0).out
    assert system.status(name) == entry
    conflict = system("up", str(other), "--as", name).ended(1)
    assert (
        f"{name} is already up, made from {lab / 'lab.yaml'}, not from {other / 'lab.yaml'}" in conflict.err
    )
    assert "--as NAME" in conflict.err
    assert f"virtlab down {name}" in conflict.err
    assert system("up", str(other), "--as", name, "--dry-run").code == 1
    assert (system.status(name), system.pids(name)) == (entry, pids)

    clone = system.name()
    system("up", str(lab), "--as", clone).ended(0)
    assert set(system.pids(clone)) == set(system.pids(name)) == {"one"}
    assert addresses(system, clone) != addresses(system, name)
    system("down", name).ended(0)
    assert system.traces(name) == []
    assert set(system.pids(clone)) == {"one"}


def test_a_name_that_is_none_and_a_lab_that_is_none(system: Virtlab) -> None:
    lab = str(system.lab())
    assert "--as 'No.Name'" in system("up", lab, "--as", "No.Name").ended(2).err
    assert "error: " in system("up", "no-such-lab").ended(2).err
    assert "a size needs a unit" in system("up", lab, "--set", "one.memory=5").ended(2).err
    assert system("up", lab, "--set", "one.memory").ended(2).err


def test_copy_is_the_learners_own(virtlab: Virtlab) -> None:
    folder = virtlab.home / f"copied{len(list(virtlab.home.iterdir()))}"
    copied = virtlab("copy", "demo-paravirt", str(folder)).ended(0)
    assert f"virtlab up {folder}" in copied.err
    text = (folder / "lab.yaml").read_text()
    assert f"name: {folder.name}" in text
    assert "exists already" in virtlab("copy", "demo-paravirt", str(folder)).ended(1).err
    assert (folder / "lab.yaml").read_text() == text
    virtlab("validate", str(folder)).ended(0)
