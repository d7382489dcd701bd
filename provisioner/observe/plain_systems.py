"""Systems that are one program with all rights, with neither a user mode nor a kernel apart from it: GRUB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner import errors, paths
from provisioner.images import registry
from provisioner.images.recipe import GrubSpec
from provisioner.language import Text
from provisioner.model.hardware import disk_buses
from provisioner.model.hardware.device_models import DeviceModel

FIRMWARE = "biosdisk"  # GRUB's module that has the firmware read disks
# GRUB's modules for the disks on a bus, the more particular one first
_DRIVERS = {"ide": ("pata", "ata"), "sata": ("ahci",)}


@dataclass(frozen=True, slots=True)
class PlainSystem:
    title: Text
    modules: tuple[str, ...]

    def drivers_for(self, model: DeviceModel) -> tuple[str, ...]:
        """Its modules that read a disk of that model: drivers, or the one that asks the firmware."""
        bus = next((bus.name for bus in disk_buses.DISK_BUSES.values() if bus.model is model), "")
        return _first(self.modules, (*_DRIVERS.get(bus, ()), FIRMWARE))


def of(image: str) -> PlainSystem | None:
    """The system in an image, or None where it is another one, or the image is not known."""
    try:
        spec = registry.get(image, paths.templates_dir()).spec
    except errors.VirtlabError:
        return None
    if not isinstance(spec, GrubSpec):
        return None
    return PlainSystem(Text(spec.title["en"], spec.title.get("ja")), spec.modules)


def _first(having: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in wanted if each in having)[:1]
