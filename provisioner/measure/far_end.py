"""The host's end of network measurements, and one look whether the clones reach it before any is made."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends.session import Session
from provisioner.host import firewall, processes
from provisioner.hypervisor.uris import SYSTEM
from provisioner.language import msg
from provisioner.measure import workloads
from provisioner.measure.clone import Clone
from provisioner.measure.findings import Results
from provisioner.measure.workloads import Needs, Probe
from provisioner.model import plan
from provisioner.model.naming import Instance

_LOOK_SECONDS = 30.0  # beside the five that a connection and a ping are given


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a clone reaches of the host. True where it is not known: the measurement will tell."""

    pings: bool = True
    connects: bool = True


def peer(session: Session, clone: Clone) -> str:
    """The address by which a clone reaches this host."""
    return plan.USER_GATEWAY if session.is_session else clone.host_end


@contextmanager
def opened(session: Session, clone: Clone) -> Iterator[int]:
    """The host's iperf3 for a clone, for as long as the block lasts; the value is its port.

    Raises HypervisorError where there can be none.
    """
    if not session.choice.is_local:
        raise errors.HypervisorError(msg("its far end would have to run on the remote host"))
    origin = clone.order.mark.origin
    if session.is_session and not origin.trusted:
        raise errors.HypervisorError(
            msg("on your own libvirt a guest reaches all of this host, or nothing of it"),
            hint=msg(
                "where you trust the lab: {command}; else use -c {system}",
                command=origin.typed.up("--trust"),
                system=SYSTEM,
            ),
        )
    with processes.iperf3_server("127.0.0.1" if session.is_session else clone.host_end, clone.port) as port:
        yield port


def check(
    session: Session,
    instance: Instance,
    clones: Sequence[Clone],
    probes: Sequence[Probe],
    results: Results,
    cancelled: threading.Event,
) -> errors.VirtlabError | None:
    """Looks what each clone reaches, and bars the probes that would only wait for what it does not reach.

    Returns what is in the way, and the rule that helps; None where nothing is.
    """
    asked = [clone for clone in clones if clone.addresses]
    found = side_by_side.run([partial(_asked, session, clone) for clone in asked], cancelled=cancelled)
    reach = {clone.of: told for clone, told in zip(asked, found, strict=True)}
    deaf = [clone for clone in asked if not (reach[clone.of].pings and reach[clone.of].connects)]
    if not deaf:
        return None
    problem = _problem(session, instance, deaf, reach)
    results.note(problem.message)
    for clone in deaf:
        for probe in probes:
            if not _has(probe, reach[clone.of]):
                results.bar(probe, clone.of, msg("it does not reach the host"), noted=True)
    return problem


def _asked(session: Session, clone: Clone) -> _Reach:
    try:
        with opened(session, clone) as port:
            script = f"PEER={shlex.quote(peer(session, clone))} PORT={port}\n{workloads.LOOK}"
            told = clone.transport.run(["sh"], input=script.encode(), timeout=_LOOK_SECONDS, max_output=1024)
    except (errors.GuestError, errors.HypervisorError):
        return _Reach()
    lines = told.stdout.decode("ascii", "replace").split("\n")
    return _Reach("ping failed" not in lines, "connection failed" not in lines)


def _has(probe: Probe, reach: _Reach) -> bool:
    """Whether a probe has what it needs of the host, as far as that is known."""
    if Needs.FAR_END in probe.needs:
        return reach.connects
    return reach.pings or Needs.NETWORK not in probe.needs


def _problem(
    session: Session, instance: Instance, deaf: Sequence[Clone], reach: dict[str, _Reach]
) -> errors.VirtlabError:
    names = " and ".join(clone.of for clone in deaf)
    if session.is_session:
        return errors.HypervisorError(
            msg(
                "the network was not measured: {names} can't reach this host over user-mode networking",
                names=names,
            ),
            hint=msg("bring the lab up on a network of its own: -c qemu:///system"),
        )
    wall = firewall.found()
    rules: dict[str, None] = {}
    for clone in deaf:
        bridge = session.conn.network(instance.network(clone.addresses[0].network)).bridge
        if not reach[clone.of].connects:
            rules[wall.rule(bridge, processes.PORTS)] = None
        if not reach[clone.of].pings:
            rules[wall.rule(bridge, None)] = None
    return errors.HypervisorError(
        msg("the network was not measured: this host drops what {names} send to it", names=names),
        hint=msg("let it in ({keeper}): {rules}", keeper=wall.keeper, rules=" && ".join(rules)),
    )
