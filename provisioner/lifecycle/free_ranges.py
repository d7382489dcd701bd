"""A range of addresses that nobody has yet, for a network of a lab."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from provisioner import errors, paths, settings
from provisioner.backends.session import Session
from provisioner.language import msg
from provisioner.model import naming, ranges
from provisioner.model.plan import Step, Verb
from provisioner.model.ranges import Taken


def taken_here(session: Session) -> list[Taken]:
    """The ranges that libvirt's networks and the host's routes have."""
    return [*session.conn.ranges_in_use(), *(session.host.routes() or [])]


def check(session: Session, instance: naming.Instance, steps: Sequence[Step]) -> None:
    """Raises HypervisorError where a network that the steps make would find no range."""
    made = [step.name for step in steps if step.verb is Verb.CREATE]
    if session.is_session or not made:
        return
    taken = taken_here(session)
    for name in made:
        taken.append(Taken(free_range(instance, name, taken), msg("network {name} of this lab", name=name)))


def free_range(instance: naming.Instance, network: str, taken: Sequence[Taken]) -> IPv4Network:
    """The first free range for a network of the instance, of those that were set or of the private ones.

    Raises HypervisorError, which names what is in the way, where there is none.
    """
    among = ranges.blocks(settings.load().ranges)
    for subnet in ranges.subnets(instance, network, taken, among):
        return subnet
    raise errors.HypervisorError(
        msg(
            "no range of addresses is free for network {network}: {taken}",
            network=network,
            taken=ranges.told(taken, among),
        ),
        hint=msg(
            'name one that is free, such as ranges = ["10.77.0.0/16"], in {file}; or end '
            "labs that nobody needs: {virtlab} status",
            file=paths.config_file(),
        ),
    )
