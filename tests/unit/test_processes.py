"""The host's end of a network measurement: on one address, bounded by its block and by this process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provisioner import errors
from provisioner.host import processes
from provisioner.measure import workloads

needs_iperf3 = pytest.mark.skipif(shutil.which("iperf3") is None, reason="needs iperf3")


def listens(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as peer:
        peer.settimeout(1)
        return peer.connect_ex((address, port)) == 0


@needs_iperf3
def test_it_listens_only_there_and_only_so_long() -> None:
    with processes.iperf3_server("127.0.0.1") as port:
        assert listens(port)
        assert not listens(port, "127.0.0.2")
    assert not listens(port)


@needs_iperf3
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("network-send", 0.9, 3), ("network-receive", 0.9, 3), ("registers-network", 0, 3)],
)
def test_a_probe_ends_with_this_hosts_iperf3(name: str, least: float, most: float, tmp_path: Path) -> None:
    probe = next(probe for probe in workloads.PROBES if probe.name == name)
    with processes.iperf3_server("127.0.0.1") as port:
        began = time.monotonic()
        script = (probe.script + probe.answer).replace(workloads.KEPT, str(tmp_path / "kept"))
        told = subprocess.run(
            ["sh", "-c", script],
            env={"PATH": os.environ["PATH"], "PEER": "127.0.0.1", "PORT": str(port)},
            capture_output=True,
            timeout=20,
            check=False,
        )
        seconds = time.monotonic() - began
    assert told.returncode == 0, told.stderr
    found = workloads.read(probe, told.stdout)
    assert found[workloads.WORK] > 7_000_000
    assert least < seconds < most
    if probe.metrics:
        assert found[name] * 1e6 * seconds == pytest.approx(found[workloads.WORK], rel=0.3)


@needs_iperf3
def test_it_ends_when_virtlab_is_killed() -> None:
    program = (
        "import time\nfrom provisioner.host.processes import iperf3_server\n"
        "with iperf3_server('127.0.0.1') as port:\n    print(port, flush=True)\n    time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            assert listens(port)
        finally:
            process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(port)


def test_without_iperf3_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PLACES", "/nonexistent")
    with (
        pytest.raises(errors.HypervisorError, match="iperf3") as caught,
        processes.iperf3_server("127.0.0.1"),
    ):
        pass
    assert "iperf3" in (caught.value.hint or "")


@needs_iperf3
def test_an_address_that_is_not_this_hosts() -> None:
    with pytest.raises(errors.HypervisorError, match=r"192\.0\.2\.1"), processes.iperf3_server("192.0.2.1"):
        pass


def test_whether_a_port_is_free() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # noqa: S104 - as servers do that are in the way
        taken.listen()
        port = taken.getsockname()[1]
        assert processes.can_listen("127.53.53.53", port) is False
    assert processes.can_listen("127.53.53.53", port)
