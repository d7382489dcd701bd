"""What the host's kernel tells of processes and disks, on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provisioner.host import local_host
from provisioner.host.local_host import LocalHost
from provisioner.host.unknown_host import UnknownHost

_WORK = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\ntime.sleep(60)"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_qemu_process_is_found_by_its_guest() -> None:
    argv = ["qemu-of-a-test", "-c", _WORK, "-name", "guest=virtlab.me.demo.one,debug-threads=on"]
    process = subprocess.Popen(argv, executable=sys.executable)
    try:
        time.sleep(0.1)
        found: dict[str, local_host.HostProcess] = {}
        deadline = time.monotonic() + 20
        while not (found and found["virtlab.me.demo.one"].seconds >= 0.25) and time.monotonic() < deadline:
            time.sleep(0.05)
            found = LocalHost().qemu_processes(["virtlab.me.demo.one", "virtlab.me.demo.on"])
    finally:
        process.kill()
        process.wait()
    (one,) = found.values()
    assert one.pid == process.pid
    assert one.user == local_host.user_name()
    assert 0.25 <= one.seconds < 5
    assert one.resident > 1024**2
    assert [thread.tid for thread in one.threads] == [process.pid]
    assert one.threads[0].seconds <= one.seconds + 0.1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_a_qemu_that_a_signal_stopped_is_found() -> None:
    argv = ["qemu-of-a-test", "-c", "import time; time.sleep(60)", "-name", "guest=virtlab.me.demo.stuck,x=y"]
    process = subprocess.Popen(argv, executable=sys.executable)
    found = []
    try:
        for number in (signal.SIGSTOP, signal.SIGCONT):
            before = LocalHost().stopped_qemus(["virtlab.me.demo.stuck"])
            process.send_signal(number)
            deadline = time.monotonic() + 20
            while before == (now := LocalHost().stopped_qemus(["virtlab.me.demo.stuck"])):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            found.append(now)
    finally:
        process.kill()
        process.wait()
    assert found == [{"virtlab.me.demo.stuck": process.pid}, {}]


def test_what_only_looks_like_it_is_not_taken() -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        assert LocalHost().qemu_processes(["virtlab.me.demo.none"]) == {}
    finally:
        process.kill()
        process.wait()


def test_a_folder_lies_on_a_file_system(tmp_path: Path) -> None:
    found = LocalHost().storage(str(tmp_path / "not" / "there"))
    assert found
    wanted = subprocess.run(
        ["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout.strip()
    names = {"ext2/ext3": "ext4", "overlayfs": "overlay"}
    assert found.file_system == names.get(wanted, wanted)


def test_a_host_out_of_reach_tells_nothing() -> None:
    assert UnknownHost().qemu_processes(["x"]) == {}
    assert UnknownHost().stopped_qemus(["x"]) == {}
    assert UnknownHost().storage("/") is None


def test_the_name_of_a_process_can_not_shift_its_numbers(tmp_path: Path) -> None:
    fields = ["S", "1", *["0"] * 9, "150", "50", *["0"] * 30]
    (tmp_path / "stat").write_text(f"77 (a) b (c ) 9 9) {' '.join(fields)}\n")
    assert local_host._processor_seconds(tmp_path) == pytest.approx(200 / os.sysconf("SC_CLK_TCK"))
