"""What labs need of the host: doctor says what is wrong, and so does up where libvirt refuses for it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from provisioner import errors, paths
from provisioner.host import network_state
from provisioner.host.firewall import Firewall, Keeper
from provisioner.hypervisor.uris import SESSION
from provisioner.lifecycle import host_checks
from provisioner.lifecycle.host_checks import Check
from provisioner.report.terminal import doctor_page
from provisioner.verbs.doctor import Findings
from tests.fakes.daemon import failure
from tests.fakes.world import World

FAULTS = [
    ({"has_tun": False}, "/dev/net/tun", "mknod -m 666 /dev/net/tun c 10 200"),
    ({"has_tun": False, "knows_tun": False}, "/dev/net/tun", "sudo modprobe tun"),
    ({"can_forward": False}, "forwarding", "--privileged"),
    ({"sets_rules": False}, "firewall tool", "sudo iptables -t nat -S"),
    ({"dns_taken_by": "unbound"}, "port 53", "let it listen on its own addresses only"),
]


def bad(world: World) -> list[Check]:
    return [check for check in host_checks.networks(world.session) if not check.good]


def test_a_host_on_which_all_is_well(world: World) -> None:
    assert bad(world) == []
    assert [check.name for check in host_checks.networks(world.session)] == ["network"]


def test_a_host_without_ebtables_runs_labs_that_need_no_filter(world: World) -> None:
    world.host.missing = {"ebtables"}
    (filter_tool,) = bad(world)
    assert not filter_tool.needed
    assert "--trust" in filter_tool.told
    assert "install iptables" in (filter_tool.remedy or "")
    assert [check.name for check in host_checks.networks(world.session) if check.good] == ["network"]


def test_routes_that_leave_no_range_of_addresses(world: World) -> None:
    """``doctor`` found nothing, and every ``up`` was refused: a VPN had routes to all private ranges."""
    private = ("192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8")
    world.host.taken = [IPv4Network(each) for each in private]
    (check,) = bad(world)
    assert (check.name, check.needed) == ("addresses", True)
    assert "a route over tun0 has 10.0.0.0/8" in check.told
    assert "ranges = [" in (check.remedy or "")
    assert not [check for check in host_checks.networks(world.session) if check.good]


@pytest.mark.parametrize(("state", "name", "remedy"), FAULTS)
def test_what_a_network_needs_of_the_host(
    world: World, state: dict[str, Any], name: str, remedy: str
) -> None:
    world.host.network = replace(world.host.network, **state)
    (check,) = bad(world)
    assert check.name == name
    assert check.needed
    assert remedy in (check.remedy or "")
    mine = world.session_of("learner", uri=SESSION)
    assert all(check.good for check in host_checks.networks(mine))


@pytest.mark.parametrize(
    ("libvirt", "missing", "names"),
    [
        (9_000_000, {"dnsmasq"}, ["network"]),
        (9_000_000, {"iptables"}, ["firewall tool"]),
        (10_004_000, {"iptables"}, []),
        (10_004_000, {"iptables", "nft"}, ["firewall tool"]),
        (10_003_000, {"iptables"}, ["firewall tool"]),
    ],
)
def test_programs_that_libvirt_calls(
    world: World, libvirt: int, missing: set[str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.line), "getLibVersion", lambda _: libvirt)
    world.host.missing = missing
    assert [check.name for check in bad(world)] == names


def refuse(text: str) -> Any:
    def refusal() -> None:
        raise failure("INTERNAL_ERROR", f"internal error: {text}", "NETWORK")

    return refusal


@pytest.mark.parametrize("moment", ["network.create", "domain.createWithFlags"])
def test_up_names_what_is_wrong_with_the_host_instead_of_doctor(world: World, moment: str) -> None:
    world.daemon.on(moment, refuse("it does not work"))
    world.host.network = replace(world.host.network, has_tun=False)
    with pytest.raises(errors.VirtlabError) as caught:
        world.up()
    hint = caught.value.hint or ""
    assert hint.startswith("/dev/net/tun is missing")
    assert hint.endswith("sudo mknod -m 666 /dev/net/tun c 10 200")


def test_a_network_that_fails_though_nothing_shows_leads_to_libvirts_log(world: World) -> None:
    world.daemon.on("network.create", refuse("it does not work"))
    with pytest.raises(errors.HypervisorError) as caught:
        world.up()
    assert "journalctl" in (caught.value.hint or "")


def test_who_has_port_53_of_all_addresses(tmp_path: Path) -> None:
    row = "   0: {address}:0035 00000000:0000 {state} 0:0 00:00000000 00000000   0   0 {inode} 1 x\n"
    (tmp_path / "net").mkdir()

    def said(kind: str, address: str, state: str, inode: int) -> str | None:
        for name in ("tcp", "udp", "tcp6", "udp6"):
            text = row.format(address=address, state=state, inode=inode) if name == kind else ""
            (tmp_path / "net" / name).write_text(f"  sl  local_address …\n{text}")
        return network_state._dns_taken_by(tmp_path)

    assert said("tcp", "00000000", "0A", 7) == "a program"
    assert said("tcp", "0100007F", "0A", 7) is None
    assert said("tcp", "00000000", "01", 7) is None
    assert said("udp", "00000000", "07", 7) == "a program"
    assert said("tcp6", "0" * 32, "0A", 7) == "a program"
    owner = tmp_path / "123"
    (owner / "fd").mkdir(parents=True)
    (owner / "fd" / "4").symlink_to("socket:[7]")
    (owner / "comm").write_text("unbound\n")
    assert said("udp", "00000000", "07", 7) == "unbound"
    assert said("udp", "00000000", "07", 8) == "a program"


def test_this_machine_can_be_read() -> None:
    state = network_state.read()
    assert "lo" in state.interfaces
    assert state.has_tun == Path("/dev/net/tun").exists()


def test_a_folder_that_can_not_be_written_to_is_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del world
    assert list(host_checks.folders()) == []
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (check,) = host_checks.folders()
    assert check.needed
    assert check.told == f"{tmp_path / 'file'} can't be written to, where virtlab keeps images"
    assert str(paths.cache_dir()).startswith(str(tmp_path / "file"))


def test_a_network_that_fails_where_the_daemon_is_older_than_the_loss_of_iptables(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It chose iptables when it started, and nft would do: seen with libvirt 11.3."""
    monkeypatch.setattr(type(world.line), "getLibVersion", lambda _: 11_003_000)
    world.host.missing = {"iptables"}
    world.daemon.on("network.create", refuse("Cannot find 'iptables' in path"))
    with pytest.raises(errors.HypervisorError) as caught:
        world.up()
    assert "restart libvirtd" in (caught.value.hint or "")


@pytest.mark.parametrize(("drops", "told"), [(True, ["firewall"]), (False, [])])
def test_a_firewall_that_drops_is_named(
    world: World, drops: bool, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = Firewall(Keeper.UFW, drops=drops)
    monkeypatch.setattr(type(world.host), "firewall", lambda _: wall)
    found = list(host_checks.far_end(world.session))
    assert [check.name for check in found] == told
    assert all("bench LAB" in (check.remedy or "") and not check.needed for check in found)
    assert list(host_checks.far_end(world.session_of("learner", uri=SESSION))) == []


def test_without_iperf3_bench_measures_no_network(world: World) -> None:
    assert list(host_checks.far_end(world.session)) == []
    world.host.missing = {"iperf3"}
    (check,) = host_checks.far_end(world.session)
    assert not check.needed
    page = doctor_page.doctor_page(Findings((check,), ()))
    assert "→ sudo apt-get install -y iperf3" in page
