"""Every key of a lab file and of a hardware profile. This is the one place that says what may be written.

The checks, the JSON Schema and the test that ``labs/reference.yaml`` is complete are made from it.
"""

from __future__ import annotations

from enum import StrEnum

from provisioner.labfile import enlightenments
from provisioner.labfile.common_values import DESCRIPTION, NAME, PART, TITLE
from provisioner.labfile.observation_spec import OBSERVATIONS
from provisioner.labfile.value_groups import Key, Many, Names, Record
from provisioner.labfile.value_types import Flag, Line, Size, Whole, Word
from provisioner.language import msg
from provisioner.model.enums import Accel, AgentPort, GuestKind, NetworkMode, Transport
from provisioner.model.hardware import machine_types
from provisioner.model.hardware.disk_buses import DISK_BUSES
from provisioner.model.hardware.network_cards import NETWORK_CARDS
from provisioner.model.hardware.scsi_controllers import SCSI_CONTROLLERS
from provisioner.units import MIB

FORMAT = 1
BASE_PROFILE = "base"
DEFAULT_NETWORK = "lab"
FROM_PROFILE = msg("the profile")  # the default of a key that each profile, with the base, must give

LIBRARY_NAME = Line(64, "[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9])?", msg("a name (letters, digits, . _ + -)"))
MACHINE = Line(
    64,
    machine_types.PATTERN,
    msg(
        "a machine type (pc, q35 or a version of them, such as pc-q35-7.2; for a Xen domain xenpv or xenpvh)"
    ),
)
MAX_COMMAND_LINE = 1024  # bytes for a guest's own arguments; x86 takes 2047, virtlab's included
KERNEL_ARG = Line(
    256,
    "(?!virtlab\\.|--$)[!#-&(-~]+",
    msg('one kernel argument (no spaces or quotes, not "--"; names that start with virtlab. are taken)'),
)


def _words(values: type[StrEnum]) -> Word:
    return Word(tuple(str(value) for value in values))


PROCESSOR = Record(
    (
        Key(
            "count",
            Whole(1, 64),
            msg("Number of virtual processors"),
            FROM_PROFILE,
            also=("vcpus", "cpus", "cores"),
        ),
        Key(
            "model",
            LIBRARY_NAME,
            msg(
                "Processor model: auto (the host's under KVM, QEMU's default with rdrand under "
                "emulation), default, host, maximum, or a name that libvirt knows"
            ),
            FROM_PROFILE,
        ),
        Key(
            "features",
            Names(LIBRARY_NAME, Word(("require", "disable")), 64, what=msg("features")),
            msg("Processor features by libvirt's names, each required or disabled"),
            msg("the profile, else none"),
            also=("flags",),
        ),
    )
)

DISK = Record(
    (
        Key("bus", Word(tuple(DISK_BUSES)), msg("The kind of disk hardware"), FROM_PROFILE),
        Key(
            "size",
            Size(MIB, 1024 * 1024 * MIB, 512),
            msg("Size of the disk, with its unit"),
            FROM_PROFILE,
        ),
        Key(
            "cache",
            Word(("none", "writeback", "writethrough", "directsync", "unsafe")),
            msg("How writes pass through the host's page cache"),
            FROM_PROFILE,
        ),
        Key(
            "controller",
            Word(tuple(SCSI_CONTROLLERS)),
            msg("The SCSI controller, which the bus scsi needs and no other has"),
            msg("the profile, else none"),
        ),
        Key(
            "image", NAME, msg("A disk image of the catalogue that the disk starts as"), msg("an empty disk")
        ),
    ),
    nullable=True,
)

INTERFACE = Record(
    (
        Key(
            "network",
            NAME,
            msg("The network of this lab that it is plugged into"),
            msg("the lab's first network"),
        ),
        Key(
            "model",
            Word(tuple(NETWORK_CARDS)),
            msg("The kind of network hardware"),
            FROM_PROFILE,
            also=("type", "driver"),
        ),
    ),
    nullable=True,
)

CLOCK = Record(
    (
        Key("offset", Word(("utc", "localtime")), msg("What the guest's hardware clock shows"), FROM_PROFILE),
        Key(
            "timers",
            Record(
                tuple(
                    Key(name, Flag(), doc, msg("the hypervisor's choice"))
                    for name, doc in (
                        ("kvmclock", msg("KVM's paravirtual clock")),
                        ("hpet", msg("The high precision event timer")),
                        ("pit", msg("The programmable interval timer")),
                        ("rtc", msg("The real-time clock")),
                        ("tsc", msg("The processor's time stamp counter")),
                        ("hypervclock", msg("Hyper-V's paravirtual clock")),
                    )
                )
            ),
            msg("Timers that are offered (true) or hidden (false)"),
            msg("the profile, else none"),
        ),
    )
)

KVM = Record((Key("hidden", Flag(), msg("Whether KVM keeps its own interface from the guest"), "false"),))

SMBIOS = Record(
    tuple(
        Key(name, Line(64), doc, msg("the hypervisor's own"))
        for name, doc in (
            ("manufacturer", msg("Who made the machine, as dmidecode shows it")),
            ("product", msg("The machine's product name")),
            ("version", msg("The machine's version")),
            ("serial", msg("The machine's serial number")),
            ("bios-vendor", msg("Who made the BIOS")),
        )
    ),
    texts=True,
)

_HARDWARE = (
    Key(
        "accel",
        _words(Accel),
        msg("What executes the guest's instructions"),
        FROM_PROFILE,
        also=("accelerator",),
    ),
    Key("image", NAME, msg("What the guest boots: an image of the catalogue"), FROM_PROFILE),
    Key(
        "machine",
        MACHINE,
        msg(
            "The machine type: pc (1996) or q35 (2007), or a version of them; for a Xen domain "
            "xenpv or xenpvh"
        ),
        FROM_PROFILE,
    ),
    Key(
        "firmware",
        Word(("bios", "uefi")),
        msg("The firmware that starts the guest"),
        FROM_PROFILE,
        also=("bios", "efi", "uefi"),
    ),
    Key(
        "processor",
        PROCESSOR,
        msg("The virtual processors"),
        FROM_PROFILE,
        also=("cpu", "cpus", "vcpu", "vcpus"),
    ),
    Key(
        "memory",
        Size(16 * MIB, 1024 * 1024 * MIB, MIB),
        msg("Memory of the guest, with its unit"),
        FROM_PROFILE,
        also=("ram", "mem"),
    ),
    Key(
        "disks",
        Many(DISK, 8, msg("disks")),
        msg("The disks; [] means none"),
        FROM_PROFILE,
        also=("drives", "volumes"),
    ),
    Key(
        "interfaces",
        Many(INTERFACE, 8, msg("interfaces")),
        msg("The network interfaces; [] means none"),
        FROM_PROFILE,
        also=("nics", "network", "networks"),
    ),
    Key(
        "video",
        Word(("none", "vga", "cirrus", "bochs", "vmvga", "virtio")),
        msg("The graphics card"),
        FROM_PROFILE,
        also=("graphics", "gpu"),
    ),
    Key("clock", CLOCK, msg("The guest's clocks"), FROM_PROFILE),
    Key(
        "hyperv",
        enlightenments.HYPERV,
        msg("Parts of Hyper-V's interface that it is shown, by libvirt's names; only KVM can (accel: kvm)"),
        msg("the profile, else nothing"),
        also=("enlightenments", "hyper-v"),
    ),
    Key("kvm", KVM, msg("What KVM shows of itself (accel: kvm)"), msg("the profile, else all of it")),
    Key(
        "smbios",
        SMBIOS,
        msg("What the machine says about itself"),
        msg("the profile, else none"),
        also=("dmi", "sysinfo"),
    ),
    Key(
        "features",
        Record((Key("vmport", Flag(), msg("VMware's I/O port"), msg("the hypervisor's choice")),)),
        msg("What the machine has beside its devices: offered (true) or hidden (false)"),
        msg("the profile, else none"),
    ),
    Key(
        "balloon", Word(("none", "virtio")), msg("A device that gives memory back to the host"), FROM_PROFILE
    ),
    Key(
        "rng", Word(("none", "virtio")), msg("A device that gives random numbers to the guest"), FROM_PROFILE
    ),
    Key("agent", _words(AgentPort), msg("What the guest agent sits on"), FROM_PROFILE),
    Key(
        "console",
        Word(("serial", "serial+virtio")),
        msg("The consoles: the serial one, or a virtio console beside it"),
        FROM_PROFILE,
    ),
    Key(
        "serial-ports",
        Whole(1, 4),
        msg("ISA serial ports, the console's and the agent's included"),
        FROM_PROFILE,
    ),
    Key(
        "kernel-args",
        Many(KERNEL_ARG, 32, msg("kernel arguments")),
        msg(
            "Arguments for the kernel, one in each entry, {max_command_line} characters in all",
            max_command_line=MAX_COMMAND_LINE,
        ),
        msg("the profile, else none"),
        also=("cmdline", "append", "kernel-cmdline"),
    ),
)

_DEVICE_DEFAULTS = (
    Key("disk", DISK, msg("Values for each disk that does not give its own"), FROM_PROFILE),
    Key("interface", INTERFACE, msg("Values for each interface that does not give its own"), FROM_PROFILE),
)

_PROFILE_NAME = Key("profile", NAME, msg("The hardware profile that fills in what is left out"), "defaults")

HARDWARE = Record(_HARDWARE)
PROFILE = Record(_HARDWARE + _DEVICE_DEFAULTS)
DEFAULTS = Record((_PROFILE_NAME, *_HARDWARE, *_DEVICE_DEFAULTS))

GUEST = Record(
    (
        Key("title", TITLE, msg("What the guest is, for people"), "none"),
        Key(
            "kind",
            _words(GuestKind),
            msg(
                "What it is: machine (of the host's libvirt), xen (a domain inside a Xen guest), "
                "container (in a guest's kernel) or nested (a machine that a guest runs)"
            ),
            "machine",
            also=("type",),
        ),
        Key(
            "parent", NAME, msg("The guest that hosts it, for every kind but machine"), "none", also=("host",)
        ),
        Key(
            "transport",
            _words(Transport),
            msg("How commands reach it: agent (the guest agent), parent (through its host) or none"),
            msg("parent for a guest that has one, agent for one that has an agent, else none"),
        ),
        Key("optional", Flag(), msg("true: only there when asked for, with up --with GUEST"), "false"),
        _PROFILE_NAME,
        *_HARDWARE,
    ),
    nullable=True,
)

NETWORK = Record(
    (
        Key("title", TITLE, msg("What the network is, for people"), "none"),
        Key(
            "mode",
            _words(NetworkMode),
            msg(
                "What it reaches: nat (the outside, by address translation) or isolated (the lab's "
                "guests only)"
            ),
            "nat",
        ),
    ),
    nullable=True,
)

LAB = Record(
    (
        Key("virtlab", Whole(FORMAT, FORMAT), msg("Version of this file format"), required=True),
        Key(
            "name",
            NAME,
            msg("Name of the lab, up to 32 lower case letters, digits and hyphens"),
            required=True,
        ),
        Key("title", TITLE, msg("What the lab is, for people"), msg("its name")),
        Key("description", DESCRIPTION, msg("What the lab shows, for people"), "none"),
        Key(
            "part",
            PART,
            msg("The part of the article that it goes with; virtlab list groups labs by it"),
            "none",
        ),
        Key(
            "networks",
            Names(NAME, NETWORK, 8, 1, msg("networks")),
            msg("The networks of the lab, by name"),
            msg(
                "one nat network {default_network}, if a guest has an interface",
                default_network=DEFAULT_NETWORK,
            ),
        ),
        Key(
            "defaults",
            DEFAULTS,
            msg("Values for each guest that does not give its own; they come before those of the profile"),
        ),
        Key(
            "guests",
            Names(NAME, GUEST, 64, 1, msg("guests")),
            msg("The guests of the lab, by name"),
            required=True,
            also=("vms",),
        ),
        Key(
            "observe",
            OBSERVATIONS,
            msg("What virtlab check looks at, by name"),
            "none",
            also=("observations", "check", "checks"),
        ),
    )
)
