"""Shared images in virtlab's pool: uploaded once, and used by all guests of all users of that libvirt.

An upload is a set of volumes. The name of an empty volume, ``memory-SYSTEM-BYTES``, says how much memory a
system in it needs. An empty volume named ``complete`` is made after the last byte of the others. A set
without it is an upload that did not end: nobody uses it, and the same user's next upload replaces it. Two
users who upload at the same time make two sets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from provisioner import render
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.storage import Pool
from provisioner.hypervisor.streams import upload
from provisioner.model import naming
from provisioner.model.naming import ImageSet

COMPLETE = "complete"
_MEMORY = re.compile(r"memory-(.+)-(\d+)")


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A complete image: where QEMU finds each part, as a path on the hypervisor's host."""

    set: ImageSet
    paths: dict[str, str]

    @property
    def memory(self) -> dict[str, int]:
        """The least bytes of memory of each system that guests start from it, by the name of its recipe."""
        told = (_MEMORY.fullmatch(part) for part in self.paths)
        return {match[1]: int(match[2]) for match in told if match}


def stored(pool: Pool) -> list[StoredImage]:
    """Every complete image of the pool, sorted."""
    return [image for image in _sets(pool) if COMPLETE in image.paths]


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
    total = sum(file.stat().st_size for file in files.values()) or 1
    done = 0
    for part, file in files.items():
        size = file.stat().st_size
        name = key.volume(part)
        volume = pool.replace_volume(name, render.volume_xml(name, size, fmt="raw"))
        with file.open("rb") as source:
            report = partial(_report, progress, done, total)
            upload(volume, source, size, report, doing=f"can't upload image {key.image}")
        done += size
    empty = [*(f"memory-{system}-{least}" for system, least in memory.items()), COMPLETE]
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
