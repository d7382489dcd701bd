"""The probes' scripts, run by BusyBox's and the host's shell on what the tools really wrote, and read."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.lessons import workloads
from provisioner.lessons.workloads import PROBES, WORK, Probe, Source, read

SHELLS = [["sh"], *([["busybox", "sh"]] if shutil.which("busybox") else [])]
BY_NAME = {probe.name: probe for probe in PROBES}
# as the guests' tools wrote it
SEQUENTIAL = "256 191420443 1337 1402334316 306247 747736 6099963 703919 264 218210953\n"
SENT = """\
Connecting to host 192.168.135.1, port 5399
[  5] local 192.168.135.11 port 58876 connected to 192.168.135.1 port 5399
[ ID] Interval           Transfer     Bitrate         Retr  Cwnd
[  5]   0.00-1.01   sec  68.4 MBytes  568153 Kbits/sec    0    684 KBytes
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-1.01   sec  68.4 MBytes  568153 Kbits/sec    0             sender
[  5]   0.00-1.02   sec  68.4 MBytes  563679 Kbits/sec                  receiver

iperf Done.
"""
RECEIVED = """\
Connecting to host 192.168.135.1, port 5399
Reverse mode, remote host 192.168.135.1 is sending
[  5] local 192.168.135.12 port 54774 connected to 192.168.135.1 port 5399
[ ID] Interval           Transfer     Bitrate         Retr  Cwnd
[  5]   0.00-1.00   sec   283 MBytes  2368695 Kbits/sec
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-1.01   sec   285 MBytes  2359420 Kbits/sec    1             sender
[  5]   0.00-1.00   sec   283 MBytes  2368695 Kbits/sec                  receiver

iperf Done.
"""
REFUSED = "iperf3: error - unable to connect to server: Connection refused\n"


def requests(count: int) -> str:
    """ioping's lines for requests of 1, 2, 3 … µs in a shuffled order, and its last line."""
    times = [1000 * (i * 7919 % count + 1) for i in range(count)]
    lines = [f"1 {t} 3220 13187252 {t} {t} {t} 0 2 1586177" for t in times]
    return "\n".join([*lines, f"{count} {sum(times)} 1979 8106659 1 2 3 4 {count} 10295504"]) + "\n"


def pings(count: int) -> str:
    head = "PING 192.168.135.1 (192.168.135.1): 56 data bytes\n"
    lines = [
        f"64 bytes from 192.168.135.1: seq={i} ttl=64 time=0.{i * 7 % count + 1:04d} ms" for i in range(count)
    ]
    tail = f"\n\n--- 192.168.135.1 ping statistics ---\n{count} packets transmitted\n"
    return head + "\n".join(lines) + tail


def answered(probe: Probe, kept: str, folder: Path, shell: list[str]) -> bytes:
    """What the probe's answer says where its script left ``kept``."""
    file = folder / "kept"
    file.write_text(kept)
    script = probe.answer.replace(workloads.KEPT, str(file))
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    return subprocess.run([*shell, "-c", script], capture_output=True, check=False, env=environment).stdout


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def shell(request: pytest.FixtureRequest) -> list[str]:
    found: list[str] = request.param
    return found


def test_a_disk_in_sequence_is_bytes_each_second(tmp_path: Path, shell: list[str]) -> None:
    probe = BY_NAME["disk-read-sequential"]
    found = read(probe, answered(probe, SEQUENTIAL, tmp_path, shell))
    assert found == {probe.name: pytest.approx(1402.334316), WORK: 264 * 1024**2}


def test_a_disk_that_answered_fewer_requests_gives_nothing(tmp_path: Path, shell: list[str]) -> None:
    probe = BY_NAME["disk-read-sequential"]
    with pytest.raises(ValueError, match="last line"):
        read(probe, answered(probe, SEQUENTIAL.replace("256 ", "12 ", 1), tmp_path, shell))


def test_random_requests_give_percentiles_by_nearest_rank(tmp_path: Path, shell: list[str]) -> None:
    probe = BY_NAME["disk-read-random"]
    found = read(probe, answered(probe, requests(1000), tmp_path, shell))
    assert found == {probe.name: 500, f"{probe.name}-p90": 900, f"{probe.name}-p99": 990, WORK: 1016}


def test_pings_give_percentiles_in_microseconds(tmp_path: Path, shell: list[str]) -> None:
    found = read(BY_NAME["ping"], answered(BY_NAME["ping"], pings(1000), tmp_path, shell))
    expected = {"ping": 50.0, "ping-p90": 90.0, "ping-p99": 99.0, WORK: 1000}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", ["ping", "disk-write-random"])
def test_percentiles_of_too_few_are_none(name: str, tmp_path: Path, shell: list[str]) -> None:
    kept = pings(900) if name == "ping" else requests(900)
    with pytest.raises(ValueError, match="a number was expected"):
        read(BY_NAME[name], answered(BY_NAME[name], kept, tmp_path, shell))


@pytest.mark.parametrize(
    ("name", "kept", "speed", "work"),
    [
        ("network-send", SENT, 70.459875, 71_869_072),
        ("network-receive", RECEIVED, 296.086875, 296_086_875),
    ],
)
def test_a_stream_is_what_the_receiver_counted(
    name: str, kept: str, speed: float, work: float, tmp_path: Path, shell: list[str]
) -> None:
    found = read(BY_NAME[name], answered(BY_NAME[name], kept, tmp_path, shell))
    assert found == {name: pytest.approx(speed), WORK: pytest.approx(work)}


def test_a_stream_that_never_was_gives_nothing(tmp_path: Path, shell: list[str]) -> None:
    with pytest.raises(ValueError, match="last line"):
        read(BY_NAME["network-send"], answered(BY_NAME["network-send"], REFUSED, tmp_path, shell))


def test_the_control_is_the_fastest_turn(tmp_path: Path, shell: list[str]) -> None:
    turns = [40_000_000 + 1000 * (i * 7 % 20) for i in range(12)]
    kept = "".join(f"{turn}\n" for turn in turns)
    assert read(BY_NAME["control"], answered(BY_NAME["control"], kept, tmp_path, shell)) == {"control": 40.0}


@pytest.mark.parametrize("probe", [p for p in PROBES if p.registers], ids=lambda p: p.name)
def test_counted_work_is_told_only_where_it_was_done(probe: Probe, tmp_path: Path, shell: list[str]) -> None:
    assert read(probe, answered(probe, "of the tool\nok\n", tmp_path, shell)) == {
        WORK: pytest.approx(probe_work(probe))
    }
    with pytest.raises(ValueError, match="last line"):
        read(probe, answered(probe, "of the tool\n", tmp_path, shell))


def probe_work(probe: Probe) -> float:
    return {"registers-disk": 200, "registers-ping": 100, "registers-network": 8_000_000}[probe.name]


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.name)
def test_a_script_is_small_and_both_shells_take_it(probe: Probe, shell: list[str]) -> None:
    for text in (probe.script, probe.answer):
        assert len(text.encode()) < 700  # it goes over a serial line
        subprocess.run([*shell, "-n", "-c", text], check=True)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"control 1\n",
        b"control 1\ndon",
        b"done\n",
        b"control 1\ncontrol 2\ndone\n",
        b"control 1\nextra 2\ndone\n",
        b"control nan\ndone\n",
        b"control inf\ndone\n",
        b"control -1\ndone\n",
        b"control 0\ndone\n",
        b"control 1e300\ndone\n",
        b"control 1 2\ndone\n",
        b"control\ndone\n",
        b"control \xff\ndone\n",
        b"\x1b[31mcontrol 1\ndone\n",
        b"control 1\ndone\n" * 1000,
        b"control " + b"1" * 5000 + b"\ndone\n",
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError):
        read(BY_NAME["control"], answer)


@given(st.binary(max_size=300))
def test_whatever_a_guest_answers_ends_in_numbers_or_in_one_kind_of_error(answer: bytes) -> None:
    for probe in PROBES:
        try:
            found = read(probe, answer)
        except ValueError:
            continue
        assert all(value > 0 for value in found.values())


def test_every_metric_has_a_name_of_its_own_and_both_languages() -> None:
    listed = [m for p in PROBES for m in (*p.metrics, p.host, p.registers) if m] + list(workloads.BOOT)
    assert len({metric.name for metric in listed}) == len(listed) == len(workloads.metrics())
    assert all(metric.title.en and metric.title.ja for metric in listed)


def test_a_quick_run_has_network_registers_and_control() -> None:
    names = {probe.name for probe in workloads.probes(quick=True)}
    assert {"control", "network-send", "network-receive", "ping"} < names
    assert {probe.name for probe in PROBES if probe.registers} < names
    assert not {"disk-read-random", "disk-write-sequential"} & names
    assert [p.name for p in workloads.probes(quick=False)] == [p.name for p in PROBES]


def test_only_probes_that_count_nothing_are_timed() -> None:
    for probe in PROBES:
        assert bool(probe.metrics) != bool(probe.registers)
        assert probe.registers is None or probe.registers.source is Source.REGISTERS
        assert probe.host is None or probe.host.source is Source.HOST
