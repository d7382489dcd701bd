"""What guests reach: tried from inside of them, over TCP and UDP, IPv4 and IPv6, on both connections."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisioner.model.naming import Instance

if TYPE_CHECKING:  # this file is also a program of its own, which finds no driver
    from driver import Virtlab

LAB = """\
virtlab: 1
name: walls
networks:
  street: {mode: nat}
  yard: {mode: isolated}
defaults: {profile: virtio}
guests:
  one: {interfaces: [{network: street}]}
  both: {interfaces: [{network: street}, {network: yard}]}
  two: {interfaces: [{network: yard}]}
"""
ALONE = "virtlab: 1\nname: walls\ndefaults: {profile: virtio}\nguests: {one: {}}\n"
OUTSIDE = "198.51.100.2"  # for examples, RFC 5737
# Sends a word to an address by TCP and by UDP, and a ping. What can't be sent is no fault here.
KNOCK = """\
for address; do
    echo tcp-$WORD-$address | nc -w 2 $address $PORT
    timeout 1 tftp -g -r udp-$WORD-$address -l /dev/null $address $PORT
    ping -c 1 -W 1 $address && echo pong $address
done >/tmp/knocked 2>&1
sed -n 's/^pong //p' /tmp/knocked
"""


# An address is used once nobody else on the network has been found to have it.
IPV6 = "ip -6 addr add {own}/64 dev eth0; sleep 3; ip -6 route add default via {gateway} dev eth0"


class Listener:
    """Takes what comes by TCP and by UDP on all addresses of this host, or of a namespace of the network."""

    def __init__(self, folder: Path, *prefix: str, port: int = 0) -> None:
        self._file = folder / "heard"
        self._process = subprocess.Popen(
            [*prefix, sys.executable, __file__, str(port), str(self._file)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def heard(self, word: str) -> set[str]:
        """What came with that word in it: "tcp ADDRESS"."""
        kinds = ((kind, f"{kind}-{word}-") for kind in ("tcp", "udp"))
        text = self._file.read_text(errors="replace")
        return {
            f"{kind} {part.split()[0]}"
            for kind, start in kinds
            for part in text.replace("\0", " ").split(start)[1:]
        }

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def listen(port: int, file: str) -> None:
    """The program of ``Listener``."""
    lock = threading.Lock()

    def keep(data: bytes) -> None:
        with lock, Path(file).open("ab") as out:
            out.write(data + b"\n")

    def streams(server: socket.socket) -> None:
        while True:
            client, _ = server.accept()
            with client:
                client.settimeout(2)
                keep(client.recv(200))

    def packets(server: socket.socket) -> None:
        while True:
            keep(server.recv(200))

    Path(file).touch()
    servers = []
    for family in (socket.AF_INET6, socket.AF_INET):
        for kind, work in ((socket.SOCK_STREAM, streams), (socket.SOCK_DGRAM, packets)):
            server = socket.socket(family, kind)
            if family == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.bind(("", port))
            port = server.getsockname()[1]
            if kind == socket.SOCK_STREAM:
                server.listen()
            servers.append(server)
            threading.Thread(target=work, args=(server,), daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    time.sleep(600)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path)
    yield made
    made.close()


def written(virtlab: Virtlab, text: str) -> str:
    folder = virtlab.lab()
    (folder / "lab.yaml").write_text(text)
    return str(folder)


def knock(virtlab: Virtlab, label: str, listener: Listener, *addresses: str) -> set[str]:
    """What answers a guest: "tcp ADDRESS", "udp ADDRESS", "ping ADDRESS"."""
    word = os.urandom(4).hex()
    script = f"WORD={word} PORT={listener.port}\n{KNOCK}"
    told = virtlab("exec", "--timeout", "80", label, "--", "sh", "-c", script, "sh", *addresses).ended(0)
    return listener.heard(word) | {f"ping {address}" for address in told.out.split()}


def ways(*addresses: str) -> set[str]:
    return {f"{kind} {address}" for kind in ("tcp", "udp", "ping") for address in addresses}


@contextmanager
def outside(folder: Path, port: int) -> Iterator[Listener]:
    """A machine behind this host, at OUTSIDE, with the same port open."""
    name = f"vlout{os.urandom(2).hex()}"
    with ExitStack() as stack:

        def ip(*words: str) -> None:
            subprocess.run(["ip", *words], check=True)

        ip("netns", "add", name)
        stack.callback(ip, "netns", "del", name)
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", "198.51.100.1/24", "dev", name)
        ip("link", "set", name, "up")
        ip("-n", name, "addr", "add", f"{OUTSIDE}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", "198.51.100.1")
        made = Listener(folder, "ip", "netns", "exec", name, port=port)
        stack.callback(made.close)
        yield made


def uplink() -> str:
    """An address of this host that is on none of libvirt's networks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("203.0.113.1", 9))
        return str(probe.getsockname()[0])


def said(virtlab: Virtlab, label: str, script: str) -> str:
    """What a script prints in a guest, where it ends well; else how it ended."""
    told = virtlab("exec", label, "--", "sh", "-c", script)
    return told.out.strip() if told.code == 0 else f"exit {told.code}"


@pytest.mark.skipif(os.geteuid() != 0, reason="a machine on the outside is made by root")
@pytest.mark.skipif(shutil.which("ip") is None, reason="no program ip")
def test_guests_of_the_systems_libvirt(system: Virtlab, listener: Listener, tmp_path: Path) -> None:
    name, other = system.name(), system.name()
    system("up", written(system, LAB), "--as", name).ended(0)
    system("up", written(system, ALONE), "--as", other).ended(0)  # later than the other's filters
    one, both, two, theirs = f"{name}/one", f"{name}/both", f"{name}/two", f"{other}/one"
    route = "ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'"
    gateway, their_gateway = said(system, one, route), said(system, theirs, route)
    their_address = said(system, theirs, "ip -4 -o addr show eth0 | sed 's|.*inet \\([^/]*\\).*|\\1|'")
    for guest in (both, theirs):
        assert said(system, guest, "echo here >/tmp/page; httpd -p 8080 -h /tmp") == ""
    bridge = Instance(system.owner, name).bridge("street")
    # libvirt switches IPv6 off on such a bridge; somebody may have it on
    Path(f"/proc/sys/net/ipv6/conf/{bridge}/disable_ipv6").write_text("0")
    subprocess.run(["ip", "addr", "add", "fd77::1/64", "dev", bridge, "nodad"], check=True)
    for guest, own in ((one, "fd77::11"), (both, "fd77::12")):
        said(system, guest, IPV6.format(own=own, gateway="fd77::1"))

    # nothing of the host but pings of the gateway, whatever it is called
    to_all = gateway.rpartition(".")[0] + ".255"
    of_host = [gateway, their_gateway, uplink(), "198.51.100.1", to_all, "224.0.0.1", "fd77::1"]
    (tmp_path / "far").mkdir()
    with outside(tmp_path / "far", listener.port) as far:
        assert knock(system, one, listener, *of_host) == {f"ping {gateway}"}
        assert knock(system, one, far, OUTSIDE) == ways(OUTSIDE)
        assert knock(system, two, far, OUTSIDE, uplink()) == set()
        assert knock(system, two, listener, uplink(), gateway) == set()
    # no other lab
    assert said(system, one, f"timeout 5 wget -q -O - http://{their_address}:8080/page") != "here"
    # and all that is meant
    for guest in (one, two):
        assert said(system, guest, "wget -q -O - http://both:8080/page") == "here"
    assert said(system, one, "ping -q -c 1 -W 2 fd77::12 >/dev/null") == ""
    assert said(system, one, "udhcpc -n -q -f -i eth0 -s /bin/true >/dev/null 2>&1") == ""


def test_guests_of_a_users_own_libvirt(session: Virtlab, listener: Listener) -> None:
    name = session.name()
    lab = written(session, ALONE)
    session("up", lab, "--as", name).ended(0)
    one = f"{name}/one"
    of_host = ["10.0.2.2", uplink(), "10.0.2.3", "fec0::2"]
    said(session, one, IPV6.format(own="fec0::11", gateway="fec0::2"))
    assert knock(session, one, listener, *of_host) & ways(*of_host[:2]) == {"ping 10.0.2.2"}
    assert knock(session, one, listener, *of_host) <= {f"ping {address}" for address in of_host}
    assert said(session, one, "udhcpc -n -q -f -i eth0 -s /bin/true >/dev/null 2>&1") == ""
    assert "trusted: no → yes" in session("plan", lab, "--as", name, "--trust").ended(0).out
    session("up", lab, "--as", name, "--trust", "--yes").ended(0)
    assert {"tcp 10.0.2.2", "udp 10.0.2.2"} <= knock(session, one, listener, "10.0.2.2")


if __name__ == "__main__":
    listen(int(sys.argv[1]), sys.argv[2])
