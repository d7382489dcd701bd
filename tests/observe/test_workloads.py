"""The probes' scripts, run by BusyBox's and the host's shell on what the tools really wrote, and read."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.measure import workloads
from provisioner.measure.workloads import PROBES, WORK, Probe, Source, read

SHELLS = [["sh"], *([["busybox", "sh"]] if shutil.which("busybox") else [])]
BY_NAME = {probe.name: probe for probe in PROBES}
CALLERS = [probe for probe in PROBES if workloads.Needs.FAR_END in probe.needs]
# as the guests' tools wrote it
SEQUENTIAL = "256 191420443 1337 1402334316 306247 747736 6099963 703919 264 218210953\n"
# what iperf3 of Debian 12, 13 and testing printed, over the loopback, as the scripts call it
IPERF3 = Path(__file__).parent / "iperf3"
VERSIONS = ("3.12", "3.18", "3.22")


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


def printed(version: str, name: str) -> str:
    return (IPERF3 / version / f"{name}.json").read_text()


def worked(
    probe: Probe, kept: str, code: int, folder: Path, shell: list[str]
) -> subprocess.CompletedProcess[bytes]:
    """A probe's script, where iperf3 prints ``kept`` and ends with ``code``; if that is 0, its answer."""
    programs, file = folder / "programs", folder / "kept"
    programs.mkdir(exist_ok=True)
    (folder / "printed").write_text(kept)
    tool = programs / "iperf3"
    tool.write_text(f"#!/bin/sh\ncat {folder}/printed\nexit {code}\n")
    tool.chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C", "PEER": "a", "PORT": "1"}
    for text in (probe.script, probe.answer):
        told = subprocess.run(
            [*shell, "-c", text.replace(workloads.KEPT, str(file))],
            capture_output=True,
            check=False,
            env=environment,
        )
        if told.returncode != 0:
            break
    return told


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
    ("name", "version", "received", "seconds"),
    [
        ("send", "3.12", 1_661_861_888, 1.010767),
        ("receive", "3.12", 616_038_400, 1.000096),
        ("send", "3.18", 1_259_601_920, 1.003484),
        ("receive", "3.18", 1_582_170_112, 1.000429),
        ("send", "3.22", 2_309_488_640, 1.012001),
        ("receive", "3.22", 1_890_451_456, 1.000138),
    ],
)
def test_a_stream_is_what_the_receiver_counted(
    name: str, version: str, received: int, seconds: float, tmp_path: Path, shell: list[str]
) -> None:
    probe = BY_NAME[f"network-{name}"]
    found = read(probe, answered(probe, printed(version, name), tmp_path, shell))
    assert found == {
        probe.name: pytest.approx(received / seconds / 1e6, rel=1e-6),
        WORK: received,
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_counted_bytes_are_those_that_were_sent(version: str, tmp_path: Path, shell: list[str]) -> None:
    """62 blocks of 128 KiB, where 8 000 000 bytes were asked for; version 3.12 says that 8 060 875 came."""
    probe = BY_NAME["registers-network"]
    assert read(probe, answered(probe, printed(version, "count"), tmp_path, shell)) == {WORK: 62 * 128 * 1024}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("probe", CALLERS, ids=lambda probe: probe.name)
def test_a_stream_that_never_was_says_why(
    probe: Probe, code: int, version: str, tmp_path: Path, shell: list[str]
) -> None:
    """Whether iperf3 ends with 1 then, or with 0 as version 3.12 does."""
    told = worked(probe, printed(version, "refused"), code, tmp_path, shell)
    assert told.returncode == workloads.NO_CONNECTION
    last = told.stdout.decode().splitlines()[-1]
    assert last.startswith("iperf3: unable to connect to server")
    assert last.endswith(": Connection refused")


@pytest.mark.parametrize("probe", CALLERS, ids=lambda probe: probe.name)
def test_a_stream_that_broke_off_gives_nothing(probe: Probe, tmp_path: Path, shell: list[str]) -> None:
    assert worked(probe, "", 134, tmp_path, shell).returncode == 134
    cut = printed("3.18", "receive").partition('"sum_sent"')[0]
    assert worked(probe, cut, 0, tmp_path, shell).returncode == 1


def test_streams_end_by_time_or_look_at_their_bytes_often() -> None:
    """iperf3 3.16 and later look at a limit in bytes only when an interval is over."""
    for probe in CALLERS:
        assert "-i 0 -t 1" in probe.script or "-i 0.1 -n 8000000" in probe.script


def test_the_control_is_the_fastest_turn(tmp_path: Path, shell: list[str]) -> None:
    turns = [40_000_000 + 1000 * (i * 7 % 20) for i in range(12)]
    kept = "".join(f"{turn}\n" for turn in turns)
    assert read(BY_NAME["control"], answered(BY_NAME["control"], kept, tmp_path, shell)) == {"control": 40.0}


@pytest.mark.parametrize(
    "probe", [p for p in PROBES if p.registers and p not in CALLERS], ids=lambda p: p.name
)
def test_counted_work_is_told_only_where_it_was_done(probe: Probe, tmp_path: Path, shell: list[str]) -> None:
    assert read(probe, answered(probe, "of the tool\nok\n", tmp_path, shell)) == {
        WORK: {"registers-disk": 200, "registers-ping": 100}[probe.name]
    }
    with pytest.raises(ValueError, match="last line"):
        read(probe, answered(probe, "of the tool\n", tmp_path, shell))


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
        b"control 1e-320\ndone\n",  # what is divided by it is infinite
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
