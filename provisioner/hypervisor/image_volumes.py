"""Shared images in virtlab's pool: uploaded once, and used by all guests of all users of that libvirt.

An upload is a set of volumes. The rest of what is known of it stands in the names of empty ones:

- ``memory-SYSTEM-BYTES`` says how much memory a system in it needs.
- ``whole-DIGEST`` has a digest of the size of each file and of when it was changed. Where a file was deleted
  since, cut off or written to, the digest of what is there is another one, and nobody uses the set.
- ``complete`` is made last. A set without it is an upload that did not end: nobody uses it.

The same user's next upload replaces a set that is not used. Two users who upload at the same time make two
sets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from provisioner import render
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.storage import Pool
from provisioner.hypervisor.streams import upload
from provisioner.language import msg
from provisioner.model import naming
from provisioner.model.naming import ImageSet

COMPLETE = "complete"
_WHOLE = "whole-"
_MEMORY = re.compile(r"memory-(.+)-(\d+)")


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A complete image: where QEMU finds each part, as a path on the hypervisor's host.

    ``checked``: whether each file is as it was uploaded. That is not known of uploads of earlier versions.
    """

    set: ImageSet
    paths: dict[str, str]
    checked: bool = True

    @property
    def memory(self) -> dict[str, int]:
        """The least bytes of memory of each system that guests start from it, by the name of its recipe."""
        told = (_MEMORY.fullmatch(part) for part in self.paths)
        return {match[1]: int(match[2]) for match in told if match}


def stored(pool: Pool) -> list[StoredImage]:
    """Every image of the pool that is complete and not damaged, sorted."""
    return [image for image in _complete(pool) if image.checked or _mark_of(image) is None]


def damaged(pool: Pool) -> list[ImageSet]:
    """Every image of the pool that was complete, and of which somebody deleted or changed a file since."""
    return [image.set for image in _complete(pool) if not image.checked and _mark_of(image) is not None]


def _complete(pool: Pool) -> list[StoredImage]:
    there = [image for image in _sets(pool) if COMPLETE in image.paths]
    return [replace(image, checked=_mark_of(image) == _mark(pool, image.set, image.paths)) for image in there]


def _mark_of(image: StoredImage) -> str | None:
    return next((part for part in image.paths if part.startswith(_WHOLE)), None)


def _mark(pool: Pool, key: ImageSet, parts: Iterable[str]) -> str:
    """The part whose name stands for the files as they are now."""
    files = sorted(part for part in parts if part in naming.IMAGE_FILES)
    text = "\n".join(f"{part} {pool.state_of(key.volume(part))}" for part in files)
    return f"{_WHOLE}{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def stored_on(conn: Connection) -> list[StoredImage]:
    """The same for a connection that may have no pool. Nothing is made."""
    pool = conn.active_pool()
    return [] if pool is None else stored(pool)


def _sets(pool: Pool) -> list[StoredImage]:
    volumes: dict[ImageSet, dict[str, str]] = {}
    for name in pool.volume_names():
        split = naming.split_image_volume(name)
        if split:
            volumes.setdefault(split[0], {})[split[1]] = f"{pool.folder}/{name}"
    return [StoredImage(key, volumes[key]) for key in sorted(volumes)]


def store(
    pool: Pool,
    key: ImageSet,
    files: Mapping[str, Path],
    memory: Mapping[str, int],
    progress: Callable[[float], None],
) -> StoredImage:
    """Uploads an image's files, each under the name of its part. ``memory``: see ``StoredImage.memory``.
    ``progress`` is called with the fraction that is done.

    The caller makes sure that a user does not upload the same image twice at the same time.
    """
    pool.remove_volume(key.volume(COMPLETE))
    for old in _sets(pool):
        if old.set == key and (mark := _mark_of(old)):
            pool.remove_volume(key.volume(mark))
    total = sum(file.stat().st_size for file in files.values()) or 1
    done = 0
    for part, file in files.items():
        size = file.stat().st_size
        name = key.volume(part)
        volume = pool.replace_volume(name, render.volume_xml(name, size, fmt="raw"))
        with file.open("rb") as source:
            report = partial(_report, progress, done, total)
            upload(volume, source, size, report, doing=msg("can't upload image {image}", image=key.image))
        done += size
    told = (f"memory-{system}-{least}" for system, least in memory.items())
    empty = [*told, _mark(pool, key, files), COMPLETE]
    for part in empty:
        pool.replace_volume(key.volume(part), render.volume_xml(key.volume(part), 0, fmt="raw"))
    return StoredImage(key, {part: f"{pool.folder}/{key.volume(part)}" for part in (*files, *empty)})


def _report(progress: Callable[[float], None], before: int, total: int, sent: int) -> None:
    progress((before + sent) / total)


def remove_unused(pool: Pool, keep: ImageSet, used: set[str]) -> list[ImageSet]:
    """Deletes this uploader's other sets of the same image, and returns them.

    The sets in ``used``, given as texts, stay: guests of some user were made with them.
    """
    removed = []
    for old in _sets(pool):
        same = (old.set.image, old.set.uploader) == (keep.image, keep.uploader)
        if not same or old.set == keep or old.set.text in used:
            continue
        # the volume ``complete`` goes first: a set that loses its parts must not look complete
        for part in sorted(old.paths, key=lambda part: part != COMPLETE):
            pool.remove_volume(old.set.volume(part))
        removed.append(old.set)
    return removed
