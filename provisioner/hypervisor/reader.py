"""What exists, read from libvirt alone."""

from __future__ import annotations

import html
import re
from typing import Any

import libvirt

from provisioner.hypervisor.failures import code_of, translated
from provisioner.model import metadata as metadata
from provisioner.model import naming
from provisioner.model.observed import Observed, ObservedDomain, ObservedNetwork, ObservedVolume

_STATES = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "stopping",
    libvirt.VIR_DOMAIN_SHUTOFF: "stopped",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
}
# gone since it was listed, without a stamp, or no longer running
_NOTHING_THERE = (
    libvirt.VIR_ERR_NO_DOMAIN,
    libvirt.VIR_ERR_NO_DOMAIN_METADATA,
    libvirt.VIR_ERR_OPERATION_INVALID,
)
_TEXT = re.compile(r"<[^>]*>(.*)</[^>]*>\s*", re.DOTALL)


def look(conn: Any, pool: Any | None = None) -> Observed:
    """Everything of virtlab's on a connection, and in its pool where that is given."""
    with translated("can't list what is there"):
        domains = [_domain(d) for d in conn.listAllDomains()]
        networks = [_network(n) for n in conn.listAllNetworks()]
        found = [] if pool is None else _volumes(pool)
    return Observed(
        tuple(sorted((d for d in domains if d), key=lambda d: d.name)),
        tuple(sorted((n for n in networks if n), key=lambda n: n.name)),
        tuple(found),
    )


def is_ours_domain(dom: Any) -> bool:
    """Whether a domain's own stamp agrees with its name: only such a one may be changed."""
    return _domain(dom) is not None


def is_ours_network(net: Any) -> bool:
    """Whether a network's own stamp agrees with its name: only such a one may be changed."""
    return _network(net) is not None


def _domain(dom: Any) -> ObservedDomain | None:
    split = naming.split(dom.name())
    if split is None:
        return None
    instance, guest = split
    try:
        # a domain that somebody undefined while it runs has no configuration any more, only the live one
        where = libvirt.VIR_DOMAIN_AFFECT_CONFIG if dom.isPersistent() else libvirt.VIR_DOMAIN_AFFECT_LIVE
        text = dom.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, naming.METADATA_URI, where)
        state = dom.state()[0]
    except libvirt.libvirtError as error:
        if code_of(error) in _NOTHING_THERE:
            return None
        raise
    mark = _stamp(text)
    if not isinstance(mark, metadata.GuestMetadata) or (mark.origin.key, mark.guest) != (instance, guest):
        return None
    return ObservedDomain(dom.name(), instance, guest, _STATES.get(state, "unknown"), mark)


def _network(net: Any) -> ObservedNetwork | None:
    split = naming.split(net.name())
    if split is None:
        return None
    instance, name = split
    try:
        # networks have no metadata call before libvirt 9.7: the stamp is read from the definition
        text = net.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
        active = bool(net.isActive())
    except libvirt.libvirtError as error:
        if code_of(error) == libvirt.VIR_ERR_NO_NETWORK:
            return None
        raise
    element = re.search(
        rf"<{naming.METADATA_KEY}:stamp[^>]*>.*?</{naming.METADATA_KEY}:stamp>", text, re.DOTALL
    )
    mark = _stamp(element.group()) if element else None
    if not isinstance(mark, metadata.NetworkMetadata) or (mark.origin.key, mark.network) != (instance, name):
        return None
    return ObservedNetwork(net.name(), instance, name, active, mark)


def _stamp(element: str) -> metadata.GuestMetadata | metadata.NetworkMetadata | None:
    match = _TEXT.fullmatch(element.strip())
    if match is None:
        return None
    try:
        return metadata.loads(html.unescape(match.group(1)))
    except ValueError:
        return None


def volume_names(pool: Any) -> list[str]:
    """The names of all volumes of a pool, sorted.

    ``listVolumes`` won't do: it counts first and lists then, and loses any name when somebody makes
    a volume in between.
    """
    return sorted(volume.name() for volume in pool.listAllVolumes())


def _volumes(pool: Any) -> list[ObservedVolume]:
    found = []
    for name in volume_names(pool):
        split = naming.split(name)
        if split is not None:
            found.append(ObservedVolume(name, *split))
    return found
