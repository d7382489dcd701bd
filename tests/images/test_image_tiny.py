"""The tiny image, built from packages and booted on bare QEMU with both kinds of hardware."""

from __future__ import annotations

import base64
import contextlib
import json
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner import render
from provisioner.images import build, cache, packages, registry
from provisioner.images.cache import BuiltImage

TEMPLATES = Path(__file__).parents[2] / "templates"
MAC = "52:54:00:12:34:56"
NETWORK = ["-netdev", "user,id=net,restrict=on"]
AGENT_CHANNEL = ["-device", "virtserialport,name=org.qemu.guest_agent.0,chardev=agent"]
HARDWARE = {
    "serial": [
        *("-machine", "pc", "-serial", "chardev:console", "-serial", "chardev:agent", *NETWORK),
        *("-drive", "if=ide,format=raw,file={disk}", "-device", f"e1000,netdev=net,mac={MAC}"),
    ],
    "virtio": [
        *("-machine", "q35", "-serial", "chardev:console", *NETWORK),
        *("-drive", "if=virtio,format=raw,file={disk}", "-device", f"virtio-net-pci,netdev=net,mac={MAC}"),
        *("-device", "virtio-balloon-pci", "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
        *AGENT_CHANNEL,
    ],
}


class Guest:
    """A QEMU process, its console's text and its guest agent."""

    def __init__(self, image: BuiltImage, folder: Path, agent: str) -> None:
        self._log = folder / "console.log"
        self._socket = folder / "agent"
        self._agent = socket.socket(socket.AF_UNIX)
        disk = folder / "disk"
        notes = build.build(registry.get("notes", TEMPLATES), folder, progress=lambda step, done: None)
        shutil.copy(notes.files["disk"], disk)
        words = f"virtlab.hostname=probe virtlab.agent={agent} virtlab.if={MAC},10.9.8.7/24,10.9.8.1,10.9.8.2"
        self.process = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,rdrand=on", "-m", "256"),
                *("-nodefaults", "-no-reboot"),
                *("-display", "none", "-kernel", str(image.files["kernel"])),
                *("-initrd", str(image.files["initrd"])),
                *("-append", f"{' '.join((*render.KERNEL_ARGS, *render.ALONE_ARGS))} panic=-1 {words}"),
                *("-chardev", f"socket,id=console,server=on,wait=off,path={folder}/con,logfile={self._log}"),
                *("-chardev", f"socket,id=agent,server=on,wait=off,path={self._socket}"),
                *(word.format(disk=disk) for word in HARDWARE[agent]),
            ]
        )
        self.kind = agent
        self._console_path = folder / "con"
        self._buffer = b""

    def console(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def wait(self, what: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, self.console()
            assert self.process.poll() is None, self.console()
            time.sleep(0.05)

    def type(self, text: str) -> None:
        with socket.socket(socket.AF_UNIX) as console:
            console.connect(str(self._console_path))
            console.sendall(text.encode())
            time.sleep(0.5)

    def ready(self) -> None:
        self.wait(lambda: "virtlab: agent" in self.console())
        self._agent.connect(str(self._socket))
        number = time.monotonic_ns() % 2**30
        self.wait(lambda: self._greets(number))
        while select.select([self._agent], [], [], 0.5)[0]:
            self._agent.recv(65536)
        self._buffer = b""

    def _greets(self, number: int) -> bool:
        order = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
        self._agent.sendall(b"\xff" + json.dumps(order).encode() + b"\n")
        while select.select([self._agent], [], [], 0.3)[0]:
            self._buffer += self._agent.recv(65536)
        return f'"return": {number}'.encode() in self._buffer

    def ask(self, order: str, **arguments: Any) -> Any:
        self._agent.sendall(json.dumps({"execute": order, "arguments": arguments}).encode() + b"\n")
        while b"\n" not in self._buffer:
            self._buffer += self._agent.recv(65536)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line.strip(b"\xff"))["return"]

    def run(self, command: str) -> str:
        words = {"path": "/bin/sh", "arg": ["-c", command], "capture-output": True}
        number = self.ask("guest-exec", **words)["pid"]
        while not (status := self.ask("guest-exec-status", pid=number))["exited"]:
            time.sleep(0.1)
        assert status["exitcode"] == 0, status
        return base64.b64decode(status.get("out-data", "")).decode()

    def shut_down(self) -> None:
        self._agent.sendall(b'{"execute": "guest-shutdown"}\n')
        assert self.process.wait(20) == 0

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self._agent.close()


@pytest.fixture(scope="module", params=["serial", "virtio"])
def guest(request: pytest.FixtureRequest, tiny: BuiltImage, tmp_path_factory: Any) -> Iterator[Guest]:
    started = Guest(tiny, tmp_path_factory.mktemp("guest"), request.param)
    try:
        started.ready()
        yield started
        started.shut_down()
    finally:
        started.close()


@pytest.mark.real
def test_drivers_are_those_of_the_hardware(guest: Guest) -> None:
    emulated, virtual = {"ata_piix", "e1000"}, {"virtio-pci"}
    shown = guest.run("lspci -k")
    bound = {line.split(": ")[1] for line in shown.splitlines() if "driver in use" in line}
    assert (emulated if guest.kind == "serial" else virtual) <= bound
    assert not (virtual if guest.kind == "serial" else emulated) & bound
    assert "Intel Corporation" in shown
    loaded = guest.run("lsmod")
    for name in ("virtio_blk", "virtio_net", "virtio_balloon", "virtio_rng", "virtio_console"):
        assert (name in loaded) == (guest.kind == "virtio")


@pytest.mark.real
def test_the_kernel_is_the_distributions_own(guest: Guest) -> None:
    assert guest.run("cat /proc/sys/kernel/tainted") == "0\n"


@pytest.mark.real
def test_what_is_skipped_is_in_this_kernel_by_that_name(guest: Guest) -> None:
    known = guest.run(f"grep -w {' '.join(f'-e {part}' for part in render.SKIPPED_PARTS)} /proc/kallsyms")
    not_everywhere = {"jent_mod_init"}
    assert set(render.SKIPPED_PARTS) - not_everywhere <= set(known.split())


@pytest.mark.real
def test_random_numbers_are_there_at_once(guest: Guest) -> None:
    seconds = guest.run("dmesg | sed -n 's/^\\[ *\\([0-9.]*\\)\\].*crng init done.*/\\1/p'")
    assert float(seconds) < 0.5


@pytest.mark.real
def test_name_and_address(guest: Guest) -> None:
    assert guest.run("hostname") == "probe\n"
    assert f"link/ether {MAC}" in guest.run("ip link show eth0")
    assert "inet 10.9.8.7/24" in guest.run("ip address show eth0")
    assert "default via 10.9.8.1 dev eth0" in guest.run("ip route")
    assert guest.run("cat /etc/resolv.conf") == "nameserver 10.9.8.2\n"


@pytest.mark.real
def test_the_disk_is_there_and_holds_the_notes(guest: Guest) -> None:
    device = "/dev/sda" if guest.kind == "serial" else "/dev/vda"
    text = guest.run(f"mount -t ext4 {device} /mnt && cat /mnt/README.txt && umount /mnt")
    assert text == (TEMPLATES / "images/notes/README.txt").read_text()


@pytest.mark.real
def test_phases_and_welcome_on_the_console(guest: Guest) -> None:
    guest.wait(lambda: "probe:/root#" in guest.console().replace("~", "/root"))
    lines = guest.console().replace("\r", "").splitlines()
    phases = [line.split() for line in lines if line.startswith("virtlab: ")]
    assert [phase[1] for phase in phases] == ["init", "network", "hardware", "agent"]
    assert [float(phase[2]) for phase in phases] == sorted(float(phase[2]) for phase in phases)
    assert lines[0] == " ".join(phases[0])
    assert any(line.startswith("This is probe, ") for line in lines)


@pytest.mark.real
def test_shell_has_job_control_and_comes_back(guest: Guest) -> None:
    guest.type("tty; exit\r")
    guest.wait(lambda: guest.console().count("This is probe, ") == 2)
    assert "/dev/ttyS0" in guest.console()
    assert "job control turned off" not in guest.console()


@pytest.mark.real
def test_fits_in_little_memory(guest: Guest) -> None:
    free = next(line for line in guest.run("free -k").splitlines() if line.startswith("Mem:"))
    assert int(free.split()[6]) > 100 * 1024


@pytest.mark.real
def test_built_image_is_whole_and_kept(tiny: BuiltImage) -> None:
    root = tiny.files["kernel"].parents[3]
    recipe = registry.get("tiny", TEMPLATES)
    assert cache.exact(recipe, packages.this_system(), tiny.id, root) == tiny
    assert not (root / "building").exists()
    steps: list[str] = []
    again = build.build(recipe, root, progress=lambda step, done: steps.append(step), refresh=True)
    assert again == tiny
    assert steps == ["asking the package manager"]
    assert {"busybox-static", "qemu-guest-agent", "pciutils"} <= set(tiny.manifest["packages"])
