"""The XML that libvirt would get for a lab. It is for reading: libvirt itself is not asked."""

from __future__ import annotations

from provisioner import errors, paths, render
from provisioner.host.local_host import Host, user_name
from provisioner.hypervisor import host_facts
from provisioner.hypervisor.uris import Choice
from provisioner.images import cache, registry
from provisioner.images.cache import BuiltImage
from provisioner.language import msg
from provisioner.lifecycle import lab_files
from provisioner.lifecycle.free_ranges import free_range
from provisioner.lifecycle.image_upload import known_here, least_memory, recipe_key
from provisioner.model import accel, memory, metadata, naming, plan, ranges
from provisioner.model.lab import Guest, Lab
from provisioner.model.observed import Observed
from provisioner.model.ranges import Taken

_NOT_BUILT = "not-built-yet"


def documents(
    target: str, *, choice: Choice, host: Host, accel_flag: str | None, sets: tuple[str, ...]
) -> dict[str, str]:
    """The XML of each network and top-level guest, by name, networks first.

    Where ``target`` ends in ``/GUEST``, only that guest's. Raises InputError where there is no such guest.
    """
    target, guest = split_target(target)
    file, source = lab_files.locate(target)
    lab = lab_files.load(file, source, sets)
    if guest is not None and guest not in {g.name for g in lab.top_level}:
        known = ", ".join(g.name for g in lab.top_level)
        raise errors.InputError(
            msg("{name} has no guest {guest}", name=lab.name, guest=repr(guest)),
            hint=msg("its guests: {known}", known=known),
        )
    lab = memory.fitting(lab, least_memory(lab, known_here(lab)))
    origin = metadata.Origin(
        user_name(), lab.name, lab.name, source, str(file), metadata.Choices(accel_flag, sets)
    )
    nets = _ranges(lab, origin.key, session=choice.is_session)
    addresses = plan.addresses(lab, origin, Observed((), ()), nets)
    xml_by_name = {}
    if not choice.is_session and guest is None:
        used = {interface.network for each in lab.top_level for interface in each.interfaces}
        for network in (network for network in lab.networks if network.name in used):
            hosts = [(g, a) for g, own in addresses.items() for a in own if a.network == network.name]
            mark = metadata.NetworkMetadata(origin, network, str(nets[network.name][0]))
            xml_by_name[f"network {network.name}"] = render.network_xml(network, mark, hosts)
            closed = ranges.closed(nets[network.name][0], host.own_ranges() or [], [], host.routes() or [])
            xml_by_name[f"filter {network.name}"] = render.filter_xml(
                origin.key, network, nets[network.name][0], closed
            )
    pool = str(paths.session_pool_dir() if choice.is_session else paths.SYSTEM_POOL_DIR)
    kvm = host_facts.kvm(None, host, session=choice.is_session)
    for each in lab.top_level:
        if guest in (None, each.name):
            xml_by_name[each.name] = _domain(each, lab, origin, addresses[each.name], pool, kvm, choice)
    return xml_by_name


def split_target(target: str) -> tuple[str, str | None]:
    """The lab and the guest of ``LAB/GUEST``. A path that exists is a lab, and has no guest."""
    head, slash, tail = target.rpartition("/")
    if slash and naming.is_name(tail) and lab_files.exists(head) and not lab_files.exists(target):
        return head, tail
    return target, None


def _ranges(lab: Lab, instance: naming.Instance, *, session: bool) -> plan.Ranges:
    if session:
        return plan.user_ranges(lab)
    found: plan.Ranges = {}
    for network in lab.networks:
        taken = [Taken(subnet, f"network {name}") for name, (subnet, _) in found.items()]
        subnet = free_range(instance, network.name, taken)
        found[network.name] = (subnet, render.gateway(network, subnet))
    return found


def _domain(
    guest: Guest,
    lab: Lab,
    origin: metadata.Origin,
    addresses: tuple[metadata.Address, ...],
    pool: str,
    kvm: accel.KvmFacts,
    choice: Choice,
) -> str:
    decision = accel.decide(guest.accel, kvm, origin.choices.accel)
    accel.checked(guest.name, decision, needs_kvm=guest.needs_kvm, facts=lambda: kvm)
    sets = {name: _image(name, origin.key.owner) for name in guest.images}
    image = sets[guest.image]
    mark = plan.guest_metadata(lab, guest, origin, decision, sets, addresses)
    files = {part: f"{pool}/{image.volume(part)}" for part in _parts(guest.image)}
    if "boot" in files:
        boot = render.BootFiles(disk=files["boot"])
    else:
        boot = render.BootFiles.of(files.__getitem__, guest.firmware)
    return render.domain_xml(guest, mark, boot, pool, session=choice.is_session)


def _parts(name: str) -> tuple[str, ...]:
    return registry.get(name, paths.templates_dir()).spec.roles


def _built(name: str) -> BuiltImage | None:
    return cache.find(registry.get(name, paths.templates_dir()), paths.cache_dir())


def _image(name: str, owner: str) -> naming.ImageSet:
    recipe, built = registry.get(name, paths.templates_dir()), _built(name)
    return naming.ImageSet(name, recipe_key(recipe), built.id[:16] if built else _NOT_BUILT, owner)
