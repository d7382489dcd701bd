"""Every name that virtlab gives. All of them follow from the instance, so that ``down`` needs no record.

An instance is a lab, its owner, and an optional name of its own. Names of domains, networks and
volumes read ``virtlab.OWNER.INSTANCE.PART``: no part contains a dot, so that they split again.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass

PREFIX = "virtlab"
POOL = "virtlab"
METADATA_URI = "urn:virtlab:1"
METADATA_KEY = "virtlab"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_DIGESTED = re.compile(r"-[0-9a-f]{6}$")
_UUIDS = uuid.UUID("8b7f6c1e-52a5-5d0b-9c1e-0f6a3f1f7a11")


def is_name(text: str) -> bool:
    """Whether libvirt, DNS and a file system all take it: 1 to 32 of a-z, 0-9 and -, no - at an end."""
    return _NAME.fullmatch(text) is not None


def owner_slug(user: str) -> str:
    """A user's name as a part of names. One that has to be changed for it keeps a digest, to stay unique."""
    slug = re.sub(r"[^a-z0-9-]", "-", user.lower()).strip("-")[:24]
    if slug == user and slug and not _DIGESTED.search(slug):
        return slug
    return f"{slug or 'user'}-{hashlib.sha256(user.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """A running lab: whose it is, and under which name. ``owner`` is a slug, see ``owner_slug``."""

    owner: str
    name: str  # the lab's name, or what --as said

    @property
    def prefix(self) -> str:
        """What the name of everything of this instance starts with."""
        return f"{PREFIX}.{self.owner}.{self.name}."

    def domain(self, guest: str) -> str:
        return self.prefix + guest

    def network(self, network: str) -> str:
        return self.prefix + network

    def volume(self, guest: str, disk: int) -> str:
        return f"{self.prefix}{guest}.disk{disk}.qcow2"

    def uuid(self, kind: str, part: str) -> str:
        """The UUID of the instance's domain or network: the same in every run."""
        return str(uuid.uuid5(_UUIDS, f"{kind}:{self.prefix}{part}"))

    def bridge(self, network: str) -> str:
        """The bridge of a network: at most 15 characters, as Linux wants."""
        return f"vl{self._digest('bridge', network)[:10]}"

    def mac(self, guest: str, interface: int) -> str:
        """The MAC address of a guest's interface, in QEMU's locally used 52:54:00 range."""
        digest = self._digest("mac", guest, str(interface))
        return "52:54:00:" + ":".join(digest[i : i + 2] for i in (0, 2, 4))

    def wwn(self, guest: str, disk: int) -> str:
        """The world wide name of a guest's SAS disk, in the range for names that nobody registered."""
        return f"3{self._digest('wwn', guest, str(disk))[:15]}"

    def subnet_start(self, network: str, count: int) -> int:
        """Where, of ``count`` subnets, the search for a free one starts: spread, and stable."""
        return int(self._digest("subnet", network)[:8], 16) % count

    def _digest(self, *parts: str) -> str:
        return hashlib.sha256("\0".join((self.prefix, *parts)).encode()).hexdigest()


def clone(guest: str) -> str:
    """The name of a guest's throw-away twin. No guest of a lab has a dot in its name."""
    return f"{guest}.twin"


def is_clone(guest: str) -> bool:
    """Whether a guest of an instance is such a twin: of no lab file, and soon gone."""
    return "." in guest


def split(name: str) -> tuple[Instance, str] | None:
    """The instance and the rest of one of our names; None for a name that is not of our form."""
    parts = name.split(".", 3)
    if len(parts) != 4 or parts[0] != PREFIX or not all(parts):
        return None
    return Instance(owner=parts[1], name=parts[2]), parts[3]


IMAGE_PREFIX = f"{PREFIX}..image."


@dataclass(frozen=True, slots=True, order=True)
class ImageSet:
    """One upload of a shared image: the volumes of one image, made from one recipe, by one user."""

    image: str
    recipe: str  # 12 hex digits: what it was to be made from
    digest: str  # 16 hex digits: what it was really made from, package versions included
    uploader: str  # an owner's slug

    @property
    def text(self) -> str:
        """The set as a stamp names it."""
        return f"{self.image}.{self.recipe}.{self.digest}.{self.uploader}"

    def volume(self, part: str) -> str:
        """The volume of a part: kernel, initrd, disk, or ``complete``, the mark made last."""
        return f"{IMAGE_PREFIX}{self.text}.{part}"


def split_image_volume(name: str) -> tuple[ImageSet, str] | None:
    """The set and the part of a shared image's volume; None for any other name."""
    if not name.startswith(IMAGE_PREFIX):
        return None
    parts = name.removeprefix(IMAGE_PREFIX).split(".")
    return (ImageSet(*parts[:4]), parts[4]) if len(parts) == 5 else None
