"""Ended in the middle, by every way there is; two at once; and ``down`` in all its forms."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from driver import Virtlab, together

from provisioner.model import naming

KILLED_AFTER = (0.15, 0.35, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0)  # seconds
KILLED_ON_SESSION = (0.6, 1.0, 1.5, 2.0, 2.5, 3.5)  # a user's own daemon starts first


def test_killed_at_many_moments_then_down_leaves_nothing(virtlab: Virtlab) -> None:
    lab, name = virtlab.lab("emulated"), virtlab.name()
    moments = KILLED_ON_SESSION if virtlab.is_session else KILLED_AFTER
    observed = set()
    for moment in moments:
        process = virtlab.begin("up", str(lab), "--as", name)
        time.sleep(moment)
        process.kill()
        process.communicate()
        left = virtlab.traces(name)
        observed |= {trace.partition(" ")[0] for trace in left if not trace.startswith("/")}
        virtlab("down", name).ended(0)
        assert virtlab.traces(name) == [], f"killed after {moment} s"
    assert {"domain", "volume", "process"} <= observed, "no moment was in the middle"
    virtlab("up", str(lab), "--as", name).ended(0)


def test_up_goes_on_where_a_killed_one_stopped(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    for moment in (0.5, 0.6, 0.7, 0.8, 1.2):
        process = system.begin("up", str(lab), "--as", name)
        time.sleep(moment)
        process.kill()
        process.communicate()
    system("up", str(lab), "--as", name).ended(0)
    system("exec", f"{name}/one", "--", "true").ended(0)


def test_up_mends_what_somebody_else_took_away(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    system("up", str(lab), "--as", name).ended(0)
    ping = (
        "exec",
        f"{name}/one",
        "--",
        "sh",
        "-c",
        "ping -c1 -W5 $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p')",
    )
    system(*ping).ended(0)

    network = naming.Instance(system.owner, name).network("lab")
    plan = ("up", str(lab), "--as", name, "--dry-run")
    system.virsh("net-destroy", network)
    assert "restart one: its network lab" in system(*plan).ended(0).out
    system.virsh("net-start", network)
    assert f"{name}/one: cut off from network lab" in system("status", name).ended(0).out
    assert "restart one: it is cut off from its network lab" in system(*plan).ended(0).out
    system("up", str(lab), "--as", name, "--yes").ended(0)
    system(*ping).ended(0)

    system("stop", "--timeout", "0", name).ended(0)
    system.virsh("vol-delete", naming.Instance(system.owner, name).volume("one", 0), naming.POOL)
    system("up", str(lab), "--as", name).ended(0)
    system("exec", f"{name}/one", "--", "test", "-b", "/dev/vda").ended(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_while_a_guest_boots(virtlab: Virtlab, number: int) -> None:
    lab, name = virtlab.lab(), virtlab.name()
    process = virtlab.begin("up", str(lab), "--as", name)
    deadline = time.monotonic() + 30
    while not virtlab.pids(name) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(number)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)  # again, while that is under way
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told.decode()
    assert b"taking back what this run made" in told
    assert b"interrupted" in told
    assert b"Traceback" not in told
    assert virtlab.traces(name) == []


def test_interrupted_very_early(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    for moment in (0.2, 0.4, 0.55):
        process = system.begin("up", str(lab), "--as", name)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert process.returncode in (130, -signal.SIGINT), told.decode()
        assert system.traces(name) == []


def test_two_at_once_make_one(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    both = [system.begin("up", str(lab), "--as", name) for _ in range(2)]
    told = [process.communicate(timeout=90) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sum(b"is up already" in out for out, _ in told) == 1
    assert sum(b"another virtlab is at work on" in err for _, err in told) == 1
    assert set(system.pids(name)) == {"one"}

    downs = [system.begin("down", name) for _ in range(2)]
    ends = [process.communicate(timeout=60) for process in downs]
    assert sorted(process.returncode for process in downs) in ([0, 0], [0, 1]), ends
    assert not any(b"Traceback" in err for _, err in ends)
    assert system.traces(name) == []


def test_down_needs_no_lab_file_and_can_be_said_twice(session: Virtlab) -> None:
    lab, name = session.lab(), session.name()
    session("up", str(lab), "--as", name).ended(0)
    Path(lab, "lab.yaml").unlink()
    lab.rmdir()
    done = session("down", name).ended(0)
    assert f"{name}: down" in done.out
    assert session.traces(name) == []
    assert session("down", name).ended(0).out == f"{name}: not up\n"


def test_down_with_several_up(session: Virtlab) -> None:
    assert session("down").ended(0).out == "nothing is up\n"
    lab, names = session.lab(), sorted([session.name(), session.name()])
    together(*(session.begin("up", str(lab), "--as", name) for name in names))
    which = session("down").ended(2)
    assert f"several labs are up: {', '.join(names)}" in which.err
    assert "--all" in which.err
    assert all(session.pids(name) for name in names)
    assert sorted(session("down", "--all").ended(0).out.splitlines()) == [f"{name}: down" for name in names]
    assert session("status").ended(0).out.startswith("nothing is up")
