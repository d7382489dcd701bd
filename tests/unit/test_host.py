"""What is read of this machine, against what other programs say of it."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from provisioner.host import routing
from provisioner.host.local_host import Host, KvmDevice, LocalHost, user_name
from provisioner.host.unknown_host import UnknownHost

HERE = LocalHost()


@pytest.mark.parametrize(
    ("mode", "uid", "gids", "opens"),
    [
        (0o600, 0, [], True),  # root opens anything
        (0o000, 0, [], True),
        (0o600, 1, [], True),
        (0o060, 1, [2], False),  # the owner's bits count for the owner
        (0o660, 5, [2], True),
        (0o660, 5, [3, 2], True),
        (0o660, 5, [3], False),
        (0o606, 5, [2], False),  # the group's for the group
        (0o606, 5, [], True),
        (0o666, 5, [], True),
        (0o440, 5, [2], False),
        (0o222, 5, [2], False),
        (0o664, 5, [], False),
    ],
)
def test_whom_a_device_is_open_to(mode: int, uid: int, gids: list[int], opens: bool) -> None:
    assert KvmDevice(True, uid=1, gid=2, mode=mode, opens=True).open_to(uid, gids) is opens
    assert KvmDevice(exists=False).open_to(uid, gids) is False


def test_kvm() -> None:
    device = HERE.kvm()
    assert device is not None
    assert device.exists == Path("/dev/kvm").is_char_device()
    if device.exists:
        info = Path("/dev/kvm").stat()
        assert (device.uid, device.gid, device.mode) == (info.st_uid, info.st_gid, info.st_mode & 0o7777)


def test_what_the_host_takes_for_itself() -> None:
    """Each of its addresses, those for all on a network, and what a route to itself covers; nothing else."""
    table = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /32 link BROADCAST
           /24 link UNICAST
        |-- 192.0.2.2
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
"""
    assert [str(each) for each in routing.own_in(table)] == [
        "127.0.0.0/8",
        "127.0.0.1/32",
        "127.255.255.255/32",
        "192.0.2.0/32",
        "192.0.2.2/32",
        "192.0.2.255/32",
    ]
    told = HERE.own_ranges()
    assert told is not None
    assert IPv4Network("127.0.0.0/8") in told
    assert UnknownHost().own_ranges() is None


ROUTES = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
{out}	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
lxd	0000170A	00000000	0001	0	0	0	0000FFFF	0	0	0
lxd	0000180A	0200170A	0003	0	0	0	0000FFFF	0	0	0
office	0000140A	00000000	0001	0	0	0	0000FFFF	0	0	0
tagged	0000150A	00000000	0001	0	0	0	0000FFFF	0	0	0
"""


def test_networks_inside_this_host(tmp_path: Path) -> None:
    """A stranger's guest reached what a container had open to its host alone."""
    for path in (
        *("eth0/device", "eth0.5/lower_eth0", "veth1/lower_none", "docker0/brif"),
        *("lxd/brif/veth1", "office/brif/eth0", "office/brif/veth1", "tagged/brif/eth0.5"),
    ):
        (tmp_path / path).mkdir(parents=True)
    inside = routing.inner_in(ROUTES.format(out="eth0"), tmp_path)
    assert [str(each) for each in inside] == ["10.23.0.0/16", "10.24.0.0/16", "172.17.0.0/16"]
    # in a container, whose own devices are no hardware either
    inside = routing.inner_in(ROUTES.format(out="lxd"), tmp_path)
    assert [str(each) for each in inside] == ["172.17.0.0/16"]


@pytest.mark.skipif(shutil.which("ip") is None, reason="no program ip")
def test_own_addresses_are_those_of_ip() -> None:
    shown = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    addresses = {IPv4Network(match) for match in re.findall(r" inet ([0-9.]+)", shown)}
    # others may make and remove bridges meanwhile
    lasting = {each for each in addresses if not str(each).startswith("192.168.")}
    assert lasting <= set(HERE.own_ranges() or [])


def test_processor() -> None:
    flags = HERE.processor_flags()
    text = Path("/proc/cpuinfo").read_text()
    if os.uname().machine != "x86_64":
        pytest.skip("/proc/cpuinfo reads otherwise on this processor")
    assert flags is not None
    assert {"fpu", "lm", "cx8"} <= flags
    told = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    assert told is not None
    assert flags == set(told[1].split())


@pytest.mark.skipif(shutil.which("ip") is None, reason="there is no ip (package iproute2) to compare with")
def test_routes_are_those_of_the_system() -> None:
    told = subprocess.run(["ip", "-4", "route"], capture_output=True, text=True, check=True).stdout
    nets = {
        IPv4Network(line.split()[0])
        for line in told.splitlines()
        if re.match("[0-9]", line) and "linkdown" not in line
    }
    assert nets <= {route.range for route in HERE.routes() or []}
    assert IPv4Network("0.0.0.0/0") not in {route.range for route in HERE.routes() or []}


def test_memory() -> None:
    free = HERE.free_memory()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert free is not None
    assert 0 < free <= total


def test_disk(tmp_path: Path) -> None:
    free = HERE.free_disk(str(tmp_path))
    assert free is not None
    assert free > 0
    deeper = HERE.free_disk(str(tmp_path / "not" / "there" / "yet"))
    assert deeper is not None
    assert abs(deeper - free) < 1 << 30


def test_groups() -> None:
    mine = HERE.groups_of(os.getuid())
    account = pwd.getpwuid(os.getuid())
    named = {group.gr_gid for group in grp.getgrall() if account.pw_name in group.gr_mem}
    assert set(mine or []) == named | {account.pw_gid}
    assert HERE.groups_of(2**31 - 7) is None


def test_missing_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert HERE.missing_programs(["sh", "no-such-program-anywhere", "mount"]) == ["no-such-program-anywhere"]
    own = tmp_path / "no-such-program-anywhere"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert HERE.missing_programs(["no-such-program-anywhere"]) == []


def test_the_end_of_qemus_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "libvirt/qemu/log"
    folder.mkdir(parents=True)
    assert HERE.qemu_log("gone", session=True) is None
    (folder / "short.log").write_bytes(b"qemu-system-x86_64: no \xff\n")
    assert HERE.qemu_log("short", session=True) == "qemu-system-x86_64: no \ufffd\n"
    (folder / "long.log").write_bytes(b"x" * 100_000 + b"the end\n")
    log = HERE.qemu_log("long", session=True)
    assert log is not None
    assert len(log) == 16 * 1024
    assert log.endswith("xthe end\n")
    assert HERE.qemu_log("no-such-domain", session=False) is None


def test_of_an_unknown_host_nothing_is_known() -> None:
    host: Host = UnknownHost()
    assert host.kvm() is None
    assert host.processor_flags() is None
    assert host.routes() is None
    assert host.groups_of(0) is None
    assert host.free_memory() is None
    assert host.free_disk("/") is None
    assert host.missing_programs(["no-such-program-anywhere"]) == []
    assert host.qemu_log("any", session=True) is None


def test_the_user() -> None:
    told = subprocess.run(["id", "-un"], capture_output=True, text=True, check=False)
    assert user_name() == (told.stdout.strip() or f"uid-{os.geteuid()}")
