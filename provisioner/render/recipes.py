"""Machines for systems that virtlab can't bring along: Windows, and a BSD.

Each machine is defined twice: to install the system on hardware that it knows, and to run it on virtio
afterwards. The user's images are named as volumes of a pool, so that no definition holds a path of the host.
virtlab does not manage these machines: they carry no metadata of its own, and their names have another form.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from provisioner.model.lab import Clock, Processor
from provisioner.render import _render

_POOL = "default"
_ALL_OF_THE_HOST = Processor(2, "host")
_UUIDS = uuid.UUID("2f0a5d0e-7c1b-5a53-8a0c-93d1b8f4c7aa")


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk or a CD of a step. ``order``: its place in the order in which the firmware tries them, from
    1."""

    volume: str
    target: str
    bus: str
    device: str = "disk"  # disk | cdrom
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The machine at one time."""

    title: str
    note: str
    disks: tuple[Volume, ...]
    card: str  # the model of the network card


@dataclass(frozen=True, slots=True)
class Recipe:
    """A system and its machine. ``memory`` is in GiB; ``hyperv``: it uses Hyper-V's interface, and a TPM."""

    name: str
    title: str
    memory: int
    secure_boot: str  # yes | no
    hyperv: bool
    clock: Clock
    steps: dict[str, Step]
    processor: Processor = _ALL_OF_THE_HOST
    pool: str = _POOL

    @property
    def uuid(self) -> str:
        """The same in each step, so that the second definition replaces the first, and keeps its TPM."""
        return str(uuid.uuid5(_UUIDS, self.name))


RECIPES = (
    Recipe(
        name="windows",
        title="Windows",
        memory=4,
        secure_boot="yes",
        hyperv=True,
        clock=Clock("localtime", {"hpet": False, "hypervclock": True}),
        steps={
            "1-sata": Step(
                "installed on imitated hardware that it has drivers for",
                "With the small virtio disk, Windows installs the driver while it still runs on SATA.",
                (
                    Volume("windows.qcow2", "sda", "sata", order=2),
                    Volume("windows.iso", "sdb", "sata", "cdrom", order=1),
                    Volume("virtio-win.iso", "sdc", "sata", "cdrom"),
                    Volume("windows-probe.qcow2", "vda", "virtio"),
                ),
                "e1000e",
            ),
            "2-virtio": Step(
                "moved to virtio, once it has the drivers",
                "The same disk, now on virtio; with no driver in it, Windows stops while it starts.",
                (Volume("windows.qcow2", "vda", "virtio", order=1),),
                "virtio",
            ),
        },
    ),
    Recipe(
        name="freebsd",
        title="FreeBSD",
        memory=1,
        secure_boot="no",
        hyperv=False,
        clock=Clock("utc"),
        steps={
            "1-sata": Step(
                "installed on imitated hardware",
                "FreeBSD has virtio drivers in its kernel: it might be installed on virtio at once.",
                (
                    Volume("freebsd.qcow2", "sda", "sata", order=2),
                    Volume("freebsd.iso", "sdb", "sata", "cdrom", order=1),
                ),
                "e1000e",
            ),
            "2-virtio": Step(
                "moved to virtio",
                "Its disk is vtbd0 now and was ada0: /etc/fstab must name it by label, or be changed before.",
                (Volume("freebsd.qcow2", "vda", "virtio", order=1),),
                "virtio",
            ),
        },
    ),
)


def recipe_files() -> dict[str, str]:
    """Each definition, by the name of its file in the lab's folder ``recipes``."""
    return {
        f"{recipe.name}-{name}.xml": _render("recipe.xml.j2", recipe=recipe, step=step)
        for recipe in RECIPES
        for name, step in recipe.steps.items()
    }
