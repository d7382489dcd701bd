"""A nested machine: a QEMU process of a guest, which starts that guest's kernel, or a system of its image."""

from provisioner.language import Text
from provisioner.model.enums import GuestKind
from provisioner.model.kinds.kind import Devices, Kind, Standing

NESTED = Kind(
    name=GuestKind.NESTED,
    title=Text(en="machine", ja="マシン"),
    standing=Standing.IN_PARENT,
    parents=(GuestKind.MACHINE, GuestKind.NESTED),
    devices=Devices.QEMU,
    takes_kvm_settings=True,
    boots_its_image=False,
    chooses_accel=True,
)
