"""From the name of an image to files that QEMU can open: found in the pool, else built and uploaded."""

from __future__ import annotations

from typing import Any

from provisioner import errors, paths, render
from provisioner.engine import lock
from provisioner.engine.monitor import Monitor
from provisioner.engine.session import Session
from provisioner.hypervisor import apply, imagestore
from provisioner.hypervisor.imagestore import StoredImage
from provisioner.images import cache, catalog, packages
from provisioner.images.recipe import Recipe
from provisioner.naming import ImageSet


def open_pool(session: Session) -> Any:
    """virtlab's storage pool on this connection, made where it is missing."""
    folder = session.pool_folder
    return apply.open_pool(session.conn, render.pool_xml(folder), folder)


class Images:
    """The images of one connection; each is found or made once."""

    def __init__(self, session: Session, pool: Any, monitor: Monitor) -> None:
        self._session = session
        self._pool = pool
        self._monitor = monitor
        self._stored = imagestore.stored(pool)
        self._current: dict[str, StoredImage] = {}

    def kept(self, text: str | None) -> StoredImage | None:
        """The image that a stamp names, where the pool still has it."""
        return next((image for image in self._stored if image.set.text == text), None)

    def current(self, name: str) -> StoredImage:
        """The image for new guests. Raises ImageError where it can't be built."""
        if name not in self._current:
            self._current[name] = self._find(name) or self._make(name, refresh=False)
        return self._current[name]

    def prepare(self, name: str, *, refresh: bool) -> StoredImage:
        """The image, built from the newest packages where ``refresh``, and in the pool."""
        if not refresh:
            return self.current(name)
        return self._make(name, refresh=True)

    def _find(self, name: str) -> StoredImage | None:
        recipe = catalog.get(name, paths.templates_dir())
        fitting = [i for i in self._stored if (i.set.image, i.set.recipe) == (name, recipe_key(recipe))]
        built = cache.find(recipe, paths.cache_dir())
        if built is not None:
            return next((i for i in fitting if i.set.digest == built.id[:16]), None)
        return fitting[-1] if fitting else None

    def _make(self, name: str, *, refresh: bool) -> StoredImage:
        recipe = catalog.get(name, paths.templates_dir())
        subject = f"image {name}"
        from provisioner.images import build  # not needed where the image is there already

        with lock.held(subject, self._monitor, timeout=lock.LONG):
            built = build.build(
                recipe,
                paths.cache_dir(),
                progress=lambda step, fraction: self._monitor.phase(subject, step, fraction),
                refresh=refresh,
            )
            key = ImageSet(name, recipe_key(recipe), built.id[:16], self._session.owner)
            self._stored = imagestore.stored(self._pool)
            stored = self.kept(key.text)
            if stored is None:
                stored = imagestore.store(
                    self._session.conn,
                    self._pool,
                    key,
                    built.files,
                    lambda fraction: self._monitor.phase(subject, "uploading to libvirt", fraction),
                )
                self._stored.append(stored)
                self._monitor.done(subject, "built and uploaded")
            self._remove_older(stored)
        return stored

    def _remove_older(self, current: StoredImage) -> None:
        guests = self._session.everybodys_guests()
        used = {text for guest in guests for text in guest.stamp.images.values()}
        for old in imagestore.remove_unused(self._pool, current.set, used):
            self._monitor.note(f"removed image {old.image} {old.digest}: it is older, and nobody uses it")


def recipe_key(recipe: Recipe) -> str:
    """What the image is to be made from, as the names of its volumes tell it: 12 hex digits."""
    return cache.key(recipe, packages.this_system())[:12]


def boot_files(image: StoredImage, firmware: str) -> render.BootFiles:
    """What a guest with that firmware boots of an image. Raises ImageError where there is nothing."""
    try:
        if "boot" in image.paths and firmware == "bios":
            return render.BootFiles(disk=image.paths["boot"])
        return render.BootFiles.of(image.paths.__getitem__, firmware)
    except KeyError as error:
        raise errors.ImageError(
            f"image {image.set.image} has nothing that {firmware} can boot",
            hint="let the guest boot another image, such as tiny, or make this one anew: "
            "{virtlab} prepare LAB --refresh",
        ) from error
