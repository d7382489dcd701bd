"""Makes an initramfs of programs and modules from packages, and of the recipe's files."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from provisioner.errors import ImageError
from provisioner.images import cpio, modules, tools
from provisioner.images.recipe import KernelSpec
from provisioner.images.tree import Tree
from provisioner.language import msg

_BUSYBOX = "/usr/bin/busybox"
_MODULES = ("lib/modules", "usr/lib/modules")  # a release has one of them
_SYSTEM_APPLETS = {"halt", "init", "poweroff", "reboot", "modprobe"}


def write(out: BinaryIO, spec: KernelSpec, unpacked: Path, workspace: Path) -> None:
    """Write the archive for ``spec`` from packages unpacked below ``unpacked``.

    ``workspace`` is an empty folder for what tools need on disk. Raises ImageError.
    """
    tree = Tree(unpacked)
    programs = tree.programs(spec.programs)
    entries = [
        *programs,
        *tree.libraries(programs),
        *_modules(spec, unpacked, workspace),
        *(cpio.file(file.path[1:], file.data, file.mode) for file in spec.files),
        *(cpio.directory(path[1:]) for path in spec.directories),
        *(cpio.symlink(path[1:], target) for path, target in spec.links.items()),
        cpio.character_device("dev/console", 5, 1),
    ]
    known = {entry.path for entry in entries}
    entries += [applet for applet in _applets(tree, spec) if applet.path not in known]
    try:
        cpio.write(out, entries)
    except ValueError as error:
        raise ImageError(msg("the recipe contradicts itself: {error}", error=error)) from error


def _modules(spec: KernelSpec, unpacked: Path, workspace: Path) -> list[cpio.Entry]:
    folder = _modules_folder(unpacked)
    chosen = modules.ModuleTree(folder).closure(spec.modules, spec.optional_modules)
    try:
        listing = (folder / "modules.builtin").read_bytes()
    except OSError as error:
        raise ImageError(
            msg(
                "the kernel {name} has no list of what is built into it: {error}",
                name=folder.name,
                error=error,
            )
        ) from error
    index = modules.index(chosen, listing, folder.name, workspace)
    place = f"usr/lib/modules/{folder.name}"
    return [
        *(cpio.file(f"{place}/{module.path}", module.data) for module in chosen),
        *(cpio.file(f"{place}/{name}", data) for name, data in index.items()),
    ]


def _modules_folder(unpacked: Path) -> Path:
    """Where the packages have the modules of the newest kernel. Raises ImageError where there are none."""
    folders = [path for base in _MODULES for path in sorted((unpacked / base).glob("*/kernel"))]
    if not folders:
        raise ImageError(msg("the kernel's packages hold no modules"))
    return folders[-1].parent


def _applets(tree: Tree, spec: KernelSpec) -> list[cpio.Entry]:
    """A link for each program that this BusyBox contains. It is static, so it can be run on the host to
    ask."""
    part = spec.programs.get(_BUSYBOX)
    busybox = tree.find(part.places) if part else None
    if busybox is None:
        return []
    names = tools.run([str(busybox), "--list"]).decode().split()
    return [
        cpio.symlink(f"usr/{'sbin' if name in _SYSTEM_APPLETS else 'bin'}/{name}", _BUSYBOX)
        for name in names
        if name != "busybox"
    ]
