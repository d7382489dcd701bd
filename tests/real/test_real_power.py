"""``stop`` and ``start``: disks stay, memory does not; what a stopped guest answers to the verbs."""

from __future__ import annotations

import os
import signal

from driver import Virtlab


def test_stop_and_start(session: Virtlab) -> None:
    lab, name = session.lab("emulated"), session.name()
    label = f"{name}/one"
    session("up", str(lab), "--as", name).ended(0)
    write = "echo on-the-disk | dd of=/dev/sda bs=512 seek=9 2>/dev/null; echo in-memory >/root/note; sync"
    session("exec", label, "--", "sh", "-c", write).ended(0)

    stopped = session("stop", label).ended(0)
    assert "keeps nothing but its disks" in stopped.err
    assert f"next: virtlab start {label}" in stopped.err
    assert session.pids(name) == {}
    entry = session.status(name)
    assert entry is not None
    assert entry["guests"][0]["state"] == "stopped"
    assert "is stopped already" in session("stop", name).ended(0).err
    for verb, code in ((("exec", label, "--", "true"), 125), (("console", label), 1)):
        down = session(*verb).ended(code)
        assert f"{label} is stopped" in down.err
        assert f"virtlab start {label}" in down.err

    session("start", name).ended(0)
    assert "is running already" in session("start", label).ended(0).err
    read = "dd if=/dev/sda bs=512 skip=9 count=1 2>/dev/null | head -n1; cat /root/note"
    back = session("exec", label, "--", "sh", "-c", read)
    assert back.out == "on-the-disk\n"
    assert back.code == 1


def test_up_starts_what_was_stopped_or_paused(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    label = f"{name}/one"
    system("up", str(lab), "--as", name).ended(0)
    system("exec", label, "--", "sh", "-c", "echo on-the-disk >/dev/vda; sync").ended(0)
    pids = system.pids(name)
    for verb in (("up", str(lab), "--as", name), ("start", name)):
        system.virsh("suspend", system.domain(name, "one"))
        system(*verb).ended(0)
        system("exec", label, "--", "true").ended(0)
    assert system.pids(name) == pids

    (pid,) = pids.values()
    os.kill(pid, signal.SIGSTOP)
    try:
        for verb in (("up", str(lab), "--as", name), ("start", name)):
            told = system(*verb).ended(1).err
            assert f"{label}: its QEMU, process {pid}, was stopped by a signal" in told
        assert f"kill -CONT {pid} lets it go on" in system("status", name).ended(0).out
    finally:
        os.kill(pid, signal.SIGCONT)
    system("exec", label, "--", "true").ended(0)

    system("stop", "--timeout", "0", label).ended(0)
    assert system.pids(name) == {}
    again = system("up", str(lab), "--as", name).ended(0)
    assert "start one: it is stopped" in again.err
    assert system("exec", label, "--", "head", "-n1", "/dev/vda").ended(0).out == "on-the-disk\n"


def test_what_is_not_up_can_be_neither_started_nor_stopped(system: Virtlab) -> None:
    for verb in ("start", "stop"):
        refused = system(verb, "t-none").ended(1)
        assert "no lab 't-none' of yours is up" in refused.err
        assert "virtlab status" in refused.err
