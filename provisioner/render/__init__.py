"""Makes libvirt's XML of models, with ``templates/libvirt``. Pure: the same input gives the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Interface, IPv4Network
from itertools import count
from typing import TYPE_CHECKING, Any

from provisioner import paths
from provisioner.model import metadata, naming, plan
from provisioner.model.enums import AgentPort, NetworkMode
from provisioner.model.hardware.disk_buses import DISK_BUSES
from provisioner.model.hardware.machine_types import Board, board
from provisioner.model.hardware.scsi_controllers import SCSI_CONTROLLERS
from provisioner.model.lab import Guest, Network

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

# Initialisation functions of a Debian kernel that no guest of ours needs, and that take an emulated processor
# long. A kernel that has no such function ignores the name. None of them changes what a device or a program
# can do.
SKIPPED_PARTS = (
    "trace_eval_init",  # names of numbers in the formats of trace events: gone through at each start
    "ftrace_check_for_weak_functions",  # looks all traceable functions up by name, to hide some from a list
    "init_encrypted",  # a type of keys; asks for a cipher, and so starts modprobe twice
    "jent_mod_init",  # a source of random numbers that measures itself first; guests have better ones
)
# Arguments that make the tiny guest's kernel start faster and quieter. None of them names a device.
KERNEL_ARGS = (
    "console=ttyS0",
    "quiet",
    "nokaslr",
    "mitigations=off",
    "cryptomgr.notests",
    "tsc=reliable",
    "no_timer_check",
    "lpj=4000000",
    "rodata=off",
    "i8042.noaux",
    "i8042.nopnp",
    "i8042.nokbd",
)
# More of these, only for guests in which no other guest runs. A host of machines on emulated SVM froze in one
# of some fifteen starts with these arguments and with the rate of the counter; which of them caused it is not
# known.
ALONE_ARGS = (
    "init_on_alloc=0",  # memory is not wiped once more when it is handed out
    "slab_merge",  # kinds of small objects of one size share their pages
    "noreplace-smp",  # locked instructions stay: with one processor Linux would rewrite each of them
    "lsm=",  # no security modules: none of them has a policy here
    f"initcall_blacklist={','.join(SKIPPED_PARTS)}",
)
# Interrupts are routed by the BIOS's own table. ACPI's table for this machine is a program, and an emulated
# processor interprets it for 0.15 s each time that a driver takes a PCI device.
_NO_ACPI_ROUTING = "acpi=noirq"


@dataclass(frozen=True, slots=True)
class BootFiles:
    """Where QEMU finds what a guest boots, as paths on the hypervisor's host: a kernel and its initrd, or
    a disk with a boot loader."""

    kernel: str | None = None
    initrd: str | None = None
    disk: str | None = None

    @classmethod
    def of(cls, path: Callable[[str], str], firmware: str) -> BootFiles:
        """What a guest with that firmware boots. ``path`` gives the place of a part of its image.

        UEFI starts only a kernel that is an EFI program; the other one is unpacked and starts sooner.
        ``path`` raises KeyError for a part that the image lacks; only an initrd may be missing.
        """
        kernel = path("kernel-efi" if firmware == "uefi" else "kernel")
        try:
            return cls(kernel, path("initrd"))
        except KeyError:
            return cls(kernel)


@dataclass(frozen=True, slots=True)
class _DiskView:
    path: str
    target: str
    bus: str
    cache: str
    controller: int | None
    scsi_target: int
    unit: int
    identity: tuple[str, str] | None  # the element by which it is known, and what stands there
    no_eventfd: bool


@dataclass(frozen=True, slots=True)
class _InterfaceView:
    mac: str
    model: str
    libvirt_network: str | None  # None: user-mode networking
    filter: str | None  # of libvirt's, on such a network
    no_eventfd: bool


@dataclass(frozen=True, slots=True)
class _ControllerView:
    model: str
    no_eventfd: bool


def domain_xml(
    guest: Guest,
    mark: metadata.GuestMetadata,
    boot: BootFiles,
    pool_path: str,
    *,
    session: bool,
    counter_khz: int | None = None,
    eventfd: bool = True,
) -> str:
    """The domain of a top-level guest. ``session``: its interfaces use user-mode networking.

    ``counter_khz``: the rate of the host processor's counter, in kHz, where it is known; see
    ``hypervisor.host_facts.counter_khz``. ``eventfd=False``: its devices are notified through QEMU's register
    code, where QEMU's trace sees it; see ``DeviceModel.has_eventfd``.
    """
    instance, trusted = mark.origin.key, mark.origin.trusted
    controllers = list(dict.fromkeys(d.controller for d in guest.disks if d.controller))
    volumes = [f"{pool_path}/{instance.volume(guest.name, i)}" for i in range(len(guest.disks))]
    return _render(
        "domain.xml.j2",
        guest=guest,
        domain={
            "type": "kvm" if mark.accel == "kvm" else "qemu",
            "name": instance.domain(guest.name),
            "uuid": instance.uuid("domain", guest.name),
            "stamp": _metadata_text(mark),
            "kernel": boot.kernel,
            "initrd": boot.initrd,
            "cmdline": kernel_command_line(
                guest,
                mark.addresses,
                None if mark.accel == "kvm" else counter_khz,
                hosts=bool(mark.inner),
            )
            if boot.initrd
            else " ".join(guest.kernel_args),  # no Linux of ours: it gets nothing but its own
            # libvirt hands this to QEMU as it is, and QEMU ends a value at a comma
            "words": " ".join(_own_words(guest, mark.addresses)).replace(",", ";"),
            "boot_disk": boot.disk,
            "boot_target": DISK_BUSES["virtio"].named(sum(disk.bus == "virtio" for disk in guest.disks)),
            "scsi_controllers": [
                _ControllerView(name, not eventfd and SCSI_CONTROLLERS[name].model.has_eventfd)
                for name in controllers
            ],
            "disks": _disks(guest, instance, controllers, volumes, eventfd=eventfd),
            "is_shut": session and not trusted,
            "interfaces": [
                _InterfaceView(
                    mac=instance.mac(guest.name, index),
                    model=interface.model,
                    libvirt_network=None if session else instance.network(interface.network),
                    filter=None
                    if session or trusted
                    else instance.filter(
                        naming.clone(interface.network) if naming.is_clone(guest.name) else interface.network
                    ),
                    no_eventfd=not eventfd and interface.device.has_eventfd,
                )
                for index, interface in enumerate(guest.interfaces)
            ],
        },
    )


def kernel_command_line(
    guest: Guest,
    addresses: tuple[metadata.Address, ...],
    counter_khz: int | None = None,
    *,
    hosts: bool = False,
) -> str:
    """The guest's kernel arguments: how to boot fast, its name and its addresses. They name no device.

    ``counter_khz``: the rate of an emulated processor's counter, which is the host's. A kernel that is not
    told the rate measures it against an imitated timer, and on a busy host gets a wrong number
    (findings/tsc-calibrated-at-random.sh). ``hosts``: other guests run in this one.
    """
    words = [*KERNEL_ARGS, *(() if hosts else ALONE_ARGS)]
    if board(guest.machine) is Board.PC and guest.firmware == "bios":
        words.append(_NO_ACPI_ROUTING)
    if counter_khz is not None and not hosts:
        words.append(f"tsc_early_khz={counter_khz}")
    words.append(f"8250.nr_uarts={max(1, guest.serial_ports)}")
    return " ".join([*words, *_own_words(guest, addresses), *guest.kernel_args])


def _own_words(guest: Guest, addresses: tuple[metadata.Address, ...]) -> list[str]:
    """The guest's name and addresses. A guest whose kernel is started by a boot loader reads them from QEMU's
    firmware configuration, instead of from its command line."""
    words = [f"virtlab.hostname={guest.name}"]
    if guest.agent is not AgentPort.NONE:
        words.append(f"virtlab.agent={guest.agent}")
    words += [f"virtlab.if={a.mac},{a.address},{a.gateway or ''},{_name_server(a)}" for a in addresses]
    return words


def _name_server(address: metadata.Address) -> str:
    """The name server of a guest's network: its gateway, or QEMU's own address in user-mode networking."""
    if address.gateway == plan.USER_GATEWAY:
        return plan.USER_NAME_SERVER
    return str(next(IPv4Interface(address.address).network.hosts()))


def network_xml(
    network: Network,
    mark: metadata.NetworkMetadata,
    hosts: Sequence[tuple[str, metadata.Address]],
    *,
    other_bridge: int = 0,
) -> str:
    """A network with a bridge of its own. ``hosts``: guest name and address of each interface on it.

    ``other_bridge``: how many of the names that its bridge could have are taken.
    """
    instance = mark.origin.key
    subnet = IPv4Network(mark.subnet)
    return _render(
        "network.xml.j2",
        network={
            "name": instance.network(network.name),
            "uuid": instance.uuid("network", network.name),
            "stamp": _metadata_text(mark),
            "mode": str(network.mode),
            "bridge": instance.bridge(network.name, other_bridge),
            "mac": instance.bridge_mac(network.name),
            "gateway": str(subnet[1]),
            "prefix": subnet.prefixlen,
            "range_start": str(subnet[128]),
            "range_end": str(subnet[253]),
            "hosts": dhcp_hosts(hosts),
        },
    )


def filter_xml(
    instance: naming.Instance,
    network: Network,
    subnet: IPv4Network,
    closed: Sequence[IPv4Network],
    *,
    clones: Sequence[int] | None = None,
) -> str:
    """What the guests on a network may send: DHCP, DNS and pings to its gateway, everything to one another,
    and on a NAT network to the outside.

    ``closed``: ranges that are no outside, see ``model.ranges.closed``. ``clones``: in the filter of clones
    of these guests, the TCP ports of the gateway that are open, too; None for the guests' own filter.
    """
    part = network.name if clones is None else naming.clone(network.name)
    dns_and_dhcp = [("udp", 53, 53), ("udp", 67, 67), ("tcp", 53, 53)]
    services = [*dns_and_dhcp, *(("tcp", port, port) for port in clones or ())]
    return _render(
        "filter.xml.j2",
        filter={
            "name": instance.filter(part),
            "uuid": instance.uuid("filter", part),
            "services": services,
            "gateway": str(subnet[1]),
            # the gateway, and what is sent to all on the network; no guest has an address beside those
            "of_host": [(subnet[0], 30), (subnet[-2], 31)],
            "subnet": subnet,
            "outside": network.mode is NetworkMode.NAT,
            "closed": closed,
            "guest_macs": naming.GUEST_MACS,
        },
    )


def volume_xml(name: str, capacity: int, *, fmt: str, backing: str | None = None) -> str:
    """A volume of ``capacity`` bytes; ``fmt`` is qcow2 or raw; ``backing`` the raw image below it."""
    return _render(
        "volume.xml.j2",
        volume={"name": name, "capacity": capacity, "format": fmt, "backing": backing},
    )


def pool_xml(path: str) -> str:
    """virtlab's storage pool in a folder of the hypervisor's host."""
    return _render("pool.xml.j2", pool={"name": naming.POOL, "path": path})


def gateway(network: Network, subnet: IPv4Network) -> str | None:
    """The default gateway of the guests on that network, or None on an isolated one."""
    return str(subnet[1]) if network.mode is NetworkMode.NAT else None


def _metadata_text(mark: metadata.GuestMetadata | metadata.NetworkMetadata) -> Markup:
    """The metadata as the text of an element. Quotes are not escaped, because people read it, too."""
    from xml.sax.saxutils import escape

    from markupsafe import Markup

    return Markup(escape(metadata.dumps(mark)))  # noqa: S704 - escaped here


def _disks(
    guest: Guest, instance: naming.Instance, controllers: list[str], volumes: list[str], *, eventfd: bool
) -> list[_DiskView]:
    views = []
    named: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for index, (disk, path) in enumerate(zip(guest.disks, volumes, strict=True)):
        bus = DISK_BUSES[disk.bus]
        scsi = SCSI_CONTROLLERS[disk.controller] if disk.controller else None
        controller, scsi_target, unit = None, 0, units[disk.label]
        if bus.ports:  # with no address given, libvirt takes one from the letter, in which other buses count
            controller, unit = divmod(unit, bus.ports)
        elif scsi is not None:
            controller = controllers.index(scsi.name)
            scsi_target, unit = (0, unit) if scsi.has_many_units else (unit, 0)
        known_by = bus.known_by if scsi is None else scsi.known_by
        views.append(
            _DiskView(
                path=path,
                target=bus.named(named[bus.target]),
                bus=disk.bus,
                cache=disk.cache,
                controller=controller,
                scsi_target=scsi_target,
                unit=unit,
                identity=(known_by, instance.wwn(guest.name, index)) if known_by else None,
                # of a SCSI disk, the notifications are its controller's
                no_eventfd=not eventfd and scsi is None and disk.device.has_eventfd,
            )
        )
        named[bus.target] += 1
        units[disk.label] += 1
    return views


def dhcp_hosts(hosts: Sequence[tuple[str, metadata.Address]]) -> list[tuple[str, str, str]]:
    """DHCP's entries, as (MAC address, name, address), of guests' names and addresses on one network.

    dnsmasq takes a name once: a guest's second interface gets a number that no other name has.
    """
    taken = {name for name, _ in hosts}
    first: set[str] = set()
    entries = []
    for name, address in hosts:
        shown = name
        if name in first:
            shown = next(free for n in count(2) if (free := f"{name}-{n}") not in taken)
        first.add(name)
        taken.add(shown)
        entries.append((address.mac, shown, address.address.partition("/")[0]))
    return entries


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(paths.templates_dir() / "libvirt"),
        undefined=StrictUndefined,
        autoescape=True,
        auto_reload=False,
        keep_trailing_newline=True,
    )


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(metadata_uri=naming.METADATA_URI, **values)
