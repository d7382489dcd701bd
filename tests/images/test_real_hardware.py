"""``virtlab up`` of guests that boot the tiny image on unusual hardware, on the system's libvirt."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

PROJECT = Path(__file__).resolve().parents[2]
SYSTEM = "qemu:///system"
LAB = """\
virtlab: 1
name: hardware
guests:
  uefi:
    profile: virtio
    firmware: uefi
    memory: 256 MiB
  mixed:
    profile: emulated
    disks:
      - {bus: ide}
      - {bus: virtio}
      - {bus: scsi, controller: virtio-scsi}
      - {bus: sata}
      - {bus: scsi, controller: lsilogic}
      - {bus: scsi, controller: vmpvscsi}
      - {bus: scsi, controller: lsisas1068}
    interfaces: [{model: rtl8139}, {model: e1000e}, {model: vmxnet3}]
    console: serial+virtio
"""
NVME = """\
virtlab: 1
name: nvme
guests:
  drives:
    profile: emulated
    disks: [{bus: nvme}, {bus: ide}, {bus: nvme}]
"""
pytestmark = pytest.mark.real


def virtlab(*arguments: str) -> str:
    """What a command that has to end well says on its standard output."""
    done = ran(*arguments)
    assert done.returncode == 0, f"virtlab {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that has ended."""
    return subprocess.run(
        [sys.executable, "-m", "provisioner", *arguments],
        cwd=PROJECT,
        env={**os.environ, "LIBVIRT_DEFAULT_URI": SYSTEM},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
    )


def guest(name: str, script: str) -> str:
    return virtlab("exec", name, "--", "sh", "-c", script)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of an instance that is up; nothing of it is left afterwards, firmware variables included."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        conn = libvirt.open(SYSTEM)
    except libvirt.libvirtError as error:
        pytest.skip(f"{SYSTEM} can't be used: {error.get_error_message()}")
    if "<value>efi</value>" not in conn.getDomainCapabilities(None, "x86_64", "pc", "qemu"):
        pytest.skip("no UEFI firmware is installed")
    file = tmp_path_factory.mktemp("lab") / "lab.yaml"
    file.write_text(LAB)
    name = f"t-{os.urandom(2).hex()}"
    try:
        virtlab("up", str(file), "--as", name)
        yield name
    finally:
        virtlab("down", name)
        assert not [domain.name() for domain in conn.listAllDomains() if f".{name}." in domain.name()]
        conn.close()
        assert not list(Path("/var/lib/libvirt").rglob(f"*.{name}.*"))


def test_uefi_boots_the_distributions_own_kernel(instance: str) -> None:
    script = "cat /sys/firmware/efi/fw_platform_size /proc/sys/kernel/tainted; ls /dev"
    shown = guest(f"{instance}/uefi", script)
    assert shown.split()[:2] == ["64", "0"]
    assert "vda" in shown.split()


def test_every_disk_is_there_as_soon_as_the_agent_answers(instance: str) -> None:
    lines = guest(f"{instance}/mixed", "cd /sys/block; for d in [sv]d*; do readlink -f $d; done").splitlines()
    assert len(lines) == 7
    pci = {path.split("/")[4] for path in lines}
    look = "cd /sys/bus/pci/devices; for d; do readlink -f $d/driver; done"
    drivers = virtlab("exec", f"{instance}/mixed", "--", "sh", "-c", look, "sh", *sorted(pci))
    assert sorted(path.rpartition("/")[2] for path in drivers.split()) == sorted(
        ["ata_piix", "virtio-pci", "virtio-pci", "ahci", "sym53c8xx", "vmw_pvscsi", "mptsas"]
    )
    assert sum("/vda" in path for path in lines) == 1


def test_every_disk_can_be_read(instance: str) -> None:
    script = "for d in /dev/[sv]d?; do dd if=$d bs=4k count=64 2>/dev/null | wc -c; done"
    assert guest(f"{instance}/mixed", script).split() == ["262144"] * 7


def test_every_interface_has_its_driver_and_address(instance: str) -> None:
    script = (
        "for i in eth0 eth1 eth2; do readlink -f /sys/class/net/$i/device/driver; ip -4 addr show $i; done"
    )
    shown = guest(f"{instance}/mixed", script)
    for driver in ("8139cp", "e1000e", "vmxnet3"):
        assert f"/drivers/{driver}\n" in shown
    assert shown.count("inet ") == 3


def test_the_virtio_console_has_a_shell_that_can_end_the_guest(instance: str) -> None:
    conn = libvirt.open(SYSTEM)
    try:
        name = next(d.name() for d in conn.listAllDomains() if d.name().endswith(f".{instance}.mixed"))
        domain = conn.lookupByName(name)
        console = conn.newStream()
        domain.openConsole("console1", console)
        console.send(b"\ntty; poweroff\n")
        said = b""
        while chunk := _received(console):
            said += chunk
        assert b"/dev/hvc0" in said
        deadline = time.monotonic() + 10
        while domain.isActive():  # libvirt hears of the end a little later than the stream
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        conn.close()


def test_a_guest_has_nvme_disks_where_libvirt_has_them(tmp_path: Path) -> None:
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        conn = libvirt.open(SYSTEM)
    except libvirt.libvirtError as error:
        pytest.skip(f"{SYSTEM} can't be used: {error.get_error_message()}")
    offers_nvme = "<value>nvme</value>" in conn.getDomainCapabilities(None, "x86_64", "pc", "qemu")
    conn.close()
    file = tmp_path / "lab.yaml"
    file.write_text(NVME)
    name = f"t-{os.urandom(2).hex()}"
    if not offers_nvme:
        done = ran("up", str(file), "--as", name)
        assert done.returncode == 2
        assert f"{file}:6:19: guests.drives.disks.0.bus: libvirt " in done.stderr
        assert "offers no disks on nvme to machine pc" in done.stderr
        return
    try:
        virtlab("up", str(file), "--as", name)
        read = "dd if=/dev/$d bs=4k count=64 2>/dev/null | wc -c"
        script = f"cd /sys/block; for d in nvme*; do cat $d/device/serial; {read}; done"
        serials = guest(f"{name}/drives", script).split()
        assert serials[1::2] == ["262144"] * 2
        assert len(set(serials[::2])) == 2
        assert "nvme" in virtlab("compare", name)
    finally:
        virtlab("down", name)


def _received(console: libvirt.virStream) -> bytes:
    """What the guest said next; nothing where it ended."""
    try:
        received: bytes = console.recv(4096)
    except libvirt.libvirtError:
        return b""
    return received
