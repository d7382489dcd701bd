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
from pathlib import Path
from typing import Any

import pytest
import yaml
from driver import Outcome, Virtlab, together
from lxml import etree


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


def test_both_guests_side_by_side(demo: Demo) -> None:
    virtlab, name = demo.virtlab, demo.name
    data = json.loads(virtlab("compare", name, "-o", "json").ended(0).out)
    full, virtio = data["guests"]
    assert (full["name"], full["error"], virtio["error"]) == ("full", "", "")
    assert full["facts"]["missing"] == virtio["facts"]["missing"] == []
    assert full["facts"]["disks"][0]["drivers"] == ["sd", "ata_piix"]
    assert virtio["facts"]["disks"][0]["drivers"] == ["virtio_blk", "virtio-pci"]
    assert full["facts"]["agent"].startswith("/dev/ttyS")
    assert virtio["facts"]["agent"].startswith("/dev/vport")
    assert full["facts"]["signature"] == virtio["facts"]["signature"] != ""
    assert not [d for d in full["facts"]["devices"] if d["interface"] != "emulated"]
    assert [p["name"] for p in full["facts"]["phases"]] == ["init", "network", "hardware", "agent"]
    pids = virtlab.pids(name)
    for guest in (full, virtio):
        assert guest["host"]["pid"] == pids[guest["name"]]
        assert len(guest["host"]["vcpus"]) == guest["facts"]["processors"]
        assert guest["host"]["seconds"] > 0
        assert guest["host"]["resident"] > 100 << 20

    page = virtlab("compare", name, LANG="C.UTF-8").ended(0)
    assert page.out.index("What it is not.") < page.out.index("ata_piix"), "what it is not, before the table"
    assert "≠ Disk" in page.out
    assert "\x1b" not in page.out
    assert "≠ ディスク" in virtlab("compare", name, LANG="ja_JP.UTF-8").ended(0).out
    assert "≠ ディスク" in virtlab("compare", name, "--lang", "ja").ended(0).out
    assert virtlab("compare", name, "-o", "name").ended(0).out.split() == [f"{name}/full", f"{name}/virtio"]
    assert f"name the lab: {name}" in virtlab("compare", f"{name}/full").ended(2).err


def steps(frame: dict[str, Any]) -> dict[str, str]:
    """The English text of each step of a picture, by its part."""
    found = {}
    for section in frame["sections"]:
        for item in section["inside"]:
            if "sections" in item:
                found |= steps(item)
            elif "number" in item:
                found[item["part"]] = item["text"]["en"]
    return found


def test_definitions_and_stacks_of_running_guests(demo: Demo) -> None:
    virtlab, name = demo.virtlab, demo.name
    differences = json.loads(virtlab("compare", name, "--xml", "-o", "json").ended(0).out)
    values = {each["at"]: each["values"] for each in differences}
    assert values["devices/disk[1]/target@bus"] == {"full": "ide", "virtio": "virtio"}
    assert values["devices/rng"]["full"] is None
    assert [each["at"] for each in differences if not each["note"]] == []
    assert name not in json.dumps(differences)
    assert "virtio" in virtlab("compare", name, "--xml", "--lang", "ja").ended(0).out

    stacks = json.loads(virtlab("compare", name, "--stack", "-o", "json").ended(0).out)
    ways = {
        stack["guest"]: {picture["path"]: steps(picture["frame"]) for picture in stack["pictures"]}
        for stack in stacks
    }
    assert ways["full"]["disk"]["driver"] == "driver sd → ata_piix"
    assert ways["full"]["network"]["driver"] == "driver e1000"
    assert ways["virtio"]["disk"]["driver"] == "driver virtio_blk → virtio-pci"
    assert ways["virtio"]["network"]["driver"] == "driver virtio_net → virtio-pci"
    assert ("user-mode" in ways["full"]["network"]["backend"]) is virtlab.is_session

    screen = virtlab.terminal("compare", name, "--stack")  # of 100 columns
    assert screen.end() == 0
    assert any("ata_piix" in line and "virtio_blk" in line for line in screen.text.splitlines())
    svg = etree.fromstring(virtlab("compare", name, "--svg").ended(0).raw)
    pictures = [element for element in svg.iter() if element.get("role") == "img"]
    assert len(pictures) == 4


def test_who_checks_learns(demo: Demo) -> None:
    virtlab, name = demo.virtlab, demo.name
    virtlab("check", name).ended(0)
    virtlab("check", name, "--step", "2", "--answer", "5").ended(0)
    state = Path(virtlab.env.get("XDG_STATE_HOME", virtlab.home / ".local/state"))
    kept = state / "virtlab/progress/demo-paravirt.json"
    assert json.loads(kept.read_text())["passed"] == ["count-the-devices"]
    assert "Exercise 1" in virtlab("hint", name).ended(0).out


# The last one: it takes the lab down.
def test_the_page_of_a_running_lab_and_of_what_was_saved_of_it(demo: Demo) -> None:
    virtlab, name = demo.virtlab, demo.name
    folder = virtlab.home / name
    folder.mkdir()
    folder.chmod(0o777)
    file, own = folder / "report.html", {"XDG_STATE_HOME": f"{folder}/state"}  # its page counts what was run
    virtlab("compare", name, **own).ended(0)
    virtlab("check", name, **own).ended(0)
    told = virtlab("report", name, "-O", str(file), **own).ended(0)
    assert f"written: {file}" in told.out
    assert f"file://{file}" in told.err
    live = virtlab("report", name, "-O", "-", **own).ended(0).out
    for words in ("driver sd → ata_piix", "driver virtio_net → virtio-pci", "virtlab bench", "QEMU process"):
        assert words in live
    assert '<span class="pass">' in live
    assert 'class="chart"' not in live  # nothing was measured

    virtlab("down", name).ended(0)
    kept = virtlab("report", name, "-O", "-", "--lang", "ja", **own).ended(0).out
    assert '<html lang="ja">' in kept
    assert "driver sd → ata_piix" in kept
    assert '<span class="pass">' in kept
    assert "the lab was not up" in kept
    assert "QEMU process" not in kept

    course = virtlab("report", "--all", "-O", "-", **own).ended(0).out
    assert "1 of " in course
    assert "driver sd → ata_piix" in course
    assert '<span class="pass">' in course
    assert "virtlab report demo-paravirt" in course
    assert "virtlab up demo-xen" in course
