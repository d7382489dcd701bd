"""Every name that virtlab gives. All of them follow from the instance, so that ``down`` needs no record.

An instance is a lab, its owner, and an optional name of its own. Names of domains, networks and
volumes are ``virtlab.OWNER.INSTANCE.PART``. The first three contain no dot, so a name can be split again.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass

PREFIX = "virtlab"
POOL = "virtlab"
BRIDGE_PREFIX = "vl"
METADATA_URI = "urn:virtlab:1"
METADATA_KEY = "virtlab"
GUEST_MACS = "52:54:00"  # what the MAC addresses of guests begin with: QEMU's own range
BRIDGE_MACS = "02:76:6c"  # and those of bridges: given out by whoever runs a network (IEEE 802, local bit)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_DIGESTED = re.compile(r"-[0-9a-f]{6}$")
_UUIDS = uuid.UUID("8b7f6c1e-52a5-5d0b-9c1e-0f6a3f1f7a11")


def is_name(text: str) -> bool:
    """Whether libvirt, DNS and file systems all accept it: 1 to 32 of a-z, 0-9 and -, with no - at an end."""
    return _NAME.fullmatch(text) is not None


def owner_slug(user: str) -> str:
    """A user's name in the form in which it can be a part of other names.

    Where it has to be changed for that, a digest of the original is appended, so that it stays unique.
    """
    slug = re.sub(r"[^a-z0-9-]", "-", user.lower()).strip("-")[:24]
    if slug == user and slug and not _DIGESTED.search(slug):
        return slug
    digest = hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()  # JSON may have lone surrogates
    return f"{slug or 'user'}-{digest[:6]}"


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """A lab that is up: its owner and its name. ``owner`` is what ``owner_slug`` gives."""

    owner: str
    name: str  # the lab's name, or what --as said

    @property
    def prefix(self) -> str:
        """The beginning of the name of everything that belongs to this instance."""
        return f"{PREFIX}.{self.owner}.{self.name}."

    def domain(self, guest: str) -> str:
        return self.prefix + guest

    def network(self, network: str) -> str:
        return self.prefix + network

    def filter(self, network: str) -> str:
        """The filter of libvirt's through which the guests on a network send."""
        return self.prefix + network

    def volume(self, guest: str, disk: int) -> str:
        return f"{self.prefix}{guest}.disk{disk}.qcow2"

    def uuid(self, kind: str, part: str) -> str:
        """The UUID of the instance's domain, network or filter: the same in every run.

        A filter of libvirt's has no metadata. Its name and this UUID together prove that it is virtlab's.
        """
        return str(uuid.uuid5(_UUIDS, f"{kind}:{self.prefix}{part}"))

    def bridge(self, network: str, other: int = 0) -> str:
        """The bridge of a network. Linux allows at most 15 characters. ``other``: where those before are
        taken."""
        return f"{BRIDGE_PREFIX}{self._digest('bridge', network, *([str(other)] if other else []))[:10]}"

    def bridge_mac(self, network: str) -> str:
        """The MAC address of that bridge: none that ``mac`` gives, so that a filter can tell the two."""
        digest = self._digest("bridge-mac", network)
        return f"{BRIDGE_MACS}:{digest[:2]}:{digest[2:4]}:{digest[4:6]}"

    def mac(self, guest: str, interface: int) -> str:
        """The MAC address of a guest's interface."""
        digest = self._digest("mac", guest, str(interface))
        return f"{GUEST_MACS}:" + ":".join(digest[i : i + 2] for i in (0, 2, 4))

    def wwn(self, guest: str, disk: int) -> str:
        """The world wide name of a guest's SAS disk, in the range of names that need no registration."""
        return f"3{self._digest('wwn', guest, str(disk))[:15]}"

    def subnet_start(self, network: str, count: int) -> int:
        """The index, below ``count``, of the subnet with which the search for a free one starts.

        It is always the same for a network, and spread evenly over all networks.
        """
        return int(self._digest("subnet", network)[:8], 16) % count

    def _digest(self, *parts: str) -> str:
        return hashlib.sha256("\0".join((self.prefix, *parts)).encode()).hexdigest()


def is_bridge(name: str) -> bool:
    """Whether a network's bridge could have this name."""
    return re.fullmatch(f"{BRIDGE_PREFIX}[0-9a-f]{{10}}", name) is not None


def clone(guest: str) -> str:
    """The name of a guest's throw-away clone. It has a dot, which no guest of a lab has in its name."""
    return f"{guest}.clone"


def is_clone(guest: str) -> bool:
    """Whether this is the name of a throw-away clone, and not of a guest of the lab file."""
    return "." in guest


def split(name: str) -> tuple[Instance, str] | None:
    """The instance and the last part of one of virtlab's names, or None for a name of another form."""
    parts = name.split(".", 3)
    if len(parts) != 4 or parts[0] != PREFIX or not all(parts):
        return None
    return Instance(owner=parts[1], name=parts[2]), parts[3]


IMAGE_PREFIX = f"{PREFIX}..image."
IMAGE_FILES = ("kernel", "kernel-efi", "initrd", "boot", "disk")  # the parts of an image that have content
_IMAGE_VOLUME = re.compile(
    r"([a-z0-9-]+)\.([0-9a-f]{12})\.([0-9a-f]{16})\.([a-z0-9-]+)"
    rf"\.({'|'.join(IMAGE_FILES)}|complete|whole-[0-9a-f]{{16}}|memory-[a-z0-9-]+-[0-9]+)"
)


@dataclass(frozen=True, slots=True, order=True)
class ImageSet:
    """One upload of a shared image: the volumes of one image, made from one recipe, by one user."""

    image: str
    recipe: str  # 12 hex digits: the key of recipe, builder and release
    digest: str  # 16 hex digits: the same with the packages that it was made from
    uploader: str  # an owner's slug

    @property
    def text(self) -> str:
        """The set as a guest's metadata names it."""
        return f"{self.image}.{self.recipe}.{self.digest}.{self.uploader}"

    def volume(self, part: str) -> str:
        """The name of the volume of a part: a file of the image, or a mark, see ``hypervisor.image_volumes``.

        Nothing else would have a name of that form, so it proves that the volume is virtlab's.
        """
        return f"{IMAGE_PREFIX}{self.text}.{part}"


def split_image_volume(name: str) -> tuple[ImageSet, str] | None:
    """The image set and the part that a volume's name stands for, or None for any other name, such as that of
    a copy that somebody made."""
    if not name.startswith(IMAGE_PREFIX):
        return None
    match = _IMAGE_VOLUME.fullmatch(name.removeprefix(IMAGE_PREFIX))
    return (ImageSet(*match.groups()[:4]), match[5]) if match else None
