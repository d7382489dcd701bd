"""The form of the entries for kinds of guests, which stand beside this file, one file each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from provisioner.language import Text
from provisioner.model.enums import GuestKind


class Standing(Enum):
    """What a guest stands on."""

    ON_HOST = "a process of the host's QEMU, which libvirt starts"
    IN_PARENT = "a process of a QEMU that its parent starts"
    BESIDE_PARENT = "the hypervisor on which its parent stands, too"
    ON_KERNEL = "its parent's kernel; it has none of its own"


class Devices(Enum):
    """Whose disks, interfaces and boards a guest has."""

    QEMU = "models of QEMU"
    XEN = "front ends of Xen's back ends"
    SHARED = "none: names for what its parent's kernel has"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of guest, and what it can do. ``title`` is its name in a picture, before the guest's own."""

    name: GuestKind  # also what the program in its parent is told: the line kind= of a definition
    title: Text
    standing: Standing
    parents: tuple[GuestKind, ...]  # the kinds of guest that can host it; none: the host itself runs it
    devices: Devices
    takes_kvm_settings: bool  # whether hyperv, kvm and KVM's timers have an effect on it
    boots_its_image: bool  # whether it starts the image that its lab file names, in its own memory
    chooses_accel: bool  # whether its own accel counts; otherwise it has its parent's

    @property
    def is_top_level(self) -> bool:
        """Whether the host runs it, and no guest."""
        return not self.parents

    @property
    def has_kernel(self) -> bool:
        """Whether it has a kernel of its own."""
        return self.standing is not Standing.ON_KERNEL

    @property
    def uses_parents_kvm(self) -> bool:
        """Whether KVM for it is its parent's KVM, so that the host's KVM has to support nesting."""
        return self.standing is Standing.IN_PARENT and self.chooses_accel
