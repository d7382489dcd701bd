"""Every key of a lab file and of a hardware profile. This is the one place that says what may be written.

The checks, the JSON Schema and the test that ``labs/reference.yaml`` is complete are made from it.
"""

from __future__ import annotations

from enum import StrEnum

from provisioner.labfile import enlightenments
from provisioner.labfile.common_values import DESCRIPTION, NAME, PART, TITLE
from provisioner.labfile.observation_spec import OBSERVATIONS
from provisioner.labfile.value_types import (
    Flag,
    Key,
    Line,
    Many,
    Names,
    Record,
    Size,
    Whole,
    Word,
)
from provisioner.model.enums import Accel, AgentPort, GuestKind, NetworkMode, Transport
from provisioner.model.hardware import machine_types
from provisioner.model.hardware.disk_buses import DISK_BUSES
from provisioner.model.hardware.network_cards import NETWORK_CARDS
from provisioner.model.hardware.scsi_controllers import SCSI_CONTROLLERS
from provisioner.units import MIB

FORMAT = 1
BASE_PROFILE = "base"
DEFAULT_NETWORK = "lab"
FROM_PROFILE = "the profile"  # the default of a key that each profile, with the base, must give

LIBRARY_NAME = Line(64, "[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9])?", "a name (letters, digits, . _ + -)")
MACHINE = Line(
    64,
    machine_types.PATTERN,
    "a machine type (pc, q35 or a version of them, such as pc-q35-7.2; for a Xen domain xenpv or xenpvh)",
)
MAX_COMMAND_LINE = 1024  # bytes for a guest's own arguments; x86 takes 2047, virtlab's included
KERNEL_ARG = Line(
    256,
    "(?!virtlab\\.|--$)[!#-&(-~]+",
    'one kernel argument (no spaces or quotes, not "--"; names that start with virtlab. are taken)',
)


def _words(values: type[StrEnum]) -> Word:
    return Word(tuple(str(value) for value in values))


PROCESSOR = Record(
    (
        Key(
            "count",
            Whole(1, 64),
            "Number of virtual processors",
            FROM_PROFILE,
            also=("vcpus", "cpus", "cores"),
        ),
        Key(
            "model",
            LIBRARY_NAME,
            "Processor model: auto (the host's under KVM, QEMU's default with rdrand under emulation), "
            "default, host, maximum, or a name that libvirt knows",
            FROM_PROFILE,
        ),
        Key(
            "features",
            Names(LIBRARY_NAME, Word(("require", "disable")), 64, what="features"),
            "Processor features by libvirt's names, each required or disabled",
            "the profile, else none",
            also=("flags",),
        ),
    )
)

DISK = Record(
    (
        Key("bus", Word(tuple(DISK_BUSES)), "The kind of disk hardware", FROM_PROFILE),
        Key(
            "size",
            Size(MIB, 1024 * 1024 * MIB, 512),
            "Size of the disk, with its unit",
            FROM_PROFILE,
        ),
        Key(
            "cache",
            Word(("none", "writeback", "writethrough", "directsync", "unsafe")),
            "How writes pass through the host's page cache",
            FROM_PROFILE,
        ),
        Key(
            "controller",
            Word(tuple(SCSI_CONTROLLERS)),
            "The SCSI controller, which the bus scsi needs and no other has",
            "the profile, else none",
        ),
        Key("image", NAME, "A disk image of the catalogue that the disk starts as", "an empty disk"),
    ),
    nullable=True,
)

INTERFACE = Record(
    (
        Key("network", NAME, "The network of this lab that it is plugged into", "the lab's first network"),
        Key(
            "model",
            Word(tuple(NETWORK_CARDS)),
            "The kind of network hardware",
            FROM_PROFILE,
            also=("type", "driver"),
        ),
    ),
    nullable=True,
)

CLOCK = Record(
    (
        Key("offset", Word(("utc", "localtime")), "What the guest's hardware clock shows", FROM_PROFILE),
        Key(
            "timers",
            Record(
                tuple(
                    Key(name, Flag(), doc, "the hypervisor's choice")
                    for name, doc in (
                        ("kvmclock", "KVM's paravirtual clock"),
                        ("hpet", "The high precision event timer"),
                        ("pit", "The programmable interval timer"),
                        ("rtc", "The real-time clock"),
                        ("tsc", "The processor's time stamp counter"),
                        ("hypervclock", "Hyper-V's paravirtual clock"),
                    )
                )
            ),
            "Timers that are offered (true) or hidden (false)",
            "the profile, else none",
        ),
    )
)

KVM = Record((Key("hidden", Flag(), "Whether KVM keeps its own interface from the guest", "false"),))

SMBIOS = Record(
    tuple(
        Key(name, Line(64), doc, "the hypervisor's own")
        for name, doc in (
            ("manufacturer", "Who made the machine, as dmidecode shows it"),
            ("product", "The machine's product name"),
            ("version", "The machine's version"),
            ("serial", "The machine's serial number"),
            ("bios-vendor", "Who made the BIOS"),
        )
    ),
    texts=True,
)

_HARDWARE = (
    Key(
        "accel", _words(Accel), "What executes the guest's instructions", FROM_PROFILE, also=("accelerator",)
    ),
    Key("image", NAME, "What the guest boots: an image of the catalogue", FROM_PROFILE),
    Key(
        "machine",
        MACHINE,
        "The machine type: pc (1996) or q35 (2007), or a version of them; for a Xen domain xenpv or xenpvh",
        FROM_PROFILE,
    ),
    Key(
        "firmware",
        Word(("bios", "uefi")),
        "The firmware that starts the guest",
        FROM_PROFILE,
        also=("bios", "efi", "uefi"),
    ),
    Key(
        "processor", PROCESSOR, "The virtual processors", FROM_PROFILE, also=("cpu", "cpus", "vcpu", "vcpus")
    ),
    Key(
        "memory",
        Size(16 * MIB, 1024 * 1024 * MIB, MIB),
        "Memory of the guest, with its unit",
        FROM_PROFILE,
        also=("ram", "mem"),
    ),
    Key(
        "disks", Many(DISK, 8, "disks"), "The disks; [] means none", FROM_PROFILE, also=("drives", "volumes")
    ),
    Key(
        "interfaces",
        Many(INTERFACE, 8, "interfaces"),
        "The network interfaces; [] means none",
        FROM_PROFILE,
        also=("nics", "network", "networks"),
    ),
    Key(
        "video",
        Word(("none", "vga", "cirrus", "bochs", "vmvga", "virtio")),
        "The graphics card",
        FROM_PROFILE,
        also=("graphics", "gpu"),
    ),
    Key("clock", CLOCK, "The guest's clocks", FROM_PROFILE),
    Key(
        "hyperv",
        enlightenments.HYPERV,
        "Parts of Hyper-V's interface that it is shown, by libvirt's names; only KVM can (accel: kvm)",
        "the profile, else nothing",
        also=("enlightenments", "hyper-v"),
    ),
    Key("kvm", KVM, "What KVM shows of itself (accel: kvm)", "the profile, else all of it"),
    Key(
        "smbios",
        SMBIOS,
        "What the machine says about itself",
        "the profile, else none",
        also=("dmi", "sysinfo"),
    ),
    Key(
        "features",
        Record((Key("vmport", Flag(), "VMware's I/O port", "the hypervisor's choice"),)),
        "What the machine has beside its devices: offered (true) or hidden (false)",
        "the profile, else none",
    ),
    Key("balloon", Word(("none", "virtio")), "A device that gives memory back to the host", FROM_PROFILE),
    Key("rng", Word(("none", "virtio")), "A device that gives random numbers to the guest", FROM_PROFILE),
    Key("agent", _words(AgentPort), "What the guest agent sits on", FROM_PROFILE),
    Key(
        "console",
        Word(("serial", "serial+virtio")),
        "The consoles: the serial one, or a virtio console beside it",
        FROM_PROFILE,
    ),
    Key(
        "serial-ports", Whole(1, 4), "ISA serial ports, the console's and the agent's included", FROM_PROFILE
    ),
    Key(
        "kernel-args",
        Many(KERNEL_ARG, 32, "kernel arguments"),
        f"Arguments for the kernel, one in each entry, {MAX_COMMAND_LINE} characters in all",
        "the profile, else none",
        also=("cmdline", "append", "kernel-cmdline"),
    ),
)

_DEVICE_DEFAULTS = (
    Key("disk", DISK, "Values for each disk that does not give its own", FROM_PROFILE),
    Key("interface", INTERFACE, "Values for each interface that does not give its own", FROM_PROFILE),
)

_PROFILE_NAME = Key("profile", NAME, "The hardware profile that fills in what is left out", "defaults")

HARDWARE = Record(_HARDWARE)
PROFILE = Record(_HARDWARE + _DEVICE_DEFAULTS)
DEFAULTS = Record((_PROFILE_NAME, *_HARDWARE, *_DEVICE_DEFAULTS))

GUEST = Record(
    (
        Key("title", TITLE, "What the guest is, for people", "none"),
        Key(
            "kind",
            _words(GuestKind),
            "What it is: machine (of the host's libvirt), xen (a domain inside a Xen guest), container (in a "
            "guest's kernel) or nested (a machine that a guest runs)",
            "machine",
            also=("type",),
        ),
        Key("parent", NAME, "The guest that hosts it, for every kind but machine", "none", also=("host",)),
        Key(
            "transport",
            _words(Transport),
            "How commands reach it: agent (the guest agent), parent (through its host) or none",
            "parent for a guest that has one, agent for one that has an agent, else none",
        ),
        Key("optional", Flag(), "true: only there when asked for, with up --with GUEST", "false"),
        _PROFILE_NAME,
        *_HARDWARE,
    ),
    nullable=True,
)

NETWORK = Record(
    (
        Key("title", TITLE, "What the network is, for people", "none"),
        Key(
            "mode",
            _words(NetworkMode),
            "What it reaches: nat (the outside, by address translation) or isolated (the lab's guests only)",
            "nat",
        ),
    ),
    nullable=True,
)

LAB = Record(
    (
        Key("virtlab", Whole(FORMAT, FORMAT), "Version of this file format", required=True),
        Key("name", NAME, "Name of the lab, up to 32 lower case letters, digits and hyphens", required=True),
        Key("title", TITLE, "What the lab is, for people", "its name"),
        Key("description", DESCRIPTION, "What the lab shows, for people", "none"),
        Key(
            "part", PART, "The part of the article that it goes with; virtlab list groups labs by it", "none"
        ),
        Key(
            "networks",
            Names(NAME, NETWORK, 8, 1, "networks"),
            "The networks of the lab, by name",
            f"one nat network {DEFAULT_NETWORK}, if a guest has an interface",
        ),
        Key(
            "defaults",
            DEFAULTS,
            "Values for each guest that does not give its own; they come before those of the profile",
        ),
        Key(
            "guests",
            Names(NAME, GUEST, 64, 1, "guests"),
            "The guests of the lab, by name",
            required=True,
            also=("vms",),
        ),
        Key(
            "observe",
            OBSERVATIONS,
            "What virtlab check looks at, by name",
            "none",
            also=("observations", "check", "checks"),
        ),
    )
)
