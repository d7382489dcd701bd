"""Labs as XML, with nothing of this machine in it: the same on every one."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from lxml import etree

from provisioner import render
from provisioner.labfile.loader import load
from provisioner.labfile.rules import Images
from provisioner.model import metadata, naming, plan
from provisioner.model.accel import Decision
from provisioner.model.lab import Guest, Lab
from provisioner.model.metadata import Address, GuestMetadata, NetworkMetadata, Origin
from provisioner.model.observed import Observed
from provisioner.model.ranges import Taken, closed, subnets

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LABS = {
    "demo-paravirt": PROJECT / "labs/demo-paravirt/lab.yaml",
    "demo-xen": PROJECT / "labs/demo-xen/lab.yaml",
    "reference": PROJECT / "labs/reference.yaml",
    "everything": HERE / "labs/everything.yaml",
}
POOL = "/pool"
NOTHING = Observed((), ())


def load_lab(file: Path) -> Lab:
    """The lab of a file; the catalogue has the images tiny and notes."""
    images = Images(
        boot=("tiny", "grub", "xen", "xen-domu", "kvm", "vz", "hosted", "grub-timed", "consolidation"),
        disk=("notes",),
    )
    return load(file, source=f"test:{file.stem}", profiles=PROJECT / "templates/profiles", images=images)


def origin_of(lab: Lab, user: str = "learner") -> Origin:
    return Origin(user, lab.name, lab.name, lab.source, f"/labs/{lab.name}.yaml")


def ranges_of(lab: Lab, origin: Origin, *, session: bool) -> plan.Ranges:
    """The subnet and gateway of each network, on a host where all ranges are free."""
    if session:
        return plan.user_ranges(lab)
    found: plan.Ranges = {}
    for network in lab.networks:
        used = [Taken(subnet, "network") for subnet, _ in found.values()]
        subnet = next(subnets(origin.key, network.name, used))
        found[network.name] = (subnet, render.gateway(network, subnet))
    return found


def guest_metadata(
    lab: Lab, guest: Guest, origin: Origin, addresses: tuple[Address, ...], accel: str
) -> GuestMetadata:
    image = naming.ImageSet(guest.image, "0" * 12, "0" * 16, origin.key.owner)
    sets = dict.fromkeys(guest.images, image)
    return plan.guest_metadata(lab, guest, origin, Decision(accel, "asked for"), sets, addresses)


def networks(lab: Lab, origin: Origin) -> dict[str, str]:
    """The XML of each network, by name."""
    ranges = ranges_of(lab, origin, session=False)
    addresses = plan.addresses(lab, origin, NOTHING, ranges)
    found = {}
    for network in lab.networks:
        mark = NetworkMetadata(origin, network, str(ranges[network.name][0]))
        hosts = [(g, a) for g, own in addresses.items() for a in own if a.network == network.name]
        found[network.name] = render.network_xml(network, mark, hosts)
    return found


def filters(lab: Lab, origin: Origin) -> dict[str, str]:
    """The XML of the filter of each network, by name, on a host of one address."""
    ranges = ranges_of(lab, origin, session=False)
    found = {}
    for network in lab.networks:
        subnet = ranges[network.name][0]
        away = closed(subnet, [IPv4Network("192.0.2.2"), IPv4Network("192.0.2.255"), subnet], [])
        found[network.name] = render.filter_xml(origin.key, network, subnet, away)
    return found


def domains(
    lab: Lab,
    origin: Origin,
    *,
    accel: str,
    session: bool,
    pool: str = POOL,
    boot: render.BootFiles | None = None,
) -> dict[str, str]:
    """The XML of each top-level guest, by name; every one with that accelerator."""
    addresses = plan.addresses(lab, origin, NOTHING, ranges_of(lab, origin, session=session))
    found = {}
    for guest in lab.top_level:
        mark = guest_metadata(lab, guest, origin, addresses[guest.name], accel)
        files = boot or _boot_files(guest, pool)
        if guest.image == "grub":  # which has no initrd
            files = render.BootFiles(files.kernel)
        found[guest.name] = render.domain_xml(guest, mark, files, pool, session=session)
    return found


def _boot_files(guest: Guest, pool: str) -> render.BootFiles:
    if guest.image == "xen":
        return render.BootFiles(disk=f"{pool}/boot")
    return render.BootFiles.of(lambda part: f"{pool}/{part}", guest.firmware)


def without_metadata(xml: str) -> str:
    """The XML of a domain or a network as it is rendered, but for virtlab's metadata."""
    before, begin, rest = xml.partition("  <metadata>\n")
    _, end, after = rest.partition("  </metadata>\n")
    assert begin, xml
    assert end, xml
    return before + after


def metadata_of(xml: str) -> GuestMetadata | NetworkMetadata:
    """What virtlab's metadata in a domain or a network says."""
    (element,) = etree.fromstring(xml.encode()).find("metadata")
    assert element.tag == f"{{{naming.METADATA_URI}}}stamp"
    return metadata.loads(element.text or "")


def volumes(lab: Lab, origin: Origin) -> dict[str, str]:
    """The XML of each disk of each top-level guest, by volume name."""
    found = {}
    for guest in lab.top_level:
        for index, disk in enumerate(guest.disks):
            name = origin.key.volume(guest.name, index)
            backing = f"{POOL}/{disk.image}" if disk.image else None
            found[name] = render.volume_xml(name, disk.size, fmt="qcow2", backing=backing)
    return found
