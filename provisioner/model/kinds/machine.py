"""A machine: a QEMU process of the host's libvirt."""

from provisioner.language import Text
from provisioner.model.enums import GuestKind
from provisioner.model.kinds.kind import Devices, Kind, Standing

MACHINE = Kind(
    name=GuestKind.MACHINE,
    title=Text(en="machine", ja="マシン"),
    standing=Standing.ON_HOST,
    parents=(),
    devices=Devices.QEMU,
    takes_kvm_settings=True,
    boots_its_image=True,
    chooses_accel=True,
)
