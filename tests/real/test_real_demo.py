"""``virtlab up demo-paravirt`` and all that is done with guests that run, on either connection."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import pytest
import yaml
from driver import Outcome, Virtlab, together


@dataclass
class Demo:
    virtlab: Virtlab
    name: str
    up: Outcome

    def exec(self, guest: str, *command: str, **options: Any) -> Outcome:
        return self.virtlab("exec", f"{self.name}/{guest}", "--", *command, **options)

    def status(self) -> dict[str, Any]:
        found = self.virtlab.status(self.name)
        assert found is not None
        return found


@pytest.fixture(scope="module", params=["system_account", "session_account"])
def demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    virtlab: Virtlab = request.getfixturevalue(request.param)
    name = virtlab.name()
    up = virtlab("up", "demo-paravirt", "--as", name)
    try:
        up.ended(0)
        yield Demo(virtlab, name, up)
    finally:
        virtlab("down", name).ended(0)
        assert virtlab.traces(name) == []


def test_the_summary_shows_the_lesson_and_what_to_type_next(demo: Demo) -> None:
    head, *rows = (re.split(" {2,}", line) for line in demo.up.out.splitlines()[:3])
    assert head == ["GUEST", "MACHINE", "ACCELERATOR", "DISK", "NETWORK", "ADDRESS", "READY"]
    assert [row[0] for row in rows] == ["full", "virtio"]
    assert [row[1] for row in rows] == ["pc", "pc"]
    assert [(row[3], row[4]) for row in rows] == [("ide", "e1000"), ("virtio", "virtio")]
    for row in rows:
        assert row[2] in ("emulation (TCG)", "KVM")
        assert ip_address(row[5]).is_private
        assert re.fullmatch(r"\d+(\.\d+)? s", row[6]), row
    told = demo.up.out
    for verb in ("guide", "compare", "console", "down"):
        assert f"  virtlab {verb} {demo.name}" in told
    assert f"connection: {demo.virtlab.uri} (" in demo.up.err


def test_the_full_guest_has_no_paravirtual_device(demo: Demo) -> None:
    devices = demo.exec("full", "lspci", "-k").ended(0).out
    assert "Kernel driver in use: ata_piix" in devices
    assert "Kernel driver in use: e1000" in devices
    assert "virtio" not in devices.lower()
    look = "lspci -n; ls /sys/bus/virtio/devices /dev/virtio-ports 2>/dev/null; ps | grep '[q]emu-ga'"
    numbers, _, agent = demo.exec("full", "sh", "-c", look).ended(0).out.rpartition("\n00:")
    assert "8086:" in numbers
    assert "1af4" not in numbers + agent
    assert "virtio" not in agent
    assert "-m isa-serial -p /dev/ttyS1" in agent


def test_the_virtio_guest_has_virtio_devices(demo: Demo) -> None:
    devices = demo.exec("virtio", "lspci", "-k").ended(0).out
    assert devices.count("Kernel driver in use: virtio-pci") >= 4
    assert "e1000" not in devices
    drivers = demo.exec("virtio", "sh", "-c", "ls -l /sys/bus/virtio/devices/*/driver").ended(0).out
    wanted = {"virtio_blk", "virtio_net", "virtio_console", "virtio_rng"}
    assert wanted <= set(re.findall(r"virtio_\w+", drivers))


def test_an_emulated_guests_counter_has_the_hosts_rate(demo: Demo) -> None:
    if demo.virtlab.is_session:
        pytest.skip("an ordinary user's libvirt need not know the rate: it asks KVM for it")
    command = ["virsh", "-c", demo.virtlab.uri, "capabilities"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"<counter name='tsc' frequency='(\d+)'", told)
    if rate is None:
        pytest.skip("libvirt does not know the rate of this host's counter: no /dev/kvm that it can open")
    for guest in ("full", "virtio"):
        # Linux calibrates the processor's own rate all the same, and tells that of the counter after it
        command = ["sh", "-c", "dmesg | sed -n 's/.*tsc: Detected //p' | tail -n 1"]
        detected = demo.exec(guest, *command).ended(0).out
        assert detected.startswith(f"{int(rate[1]) // 1000 / 1000:.3f} MHz ")


def test_guests_have_their_addresses_and_reach_what_they_should(demo: Demo) -> None:
    found = {g["name"]: g["interfaces"][0] for g in demo.status()["guests"]}
    for guest, other in (("full", "virtio"), ("virtio", "full")):
        own = found[guest]
        peer = "" if demo.virtlab.is_session else found[other]["address"].partition("/")[0]
        script = 'hostname; ip -4 addr; ip route; for a; do ping -c1 -W5 "$a" || exit; done; ip neigh'
        shown = demo.exec(guest, "sh", "-c", script, "sh", own["gateway"], *peer.split()).ended(0).out
        assert shown.startswith(f"{guest}\n")
        assert f"inet {own['address']} " in shown
        assert f"default via {own['gateway']}" in shown
        if peer:
            assert f"{peer} dev " in shown
            assert found[other]["mac"] in shown


def test_a_second_up_changes_nothing(demo: Demo) -> None:
    pids, before = demo.virtlab.pids(demo.name), demo.status()
    assert set(pids) == {"full", "virtio"}
    again = demo.virtlab("up", "demo-paravirt", "--as", demo.name).ended(0)
    assert f"{demo.name} is up already, as its file says" in again.out
    for preview in (("up", "demo-paravirt", "--dry-run"), ("plan", "demo-paravirt")):
        told = demo.virtlab(*preview, "--as", demo.name).ended(0).out
        assert "nothing to do: it is as its file says" in told
    changed = demo.virtlab("plan", "demo-paravirt", "--as", demo.name, "--set", "full.memory=256MiB").ended(0)
    assert "restart full: the lab file changed\n    memory: 192 MiB → 256 MiB" in changed.out
    assert "this loses what is in its memory" in changed.out
    data = demo.virtlab("plan", "demo-paravirt", "--as", demo.name, "-o", "json").ended(0)
    assert {step["action"] for step in json.loads(data.out)["steps"]} == {"keep"}
    assert demo.virtlab.pids(demo.name) == pids
    assert demo.status() == before


def test_status_in_every_form(demo: Demo) -> None:
    virtlab, name = demo.virtlab, demo.name
    entry = demo.status()
    assert (entry["lab"], entry["connection"]) == ("demo-paravirt", virtlab.uri)
    assert (entry["accel_flag"], entry["set"], entry["lost_networks"]) == (None, [], [])
    assert [g["state"] for g in entry["guests"]] == ["running", "running"]
    assert [n["active"] for n in entry["networks"]] == ([] if virtlab.is_session else [True])
    assert entry in yaml.safe_load(virtlab("status", "-o", "yaml").ended(0).out)
    names = virtlab("status", name, "-o", "name").ended(0).out.split()
    assert names == [f"{name}/full", f"{name}/virtio"]
    table = virtlab("status", name).ended(0).out.splitlines()
    assert len(table) == 4
    assert table[3].startswith(f"{name}/vmware: optional, and not up: ")
    assert table[1].split()[:2] == [f"{name}/full", "running"]


def test_exec_passes_the_exit_code_and_says_125_for_its_own(demo: Demo) -> None:
    assert demo.exec("virtio", "true").code == 0
    three = demo.exec("full", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (three.code, three.out, three.err) == (3, "out\n", "err\n")
    assert demo.exec("virtio", "no-such-command").code == 127
    for target in (f"{demo.name}/nobody", "t-none/full", demo.name):
        wrong = demo.virtlab("exec", target, "--", "true").ended(125)
        assert "error: " in wrong.err
        assert "next: " in wrong.err
    assert "its guests: " in demo.virtlab("exec", f"{demo.name}/nobody", "--", "true").err
    late = demo.virtlab("exec", "--timeout", "1.5", f"{demo.name}/virtio", "--", "sleep", "30").ended(125)
    assert "was still running" in late.err
    assert demo.exec("virtio", "-x").code == 127


def test_exec_carries_bytes_and_input_and_bounds_output(demo: Demo) -> None:
    every = bytes(range(256)) * 8
    label = f"{demo.name}/full"
    back = demo.virtlab("exec", "-i", label, "--", "cat", given=every).ended(0)
    assert back.raw == every
    many = ("sh", "-c", "yes | head -c 100000; exit 4")
    cut = demo.virtlab("exec", "--max-output", "1000", label, "--", *many)
    cut.ended(4)
    assert cut.raw == b"y\n" * 500
    assert "the rest is dropped (--max-output)" in cut.err
    nothing = demo.virtlab("exec", "-i", label, "--", "wc", "-c").ended(0)
    assert nothing.out.strip() == "0"


def test_execs_side_by_side_take_turns_and_all_succeed(demo: Demo) -> None:
    for guest in ("full", "virtio"):
        running = [
            demo.virtlab.begin("exec", f"{demo.name}/{guest}", "--", "sh", "-c", f"sleep 0.2; echo {i}")
            for i in range(3)
        ]
        assert together(*running) == [f"{i}\n" for i in range(3)]


HOSTILE = r"printf 'a\033]0;owned\007b\033[6nc\033]52;c;aGk=\007d\033[31mred\n'"


def test_hostile_output_is_harmless_on_a_terminal_and_raw_in_a_pipe(demo: Demo) -> None:
    raw = demo.exec("virtio", "sh", "-c", HOSTILE).ended(0).raw
    assert raw == b"a\x1b]0;owned\x07b\x1b[6nc\x1b]52;c;aGk=\x07d\x1b[31mred\n"
    screen = demo.virtlab.terminal("exec", f"{demo.name}/virtio", "--", "sh", "-c", HOSTILE)
    assert screen.end() == 0
    assert b"abcd\x1b[31mred" in screen.output
    for harm in (b"owned", b"\x1b[6n", b"\x1b]"):
        assert harm not in screen.output


def test_console_on_a_terminal(demo: Demo) -> None:
    label = f"{demo.name}/full"
    screen = demo.virtlab.terminal("console", label)
    try:
        screen.until(f"Connected to {label}. Leave with Ctrl-].")
        screen.type("\n")
        screen.until("# ")
        screen.type("echo $((6*7))-answer; stty size\n")
        screen.until("42-answer")
        second = demo.virtlab.terminal("console", label)
        assert second.end() == 1
        assert f"can't open the console of {label}: somebody else is using it" in second.text
        assert "close the other session" in second.text
        screen.type("\x1d")
        screen.until(f"Left the console of {label}; the guest goes on running.", timeout=10)
        assert screen.end() == 0
    finally:
        screen.close()
    piped = demo.virtlab("console", label, given=b"\necho $((6*8))-piped\n").ended(0)
    assert b"48-piped" in piped.raw


def test_console_ends_on_a_signal_and_lets_the_next_one_in(demo: Demo) -> None:
    label = f"{demo.name}/virtio"
    screen = demo.virtlab.terminal("console", label)
    screen.until("Connected to")
    screen.process.terminate()
    assert screen.end(10) != 0
    began = time.monotonic()
    again = demo.virtlab.terminal("console", label)
    again.until("Connected to")
    again.type("\x1d")
    assert again.end(10) == 0
    assert time.monotonic() - began < 10


def test_a_reader_that_leaves_early_is_no_bug(demo: Demo) -> None:
    argv = demo.virtlab.argv("exec", f"{demo.name}/virtio", "--", "sh", "-c", "yes | head -c 500000")
    with subprocess.Popen(
        argv, env=demo.virtlab.env, cwd=demo.virtlab.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(30) == 141, told
    assert b"Traceback" not in told


def test_status_while_much_is_asked_of_the_guests(demo: Demo) -> None:
    done = threading.Event()

    def work() -> None:
        demo.exec("full", "sleep", "2")
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    asked = demo.virtlab("status", demo.name).ended(0)
    assert not done.is_set()
    assert asked.seconds < 2
    thread.join()
