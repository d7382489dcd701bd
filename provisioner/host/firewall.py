"""The host's firewall: which one is in charge, and the rule by which it lets guests reach this host.

Nothing is changed here, and most of a firewall can be read only by root.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from provisioner.host.processes import answer
from provisioner.model.naming import BRIDGE_PREFIX

_UFW = Path("/etc/ufw/ufw.conf")
_IPTABLES = ("ip", "filter", "INPUT")  # where iptables has its rules among those of nft


class Keeper(StrEnum):
    """Who is in charge of the rules."""

    UFW = "ufw"
    FIREWALLD = "firewalld"
    NFT = "nftables"
    IPTABLES = "iptables"


@dataclass(frozen=True, slots=True)
class Firewall:
    """The firewall in charge. ``chain``: the family, table and name of nft's own that drops what comes in."""

    keeper: Keeper
    chain: tuple[str, str, str] | None = None
    drops: bool = True  # what comes in, unless a rule lets it; False also where only root could tell

    def rule(self, bridge: str, ports: range | None) -> str:
        """The command that lets in what comes over a bridge: to these TCP ports, or, with None, pings."""
        if self.keeper is Keeper.UFW:  # it lets pings in unless /etc/ufw/before.rules was edited
            to = "" if ports is None else f" proto tcp to any port {ports[0]}:{ports[-1]}"
            return f"sudo ufw allow in on {bridge}{to}"
        if self.keeper is Keeper.FIREWALLD:
            # libvirt puts its bridges into this zone, unless firewalld began after the network
            zone = "sudo firewall-cmd --zone=libvirt"
            what = "--add-protocol=icmp" if ports is None else f"--add-port={ports[0]}-{ports[-1]}/tcp"
            return f"{zone} --change-interface={bridge} && {zone} {what}"
        if self.keeper is Keeper.NFT and self.chain is not None:
            what = "ip protocol icmp" if ports is None else f"tcp dport {ports[0]}-{ports[-1]}"
            return f"sudo nft insert rule {' '.join(self.chain)} iifname {bridge} {what} accept"
        what = "-p icmp" if ports is None else f"-p tcp --dport {ports[0]}:{ports[-1]}"
        return f"sudo iptables -I INPUT -i {bridge} {what} -j ACCEPT"

    @property
    def rule_for_names(self) -> str | None:
        """The command that lets in what guests ask of their networks' DNS and DHCP servers, over any lab's
        bridge. None where libvirt's own rules, which are iptables', let it in: a chain of nft's drops it all
        the same."""
        if self.chain is None:
            return None
        what = "meta l4proto { tcp, udp } th dport { 53, 67 }"
        return f"sudo nft insert rule {' '.join(self.chain)} 'iifname \"{BRIDGE_PREFIX}*\" {what} accept'"


def found() -> Firewall:
    """The firewall of this host. Where none shows itself, the rules are taken for iptables'."""
    if _ufw_is_on():
        return Firewall(Keeper.UFW)
    if answer("firewall-cmd", "--state") is not None:
        return Firewall(Keeper.FIREWALLD)
    chain = dropping(answer("nft", "-j", "list", "chains") or "")
    if chain is not None and chain != _IPTABLES:
        return Firewall(Keeper.NFT, chain)
    return Firewall(Keeper.IPTABLES, drops=chain is not None)


def _ufw_is_on() -> bool:
    try:
        lines = _UFW.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return "enabled=yes" in {line.strip().lower() for line in lines}


def dropping(listed: str) -> tuple[str, str, str] | None:
    """The family, table and name of the first chain that drops what comes in, of ``nft -j list chains``
    (libnftables-json(5))."""
    try:
        items: Any = json.loads(listed)["nftables"]
    except (ValueError, KeyError, TypeError):
        return None
    for item in items if isinstance(items, list) else []:
        chain = item.get("chain", {}) if isinstance(item, dict) else {}
        if chain.get("hook") == "input" and chain.get("policy") == "drop" and chain.get("family") != "ip6":
            return str(chain["family"]), str(chain["table"]), str(chain["name"])
    return None
