"""What exists, read from libvirt alone."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import replace

import libvirt

from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import code_of
from provisioner.hypervisor.net_filter import NetFilter
from provisioner.hypervisor.network import Network
from provisioner.hypervisor.storage import Pool
from provisioner.language import msg
from provisioner.model import metadata, naming
from provisioner.model.observed import (
    Observed,
    ObservedDomain,
    ObservedDoubtful,
    ObservedFilter,
    ObservedLater,
    ObservedNetwork,
)

_STATES = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "stopping",
    libvirt.VIR_DOMAIN_SHUTOFF: "stopped",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
}
# gone since it was listed, or no longer running
_NOTHING_THERE = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID)
_BRIDGE = re.compile(r"""<bridge\sname=["']([^"']+)["']""")
_TEXT = re.compile(r"<[^>]*>(.*)</[^>]*>\s*", re.DOTALL)


def observed(
    domains: Sequence[Domain],
    networks: Sequence[Network],
    pool: Pool | None,
    filters: Sequence[NetFilter],
) -> Observed:
    """The part of these that is virtlab's, guests in the order of their lab file.

    Raises HypervisorError, and libvirt's own errors.
    """
    seen = [*map(_domain, domains), *map(_network, networks)]
    seen.sort(key=lambda each: each.name if each else "")
    guests = tuple(
        sorted(
            (each for each in seen if isinstance(each, ObservedDomain)),
            key=lambda each: (each.instance, each.metadata.place),  # where that is the same, by name
        )
    )
    later = tuple(each for each in seen if isinstance(each, ObservedLater))
    volumes: tuple[ObservedDoubtful, ...] = ()
    if pool is not None:
        there = [name for name in pool.volume_names() if naming.split(name) and pool.has(name)]
        volumes = _doubtful_volumes(there, guests, later)
        guests = tuple(_with_lost_disks(guest, there) for guest in guests)
    return Observed(
        guests,
        tuple(each for each in seen if isinstance(each, ObservedNetwork)),
        later,
        (*(each for each in seen if isinstance(each, ObservedDoubtful)), *volumes),
        tuple(sorted((own for each in filters if (own := filter_of(each))), key=lambda own: own.name)),
    )


def _doubtful_volumes(
    names: Sequence[str], guests: Sequence[ObservedDomain], later: Sequence[ObservedLater]
) -> tuple[ObservedDoubtful, ...]:
    """Those of these volumes that are no disk of a guest, by the guests' metadata.

    What a later virtlab made of an instance may have any of the instance's volumes.
    """
    known = {name for guest in guests for name in guest.volumes}
    unread = {each.instance for each in later}
    split = {name: parts for name in names if name not in known and (parts := naming.split(name))}
    return tuple(
        ObservedDoubtful(name, instance, part, "volume")
        for name, (instance, part) in split.items()
        if instance not in unread
    )


def _with_lost_disks(guest: ObservedDomain, names: Sequence[str]) -> ObservedDomain:
    lost = tuple(index for index, name in enumerate(guest.volumes) if name not in names)
    return replace(guest, lost_disks=lost) if lost else guest


def ours_domain(domain: Domain) -> ObservedDomain | None:
    """What a domain's own metadata tells, where it agrees with its name. Only then may it be changed."""
    mark = _domain(domain)
    return mark if isinstance(mark, ObservedDomain) else None


def is_ours_network(network: Network) -> bool:
    """Whether a network's own metadata agrees with its name. Only then may it be changed."""
    return isinstance(_network(network), ObservedNetwork)


def filter_of(net_filter: NetFilter) -> ObservedFilter | None:
    """The filter as virtlab's, where its UUID agrees with its name. Only then may it be changed."""
    split = naming.split(net_filter.name)
    if split is None or net_filter.uuid != split[0].uuid("filter", split[1]):
        return None
    return ObservedFilter(net_filter.name, *split)


def _domain(domain: Domain) -> ObservedDomain | ObservedLater | ObservedDoubtful | None:
    split, dom = naming.split(domain.name), domain.handle
    if split is None:
        return None
    instance, guest = split
    doubtful = ObservedDoubtful(domain.name, instance, guest, "domain")
    try:
        # a domain that was undefined while it runs has only its live configuration
        where = libvirt.VIR_DOMAIN_AFFECT_CONFIG if dom.isPersistent() else libvirt.VIR_DOMAIN_AFFECT_LIVE
        text = dom.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, naming.METADATA_URI, where)
        state, reason = dom.state()[:2]
    except libvirt.libvirtError as error:
        if code_of(error) in _NOTHING_THERE:
            return None
        if code_of(error) == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return doubtful
        raise
    mark = _metadata(text)
    if isinstance(mark, metadata.LaterFormat):
        return ObservedLater(domain.name, instance, msg("guest {guest}", guest=guest), mark.number)
    if not isinstance(mark, metadata.GuestMetadata):
        return doubtful
    if (mark.origin.key, mark.guest.name) != (instance, guest):
        return doubtful
    # QEMU pauses a guest of ours after an error of its disk only where no space was left
    full = (state, reason) == (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR)
    shown = _STATES.get(state, "unknown")
    return ObservedDomain(domain.name, instance, guest, shown, mark, out_of_space=full)


def _network(network: Network) -> ObservedNetwork | ObservedLater | ObservedDoubtful | None:
    split, net = naming.split(network.name), network.handle
    if split is None:
        return None
    instance, name = split
    doubtful = ObservedDoubtful(network.name, instance, name, "network")
    try:
        # networks have no metadata call before libvirt 9.7: theirs is read from the definition
        text = net.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
        active = bool(net.isActive())
    except libvirt.libvirtError as error:
        if code_of(error) == libvirt.VIR_ERR_NO_NETWORK:
            return None
        raise
    element = re.search(
        rf"<{naming.METADATA_KEY}:stamp[^>]*>.*?</{naming.METADATA_KEY}:stamp>", text, re.DOTALL
    )
    mark = _metadata(element.group()) if element else None
    if isinstance(mark, metadata.LaterFormat):
        return ObservedLater(network.name, instance, msg("network {name}", name=name), mark.number)
    if not isinstance(mark, metadata.NetworkMetadata):
        return doubtful
    if (mark.origin.key, mark.network.name) != (instance, name):
        return doubtful
    bridge = _BRIDGE.search(text)
    return ObservedNetwork(network.name, instance, name, active, mark, bridge[1] if bridge else "")


def _metadata(
    element: str,
) -> metadata.GuestMetadata | metadata.NetworkMetadata | metadata.LaterFormat | None:
    """What virtlab's element says; that only a later version can read it; None where it is not virtlab's."""
    match = _TEXT.fullmatch(element.strip())
    if match is None:
        return None
    try:
        return metadata.loads(html.unescape(match.group(1)))
    except metadata.LaterFormat as later:
        return later
    except ValueError:
        return None
