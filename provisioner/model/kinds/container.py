"""A container: a share of its parent's kernel."""

from provisioner.language import Text
from provisioner.model.enums import GuestKind
from provisioner.model.kinds.kind import Devices, Kind, Standing

CONTAINER = Kind(
    name=GuestKind.CONTAINER,
    title=Text(en="container", ja="コンテナ"),
    standing=Standing.ON_KERNEL,
    parents=(GuestKind.MACHINE, GuestKind.NESTED, GuestKind.XEN),
    devices=Devices.SHARED,
    takes_kvm_settings=False,
    boots_its_image=False,
    chooses_accel=False,
)
