"""``bench`` on real guests: what it measures, and that the learner's guests are none the worse for it."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest
from driver import PATIENCE, Virtlab

LAB = "demo-paravirt"
# the engine itself, because nobody but a test wants a benchmark of one round
PROGRAM = """\
import json, sys, threading
from provisioner.cancellation import Cancellation
from provisioner.lifecycle import running
from provisioner.measure import benchmark
from provisioner.model.plain import to_data

class Told:
    def note(self, text): print("note", text, file=sys.stderr, flush=True)
    def phase(self, subject, phase, fraction=None): print(subject, phase, file=sys.stderr, flush=True)
    done = failed = phase

with running.lab_up(sys.argv[1], sys.argv[2]) as (session, instance, guests):
    found, in_the_way = benchmark.run(
        session, instance, guests, Told(), quick=True, cancelled=Cancellation(), rounds=1
    )
    assert in_the_way is None, in_the_way
    print(json.dumps(to_data(found)))
"""


def begin(virtlab: Virtlab, name: str) -> subprocess.Popen[str]:
    argv = [*virtlab.prefix, virtlab.python, "-c", PROGRAM, virtlab.uri, name]
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=virtlab.env, cwd=virtlab.home
    )


def until(process: subprocess.Popen[str], words: str) -> str:
    """What was told, up to the line with these words."""
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if words in line:
            return told
    raise AssertionError(f"no {words!r} in:\n{told}")


def series(found: dict[str, Any], workload: str) -> dict[str, dict[str, Any]]:
    (outcome,) = [outcome for outcome in found["outcomes"] if outcome["workload"] == workload]
    return {entry["guest"]: entry for entry in outcome["series"]}


def states(virtlab: Virtlab, name: str) -> dict[str, str]:
    entry = virtlab.status(name)
    assert entry is not None
    return {guest["name"]: guest["state"] for guest in entry["guests"]}


def uptime(virtlab: Virtlab, name: str, guest: str) -> float:
    return float(virtlab("exec", f"{name}/{guest}", "--", "cat", "/proc/uptime").ended(0).out.split()[0])


def test_it_measures_clones_and_leaves_the_guests_as_they_were(virtlab: Virtlab) -> None:
    name = virtlab.name()
    virtlab("up", LAB, "--as", name).ended(0)
    before, pids = virtlab.traces(name), virtlab.pids(name)
    was_up = {guest: uptime(virtlab, name, guest) for guest in pids}

    process = begin(virtlab, name)
    out, told = process.communicate(timeout=3 * PATIENCE)
    assert process.returncode == 0, told
    found = json.loads(out)

    assert found["notes"] == [note for note in found["notes"] if "busy" in note]
    for outcome in found["outcomes"]:
        for entry in outcome["series"]:
            assert len(entry["values"]) == 1, (outcome["workload"], entry)
            assert entry["missing"] == ""
    reads = series(found, "registers-disk")
    assert reads["full"]["values"][0] == pytest.approx(26, abs=2)
    assert reads["virtio"]["values"] == [1.0]
    (counted,) = [o for o in found["outcomes"] if o["workload"] == "registers-disk"]
    assert counted["label"] == "ioeventfd='off'"
    assert {"full: ide", "virtio: virtio-pci-notify-virtio-blk"} <= {part for part, _ in counted["raw"]}
    assert found["host"]["connection"] == virtlab.uri
    assert {guest["accel"] for guest in found["guests"]} <= {"kvm", "tcg"}

    assert virtlab.pids(name) == pids
    assert states(virtlab, name) == dict.fromkeys(pids, "running")
    for guest, seconds in was_up.items():
        assert uptime(virtlab, name, guest) > seconds
    assert virtlab.traces(name) == before


def test_killed_in_the_middle_it_harms_nothing_and_down_leaves_nothing(system: Virtlab) -> None:
    name = system.name()
    system("up", LAB, "--as", name).ended(0)
    pids = system.pids(name)

    def kill_one(words: str) -> None:
        process = begin(system, name)
        until(process, words)
        process.kill()
        process.communicate()

    kill_one("round 1 of 1: virtio")
    now = states(system, name)
    assert now["full"] == now["virtio"] == "paused"
    assert "full.clone" in now
    # the guests go on when told to, and the clones are none of them
    system("start", name).ended(0)
    now = states(system, name)
    assert now["full"] == now["virtio"] == "running"
    assert now["full.clone"] == "paused"
    # up has nothing to ask: what it takes away is nobody's
    system("up", LAB, "--as", name).ended(0)
    assert system.pids(name) == pids
    assert not [trace for trace in system.traces(name) if "clone" in trace]

    kill_one("starting clones again")
    assert [trace for trace in system.traces(name) if "clone" in trace]
    system("down", name).ended(0)
    assert system.traces(name) == []


def test_a_clone_that_ends_in_the_middle_leaves_the_others_result(system: Virtlab) -> None:
    name = system.name()
    system("up", LAB, "--as", name).ended(0)
    process = begin(system, name)
    until(process, "round 1 of 1: virtio")
    began = time.monotonic()
    system.virsh("destroy", system.domain(name, "virtio.clone"))
    out, told = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, told
    assert time.monotonic() - began < PATIENCE
    found = json.loads(out)
    for workload in ("control", "network-send", "registers-disk"):
        entries = series(found, workload)
        assert len(entries["full"]["values"]) == 1
        assert entries["full"]["missing"] == ""
        assert "stopped in the middle" in entries["virtio"]["missing"]
    assert series(found, "registers-disk")["virtio"]["values"] == []
    assert "virtio: its clone stopped in the middle of the measurement" in found["notes"]
    assert not [trace for trace in system.traces(name) if "clone" in trace]
