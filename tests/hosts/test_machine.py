"""That a system in a folder is one of its own, and that nothing of it outlives the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from debian_host import Host
from machine import ENDED_BY_TIMEOUT, LEARNER, Machine

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

KILLED = """\
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from machine import Machine
with Machine(Path(sys.argv[2])) as machine:
    print(machine.first, flush=True)
    machine.run("sh", "-c", "setsid sleep 600 & sleep 600", limit=600)
"""


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_has_processes_a_network_and_accounts_of_its_own(host: Host) -> None:
    run = host.machine.run
    assert run("cat", "/proc/1/comm").ended().out == "enter\n"
    assert run("ip", "route").ended().out == ""
    assert run("id", "-un", account=LEARNER).ended().out == "learner\n"
    assert run("pwd", account=LEARNER).ended().out == "/home/learner\n"
    assert run("sleep", "20", limit=1).code == ENDED_BY_TIMEOUT
    with pytest.raises(AssertionError, match=r"exit code 3 instead of 0:\n[$] sh -c .*\nsaid"):
        run("sh", "-c", "echo said; exit 3").ended()


def test_it_reaps_what_others_leave(host: Host) -> None:
    host.machine.run("sh", "-c", "(sleep 0.1 &)").ended()
    time.sleep(0.5)
    assert "Z" not in host.machine.run("ps", "-e", "-o", "stat=").ended().out


def test_all_of_it_ends_with_killed_tests(host: Host) -> None:
    here = str(Path(__file__).parent)
    argv = [sys.executable, "-c", KILLED, here, str(host.folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        first = int(tests.stdout.readline())
        assert is_there(first)
        tests.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_there(first) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_there(first)
    assert str(host.folder) not in Path("/proc/self/mounts").read_text()


def test_a_folder_with_no_system_can_not_be_entered(host: Host, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="could not be entered"), Machine(tmp_path):
        pass
