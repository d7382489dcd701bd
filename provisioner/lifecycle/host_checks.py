"""What ``up`` needs of the host outside of virtlab: looked at by ``doctor``, and by whoever met a refusal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from provisioner import errors, paths
from provisioner.backends.session import Session
from provisioner.hypervisor import host_facts
from provisioner.labfile.problems import listed
from provisioner.language import joined, msg
from provisioner.lifecycle import free_ranges, shield
from provisioner.model import naming
from provisioner.sanitize import printable

BOOTSTRAP = msg("./bootstrap true, in a clone of virtlab, installs it")
_NFT_SINCE = (10, 4)  # libvirt's first version that can set its rules with nft
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``needed``: labs can't run without it."""

    name: str
    good: bool
    told: str
    remedy: str | None = None
    needed: bool = True


def networks(session: Session) -> Iterator[Check]:
    """Whether libvirt can make labs' networks here."""
    if session.is_session:
        told = msg("user-mode: guests do not reach one another")
        yield Check(msg("network"), True, told, needed=False)
        return
    faults = [*_network_faults(session), *_no_range(session)]
    yield from faults
    if not any(check.needed for check in faults):
        yield Check(msg("network"), True, msg("NAT, a network of its own for each lab"))


def _no_range(session: Session) -> Iterator[Check]:
    """Where libvirt's networks and the host's routes, such as a VPN's, leave no lab a range of addresses."""
    try:
        free_ranges.free_range(session.instance("lab"), "lab", free_ranges.taken_here(session))
    except errors.HypervisorError as error:
        yield Check(msg("addresses"), False, error.message, error.hint)


def _network_faults(session: Session) -> Iterator[Check]:
    if session.host.missing_programs(("dnsmasq",)):
        remedy = msg("install dnsmasq-base; {bootstrap}", bootstrap=BOOTSTRAP)
        yield Check(msg("network"), False, msg("dnsmasq is not installed"), remedy)
    if not shield.is_possible(session):
        told = msg(
            "{program} is not installed: only virtlab's own labs, or with --trust, run without it",
            program=shield.PROGRAM,
        )
        remedy = msg(
            "install {package}, which has it; {bootstrap}", package=shield.PACKAGE, bootstrap=BOOTSTRAP
        )
        yield Check(msg("filter tool"), False, told, remedy, needed=False)
    tools = ("iptables", "nft") if _version(session) >= _NFT_SINCE else ("iptables",)
    if len(session.host.missing_programs(tools)) == len(tools):
        told = msg("{tools}, by which libvirt sets a network's rules, is not installed", tools=listed(tools))
        yield Check(
            msg("firewall tool"), False, told, msg("install iptables; {bootstrap}", bootstrap=BOOTSTRAP)
        )
    state = session.host.network_state()
    if state is None:
        return
    if not state.has_tun:
        told = msg("/dev/net/tun is missing, by which guests are attached to a network")
        make = "sudo mkdir -p /dev/net && sudo mknod -m 666 /dev/net/tun c 10 200"
        yield Check("/dev/net/tun", False, told, make if state.knows_tun else "sudo modprobe tun")
    if not state.sets_rules:
        told = msg("iptables is installed, and fails: libvirt can't set a network's rules")
        yield Check(msg("firewall tool"), False, told, msg("sudo iptables -t nat -S says why"))
    if not state.can_forward:
        told = msg("/proc/sys can't be written to, so libvirt can't switch forwarding on for a network")
        yield Check(
            msg("forwarding"), False, told, msg("a container needs the right to it (such as --privileged)")
        )
    if state.dns_taken_by is not None:
        name = printable(state.dns_taken_by, _LONGEST_NAME)
        told = msg(
            "{name} listens on port 53 of all addresses, which a network's own DNS server needs", name=name
        )
        remedy = msg(
            "stop it, or let it listen on its own addresses only (sudo ss -lnp sport = :53 shows it)"
        )
        yield Check(msg("port 53"), False, told, remedy)


def _version(session: Session) -> tuple[int, ...]:
    return tuple(int(part) for part in host_facts.versions(session.conn)["libvirt"].split("."))


def folders() -> Iterator[Check]:
    """Whether virtlab's own folders can be written to. Nothing is told where they can."""
    for folder, variable, needed in (
        (paths.cache_dir(), "XDG_CACHE_HOME", True),
        (paths.state_dir(), "XDG_STATE_HOME", False),
    ):
        there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
        if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
            told = msg(
                "{there} can't be written to, where virtlab keeps {kept}", there=there, kept=_KEPT[variable]
            )
            yield Check(
                msg("folder"),
                False,
                told,
                msg("make it yours, or name another with {variable}", variable=variable),
                needed,
            )


def bridges(session: Session) -> Iterator[Check]:
    """Interfaces with a name like those of labs' bridges that are no network's of this libvirt."""
    state = session.host.network_state()
    if session.is_session or state is None:
        return
    known = session.conn.bridges()
    for name in sorted(state.interfaces - known):
        if naming.is_bridge(name):
            told = msg(
                "{name} looks like a lab's bridge, and belongs to no network of this libvirt", name=name
            )
            remedy = msg(
                "labs do without its name; if nobody else uses it: sudo ip link delete {name}", name=name
            )
            yield Check(msg("bridge"), False, told, remedy, needed=False)


def far_end(session: Session) -> Iterator[Check]:
    """Whether programs and firewall let ``bench`` measure networks. Nothing is told where they do."""
    wall = None if session.is_session else session.host.firewall()
    if wall is not None and wall.drops:
        if rule := wall.rule_for_names:
            told = msg(
                "{keeper} may drop what guests ask of DNS and DHCP: they then know no names",
                keeper=wall.keeper,
            )
            yield Check(msg("firewall"), False, told, rule, needed=False)
        told = msg(
            "{keeper} may drop what guests send to this host; bench then measures no network",
            keeper=wall.keeper,
        )
        remedy = msg("the rule that helps is named by {virtlab} bench LAB, before it measures")
        yield Check(msg("firewall"), False, told, remedy, needed=False)
    for program, package in (("iperf3", "iperf3"), ("setpriv", "util-linux")):
        if session.host.missing_programs([program]):
            told = msg("{program} is not installed, without which bench measures no network", program=program)
            yield Check(msg("bench"), False, told, f"sudo apt-get install -y {package}", needed=False)


_KEPT = {"XDG_CACHE_HOME": msg("images"), "XDG_STATE_HOME": msg("results and progress")}


def explain(session: Session, error: errors.VirtlabError, otherwise: str | None = None) -> None:
    """Gives a refusal of libvirt's a hint: what is wrong with the host, or ``otherwise`` where nothing shows.

    An error that has a hint keeps it. Of several errors, each gets one.
    """
    if isinstance(error, errors.SeveralErrors):
        for cause in error.causes:
            explain(session, cause, otherwise)
    elif isinstance(error, errors.HypervisorError) and error.hint is None and not session.is_session:
        found: list[str] = [joined(": ", (c.told, c.remedy or "")) for c in _network_faults(session)]
        if not found and session.host.missing_programs(("iptables",)):
            found = [msg("iptables is not installed: install it, or restart libvirtd, which then takes nft")]
        error.hint = joined("; ", found) if found else otherwise
