"""The closed sets of values that a lab uses. They stand apart from the model because the command line needs
them, and loads quickly without the rest."""

from __future__ import annotations

from enum import StrEnum


class Accel(StrEnum):
    """What executes a guest's instructions."""

    AUTO = "auto"
    KVM = "kvm"
    TCG = "tcg"


class GuestKind(StrEnum):
    """What a guest is a guest of."""

    MACHINE = "machine"  # a QEMU process of the host's libvirt
    XEN = "xen"  # a Domain U inside a guest that runs Xen
    CONTAINER = "container"  # a share of its parent's kernel
    NESTED = "nested"  # a machine that a guest of ours runs


class Transport(StrEnum):
    """How commands reach a guest."""

    AGENT = "agent"  # the QEMU guest agent, on the channel that ``Guest.agent`` names
    PARENT = "parent"  # through the guest that hosts it
    NONE = "none"


class AgentPort(StrEnum):
    """What the guest agent sits on."""

    VIRTIO = "virtio"
    SERIAL = "serial"  # the port after the console's: /dev/ttyS1
    NONE = "none"


class NetworkMode(StrEnum):
    """What a lab network reaches."""

    NAT = "nat"
    ISOLATED = "isolated"


class Shell(StrEnum):
    """A shell that can complete virtlab's commands."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
