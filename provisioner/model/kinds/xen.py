"""A Domain U, on the Xen of a guest that is its Domain 0."""

from provisioner.language import Text
from provisioner.model.enums import GuestKind
from provisioner.model.kinds.kind import Devices, Kind, Standing

XEN = Kind(
    name=GuestKind.XEN,
    title=Text(en="Domain U", ja="ドメインU"),
    standing=Standing.BESIDE_PARENT,
    parents=(GuestKind.MACHINE, GuestKind.NESTED),
    devices=Devices.XEN,
    takes_kvm_settings=False,
    boots_its_image=True,
    chooses_accel=False,
)
