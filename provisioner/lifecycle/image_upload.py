"""Finds the files of an image in the pool, where QEMU can open them; or builds the image and uploads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from provisioner import errors, paths, render
from provisioner.backends.session import Session
from provisioner.host import lock
from provisioner.hypervisor import image_volumes
from provisioner.hypervisor.image_volumes import StoredImage
from provisioner.hypervisor.storage import Pool
from provisioner.images import cache, memory_needs, packages, registry
from provisioner.images.recipe import KernelSpec, Recipe
from provisioner.language import joined, msg
from provisioner.lifecycle import pool_access, preflight
from provisioner.listener import Listener
from provisioner.model import kinds
from provisioner.model.lab import Lab
from provisioner.model.naming import ImageSet
from provisioner.model.observed import Observed


class HasNeeds(Protocol):
    """An image of which it is known how much memory its systems need."""

    @property
    def memory(self) -> Mapping[str, int]:
        """See ``StoredImage``."""
        ...


def open_pool(session: Session) -> Pool:
    """virtlab's storage pool on this connection, made where it is missing.

    Raises PermissionDenied where QEMU's user can't come to it.
    """
    folder = session.pool_folder
    pool = session.conn.open_pool(render.pool_xml(folder), folder)
    pool_access.check(session)
    return pool


class Images:
    """The images of one connection. Each is looked up, or made, once."""

    def __init__(self, session: Session, pool: Pool, listener: Listener) -> None:
        self._session = session
        self._pool = pool
        self._listener = listener
        self._stored = image_volumes.stored(pool)
        self._current: dict[str, StoredImage] = {}

    def kept(self, text: str | None) -> StoredImage | None:
        """The image that a guest's metadata names, where the pool still has it."""
        return _kept(text, self._stored)

    def current(self, name: str) -> StoredImage:
        """The image for new guests. Raises ImageError where it can't be built."""
        if name not in self._current:
            found = _found(name, self._stored)
            if found is not None:
                _note(found)
            self._current[name] = found or self._make(name, refresh=False)
        return self._current[name]

    def mend(self, text: str) -> None:
        """Puts the image that a guest's metadata names into the pool again, unless it is there and whole.

        Raises ImageError where it can't be made as it was.
        """
        if self.kept(text) is None and self._make(text.partition(".")[0], refresh=False).set.text != text:
            raise errors.ImageError(
                msg("the image {text} is gone from the pool, and today another one would be made", text=text),
                hint=msg("to start the guests from that one: {virtlab} up LAB"),
            )

    def prepare(self, name: str, *, refresh: bool) -> StoredImage:
        """The image in the pool. With ``refresh`` it is built from the newest packages first."""
        if not refresh:
            return self.current(name)
        return self._make(name, refresh=True)

    def _make(self, name: str, *, refresh: bool) -> StoredImage:
        recipe = registry.get(name, paths.templates_dir())
        subject = msg("image {name}", name=name)
        from provisioner.images import build  # not needed where the image is there already

        with lock.held(subject, self._listener, timeout=lock.LONG):
            built = build.build(
                recipe,
                paths.cache_dir(),
                progress=lambda step, fraction: self._listener.phase(subject, step, fraction),
                refresh=refresh,
            )
            key = ImageSet(name, recipe_key(recipe), built.id[:16], self._session.owner)
            self._stored = image_volumes.stored(self._pool)
            stored = self.kept(key.text)
            if stored is None or not stored.checked:
                if key in image_volumes.damaged(self._pool):
                    told = msg("a file of it in the pool was deleted or changed: it is uploaded again")
                    self._listener.note(joined(": ", (subject, told)))
                size = sum(file.stat().st_size for file in built.files.values())
                preflight.check_disk(self._session, self._pool.folder, size)
                stored = image_volumes.store(
                    self._pool,
                    key,
                    built.files,
                    built.memory,
                    lambda fraction: self._listener.phase(subject, msg("uploading to libvirt"), fraction),
                )
                self._stored = [stored, *(other for other in self._stored if other.set != key)]
                self._listener.done(subject, msg("built and uploaded"))
            self._remove_older(stored)
        return stored

    def _remove_older(self, current: StoredImage) -> None:
        used = self._session.images_in_use()
        if used is None:
            return
        for old in image_volumes.remove_unused(self._pool, current.set, used):
            self._listener.note(
                msg(
                    "removed image {image} {digest}: it is older, and nobody uses it",
                    image=old.image,
                    digest=old.digest,
                )
            )


def _kept(text: str | None, stored: Sequence[StoredImage]) -> StoredImage | None:
    return next((image for image in stored if image.set.text == text), None)


def _found(name: str, stored: Sequence[StoredImage]) -> StoredImage | None:
    """The image of that name for new guests, where the pool has it."""
    recipe = registry.get(name, paths.templates_dir())
    fitting = [i for i in stored if (i.set.image, i.set.recipe) == (name, recipe_key(recipe)) and i.checked]
    built = cache.find(recipe, paths.cache_dir())
    if built is not None:
        return next((i for i in fitting if i.set.digest == built.id[:16]), None)
    return fitting[-1] if fitting else None


def _note(image: StoredImage) -> None:
    """Keeps here what the pool knows: verbs that do not ask libvirt want it, and another user built it."""
    recipe = registry.get(image.set.image, paths.templates_dir())
    if cache.find(recipe, paths.cache_dir()) is None:
        cache.note(recipe, image.memory, paths.cache_dir())


def booted(session: Session, lab: Lab, observed: Observed) -> dict[str, StoredImage]:
    """The image that each top-level guest boots, or will boot, where it is in the pool already."""
    pool = session.readable_pool()
    stored = image_volumes.stored(pool) if pool is not None else []
    there: dict[str, StoredImage] = {}
    for guest in lab.top_level:
        domain = observed.domain(guest.name)
        before = domain.metadata.images.get(guest.image) if domain else None
        if image := _kept(before, stored) or _found(guest.image, stored):
            there[guest.name] = image
    return there


def known_here(lab: Lab) -> dict[str, HasNeeds]:
    """What this user's cache knows of the image that each top-level guest boots. libvirt is not asked."""
    found = {guest.name: _known(guest.image) for guest in lab.top_level}
    return {name: image for name, image in found.items() if image}


def _known(name: str) -> HasNeeds | None:
    recipe, root = registry.get(name, paths.templates_dir()), paths.cache_dir()
    return cache.find(recipe, root) or cache.noted(recipe, root)


def least_memory(lab: Lab, booted: Mapping[str, HasNeeds]) -> dict[str, int]:
    """The least bytes in which each guest comes up, where known. ``booted``: what top-level guests boot.

    A Xen domain starts a system of its parent's image, and a machine inside its parent's kernel once more.
    Containers share their parent's system; of foreign systems, such as GRUB, nothing is known.
    """
    least: dict[str, int] = {}
    for guest in lab.guests:
        image = booted.get(guest.parent or guest.name)
        kind = kinds.of(guest.kind)
        if image is None:
            continue
        if kind.boots_its_image:
            least[guest.name] = image.memory.get(guest.image, 0)
            if guest.firmware == "uefi" and kind.is_top_level and least[guest.name]:
                least[guest.name] = memory_needs.with_uefi(least[guest.name])
        elif kind.has_kernel and guest.image not in _foreign(lab.guest(str(guest.parent)).image):
            least[guest.name] = image.memory.get(memory_needs.MACHINE_INSIDE, 0)
    return least


def _foreign(image: str) -> Collection[str]:
    """The foreign systems that machines inside a guest of that image can start."""
    spec = registry.get(image, paths.templates_dir()).spec
    return spec.guests if isinstance(spec, KernelSpec) else ()


def recipe_key(recipe: Recipe) -> str:
    """The key of recipe, builder and release in the names of the image's volumes: 12 hex digits."""
    return cache.key(recipe, packages.this_system())[:12]


def boot_files(image: StoredImage, firmware: str) -> render.BootFiles:
    """The files of an image that a guest with that firmware boots. Raises ImageError where there are none."""
    try:
        if "boot" in image.paths and firmware == "bios":
            return render.BootFiles(disk=image.paths["boot"])
        return render.BootFiles.of(image.paths.__getitem__, firmware)
    except KeyError as error:
        raise errors.ImageError(
            msg(
                "image {image} has nothing that {firmware} can boot", image=image.set.image, firmware=firmware
            ),
            hint=msg(
                "let the guest boot another image, such as tiny, or make this one anew: {virtlab} "
                "prepare LAB --refresh"
            ),
        ) from error
