"""Which firewall is in charge, and what is to be typed to let guests in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisioner.host import firewall
from provisioner.host.firewall import Firewall, Keeper

PORTS = range(5201, 5233)


@pytest.mark.parametrize(
    ("wall", "ports", "rule"),
    [
        (Firewall(Keeper.UFW), PORTS, "sudo ufw allow in on vl0 proto tcp to any port 5201:5232"),
        (Firewall(Keeper.UFW), None, "sudo ufw allow in on vl0"),
        (
            Firewall(Keeper.FIREWALLD),
            PORTS,
            "sudo firewall-cmd --zone=libvirt --change-interface=vl0 && "
            "sudo firewall-cmd --zone=libvirt --add-port=5201-5232/tcp",
        ),
        (
            Firewall(Keeper.FIREWALLD),
            None,
            "sudo firewall-cmd --zone=libvirt --change-interface=vl0 && "
            "sudo firewall-cmd --zone=libvirt --add-protocol=icmp",
        ),
        (
            Firewall(Keeper.NFT, ("inet", "filter", "input")),
            PORTS,
            "sudo nft insert rule inet filter input iifname vl0 tcp dport 5201-5232 accept",
        ),
        (
            Firewall(Keeper.IPTABLES),
            PORTS,
            "sudo iptables -I INPUT -i vl0 -p tcp --dport 5201:5232 -j ACCEPT",
        ),
        (Firewall(Keeper.IPTABLES), None, "sudo iptables -I INPUT -i vl0 -p icmp -j ACCEPT"),
    ],
)
def test_the_rule_that_lets_guests_in(wall: Firewall, ports: range | None, rule: str) -> None:
    assert wall.rule("vl0", ports) == rule


def test_where_nft_itself_drops_names_need_a_rule_too() -> None:
    assert Firewall(Keeper.UFW).rule_for_names is None
    assert Firewall(Keeper.NFT, ("inet", "filter", "input")).rule_for_names == (
        "sudo nft insert rule inet filter input "
        "'iifname \"vl*\" meta l4proto { tcp, udp } th dport { 53, 67 } accept'"
    )


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the programs of a host say, by their names; one that is not in it is not there. ufw is off."""
    answers: dict[str, str] = {}
    monkeypatch.setattr(firewall, "answer", lambda name, *_: answers.get(name))
    monkeypatch.setattr(firewall, "_UFW", tmp_path / "ufw.conf")
    return answers


def chains(*found: tuple[str, str, str, str]) -> str:
    """``nft -j list chains``; each is family, table, name and policy."""
    keys = ("family", "table", "name", "policy")
    items = [
        {"chain": {**dict(zip(keys, chain, strict=True)), "hook": "input", "prio": 0}} for chain in found
    ]
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *items, {"chain": {"name": "own"}}]})


@pytest.mark.parametrize(
    ("answers", "wall"),
    [
        ({}, Firewall(Keeper.IPTABLES, drops=False)),
        ({"firewall-cmd": "running\n"}, Firewall(Keeper.FIREWALLD)),
        ({"nft": chains(("ip", "filter", "INPUT", "drop"))}, Firewall(Keeper.IPTABLES)),
        ({"nft": chains(("ip", "filter", "INPUT", "accept"))}, Firewall(Keeper.IPTABLES, drops=False)),
        (
            {"nft": chains(("ip6", "six", "in", "drop"), ("inet", "filter", "input", "drop"))},
            Firewall(Keeper.NFT, ("inet", "filter", "input")),
        ),
        ({"nft": "no JSON"}, Firewall(Keeper.IPTABLES, drops=False)),
        ({"nft": '{"nftables": 1}'}, Firewall(Keeper.IPTABLES, drops=False)),
    ],
)
def test_which_firewall_is_in_charge(told: dict[str, str], answers: dict[str, str], wall: Firewall) -> None:
    told |= answers
    assert firewall.found() == wall


@pytest.mark.parametrize(
    ("text", "keeper"),
    [
        ("ENABLED=yes\nLOGLEVEL=low\n", Keeper.UFW),
        ("#\nENABLED=no\n", Keeper.IPTABLES),
        ("", Keeper.IPTABLES),
    ],
)
def test_ufw_says_in_its_file_whether_it_is_on(
    told: dict[str, str], tmp_path: Path, text: str, keeper: Keeper
) -> None:
    (tmp_path / "ufw.conf").write_text(text)
    assert firewall.found().keeper is keeper
