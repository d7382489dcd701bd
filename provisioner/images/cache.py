"""Built images on disk. Each is one folder, which is complete or does not exist.

::

    ROOT/images/NAME/KEY-ID/    manifest.json beside the files that it lists
    ROOT/noted/NAME-KEY.json    the memory that it needs, where only libvirt's pool has the image
    ROOT/building/              the one build that is under way
    ROOT/build.lock             held by whoever builds

KEY stands for what can be known with no package manager: recipe, builder, system. ID adds the
packages. A folder appears under its final name by one rename.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.errors import ImageError
from provisioner.host import lock
from provisioner.images.packages import Package, System, this_system
from provisioner.images.recipe import Recipe
from provisioner.language import msg
from provisioner.units import MIB, rough_size

BUILDER_VERSION = 6
_MANIFEST = "manifest.json"
_KEY_LENGTH = 16
_LITTLE = 256 * MIB  # with less space, a build that fails did so for that, however a program says it
_ROOM = msg("1 GiB is enough for any image")
_KEPT = 3  # images of one recipe: an older one may be in use by an upload right now


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that is complete. ``id`` is a hex digest of all that it was made from.

    ``files`` maps ``kernel``, ``kernel-efi`` and ``initrd``, or ``boot`` (a disk that boots), or ``disk``,
    to paths; ``manifest`` is what ``manifest.json`` holds: sizes in bytes, SHA-256 sums, packages and
    their versions, and as ``memory`` the least bytes of memory of each system that guests start from it.
    """

    name: str
    kind: str
    id: str
    files: Mapping[str, Path]
    manifest: Mapping[str, Any]

    @property
    def memory(self) -> Mapping[str, int]:
        """The least bytes of memory of each system that guests start from it, by the name of its recipe."""
        least: Mapping[str, int] = self.manifest["memory"]
        return least


@dataclass(frozen=True, slots=True)
class NotedImage:
    """An image that was not built here, and that libvirt's pool has. ``memory``: as of ``BuiltImage``."""

    memory: Mapping[str, int]


def key(recipe: Recipe, system: System) -> str:
    """What an image depends on besides packages, as a short hex digest."""
    parts = (str(BUILDER_VERSION), recipe.name, recipe.digest, system.release, system.machine)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_KEY_LENGTH]


def identity(recipe: Recipe, system: System, packages: Sequence[Package]) -> str:
    """What an image depends on, packages included, as a hex digest."""
    digest = hashlib.sha256(key(recipe, system).encode())
    for package in sorted(packages, key=lambda package: package.name):
        digest.update(f"\n{package.name} {package.version} {package.sha256}".encode())
    return digest.hexdigest()


def find(recipe: Recipe, root: Path) -> BuiltImage | None:
    """The newest complete image of this recipe for this system, or None; asks no package manager.

    ``root`` is virtlab's cache folder for images. Raises ImageError where the system is unknown.
    """
    return newest(recipe, this_system(), root)


def newest(recipe: Recipe, system: System, root: Path) -> BuiltImage | None:
    """The image of this recipe that was built or confirmed last, its files' sizes checked; or None."""
    folders = (root / "images" / recipe.name).glob(f"{key(recipe, system)}-*")
    for _, folder in sorted(((_time(folder), folder) for folder in folders), reverse=True):
        if image := _load(folder):
            return image
    return None


def exact(recipe: Recipe, system: System, image_id: str, root: Path) -> BuiltImage | None:
    """The image with this identity, if it is there and each file has its SHA-256 sum."""
    image = _load(_folder(recipe, system, image_id, root))
    if image is None:
        return None
    for role, path in image.files.items():
        if _sha256(path) != image.manifest["files"][role]["sha256"]:
            return None
    return image


def confirm(image: BuiltImage) -> None:
    """Note that today's packages would give this image again."""
    os.utime(next(iter(image.files.values())).parent)


@contextmanager
def building(root: Path, waiting: Callable[[], None]) -> Iterator[Path]:
    """Holds the right to build, and gives an empty folder to build in, which is removed afterwards.

    Where another process builds, ``waiting`` is called, and this waits for its end. Leftovers of a build that
    was killed are removed. Raises ImageError where the cache can't be written.
    """
    workspace = root / "building"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with open(lock.own_file(root / "build.lock"), "rb") as held:  # noqa: PTH123
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(held, fcntl.LOCK_EX)
            shutil.rmtree(workspace, ignore_errors=True)
            workspace.mkdir()
            try:
                yield workspace
            except ImageError as error:
                free = shutil.disk_usage(root).free  # before what was begun is removed
                if free >= _LITTLE:
                    raise
                raise ImageError(
                    msg(
                        "{message}\nonly {free} is free in {root}, where images are built",
                        message=error.message,
                        free=rough_size(free),
                        root=root,
                    ),
                    hint=msg(
                        "free some space there ({room}), or name another folder with XDG_CACHE_HOME",
                        room=_ROOM,
                    ),
                ) from error
            finally:
                shutil.rmtree(workspace, ignore_errors=True)
    except OSError as error:
        raise ImageError(
            msg("the image cache can't be written: {error}", error=error),
            hint=msg("free some space at {root}, or make it writable", root=root),
        ) from error


def publish(
    made: Path,
    recipe: Recipe,
    system: System,
    packages: Sequence[Package],
    root: Path,
    memory: Mapping[str, int],
) -> BuiltImage:
    """Make a finished build an image of the cache. ``made`` holds one file for each role. ``memory`` gives
    the least bytes of memory of each system that guests start from it, by the name of its recipe.

    It replaces a damaged image of the same identity, and the oldest images of the recipe are removed. May be
    called only inside :func:`building`. Raises ImageError.
    """
    files = {}
    for path in sorted(made.iterdir()):
        files[path.name] = {"size": path.stat().st_size, "sha256": _sha256(path)}
        _flush(path)
    image_id = identity(recipe, system, packages)
    manifest = {
        "name": recipe.name,
        "kind": recipe.spec.kind,
        "id": image_id,
        "builder": BUILDER_VERSION,
        "recipe": recipe.digest,
        "system": system.release,
        "machine": system.machine,
        "files": files,
        "memory": dict(memory),
        "packages": {
            package.name: {"version": package.version, "sha256": package.sha256} for package in packages
        },
    }
    (made / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    _flush(made / _MANIFEST)
    final = _folder(recipe, system, image_id, root)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        final.rename(made.with_name("damaged"))
    made.rename(final)
    siblings = sorted(final.parent.iterdir(), key=_time, reverse=True)
    for folder in siblings[_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
    image = _load(final)
    if image is None:
        raise ImageError(
            msg("the image {name} changed while it was written", name=recipe.name), hint=msg("try again")
        )
    return image


def note(recipe: Recipe, memory: Mapping[str, int], root: Path) -> None:
    """Keeps what libvirt's pool tells of an image that was not built here: ``BuiltImage.memory``.

    Nothing is kept where the cache can't be written.
    """
    file, before = _noted(recipe, root), noted(recipe, root)
    if before is None or before.memory != memory:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f"{file.name}.{os.getpid()}")
            new.write_text(json.dumps(dict(memory)))
            new.replace(file)


def noted(recipe: Recipe, root: Path) -> NotedImage | None:
    """What ``note`` kept of an image of this recipe for this system."""
    try:
        memory = json.loads(_noted(recipe, root).read_bytes())
    except (OSError, ValueError):
        return None
    fits = isinstance(memory, dict) and all(isinstance(least, int) for least in memory.values())
    return NotedImage(memory) if fits else None


def _noted(recipe: Recipe, root: Path) -> Path:
    return root / "noted" / f"{recipe.name}-{key(recipe, this_system())}.json"


def images(root: Path) -> list[BuiltImage]:
    """Every complete image of the cache, in no particular order."""
    loaded = (_load(path.parent) for path in (root / "images").glob(f"*/*/{_MANIFEST}"))
    return [image for image in loaded if image]


def packages(root: Path) -> set[Package]:
    """The packages that the newest image of each recipe was made of. Their ``size`` is 0: it is not known."""
    newest: dict[str, BuiltImage] = {}
    for image in sorted(images(root), key=lambda image: _time(next(iter(image.files.values())).parent)):
        newest[image.name] = image
    return {
        Package(name, told["version"], told["sha256"], 0)
        for image in newest.values()
        for name, told in image.manifest["packages"].items()
    }


def _folder(recipe: Recipe, system: System, image_id: str, root: Path) -> Path:
    return root / "images" / recipe.name / f"{key(recipe, system)}-{image_id[:_KEY_LENGTH]}"


def _load(folder: Path) -> BuiltImage | None:
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        for name, facts in manifest["files"].items():
            if (folder / name).stat().st_size != facts["size"]:
                return None
        paths = {name: folder / name for name in manifest["files"]}
        return BuiltImage(manifest["name"], manifest["kind"], manifest["id"], paths, manifest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _time(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as content:
        os.fsync(content.fileno())
