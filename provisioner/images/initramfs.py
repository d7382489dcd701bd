"""What goes into an initramfs: programs and modules of the packages, files of the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from provisioner.errors import ImageError
from provisioner.images import cpio, modules, tools
from provisioner.images.recipe import KernelSpec
from provisioner.images.tree import Tree

_BUSYBOX = "/usr/bin/busybox"
_SYSTEM_APPLETS = {"halt", "init", "poweroff", "reboot", "modprobe"}


def boot_image(unpacked: Path) -> bytes:
    """The one bzImage among the unpacked packages. Raises ImageError where there is none."""
    found = sorted((unpacked / "boot").glob("vmlinuz-*"))
    if not found:
        raise ImageError("the kernel package holds no kernel")
    return found[-1].read_bytes()


def write(out: BinaryIO, spec: KernelSpec, unpacked: Path, workspace: Path) -> None:
    """Write the archive for ``spec`` from packages unpacked below ``unpacked``.

    ``workspace`` is an empty folder for what tools need on disk. Raises ImageError.
    """
    tree = Tree(unpacked)
    programs = [tree.program(path, places) for path, places in spec.programs.items()]
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
        raise ImageError(f"the recipe contradicts itself: {error}") from error


def _modules(spec: KernelSpec, unpacked: Path, workspace: Path) -> list[cpio.Entry]:
    for base in ("usr/lib/modules", "lib/modules"):
        releases = sorted((unpacked / base).glob("*/kernel"))
        if releases:
            break
    else:
        raise ImageError("the kernel packages hold no modules")
    folder = releases[-1].parent
    chosen = modules.ModuleTree(folder).closure(spec.modules, spec.optional_modules)
    listing = (folder / "modules.builtin").read_bytes()
    index = modules.index(chosen, listing, folder.name, workspace)
    place = f"usr/lib/modules/{folder.name}"
    return [
        *(cpio.file(f"{place}/{module.path}", module.data) for module in chosen),
        *(cpio.file(f"{place}/{name}", data) for name, data in index.items()),
    ]


def _applets(tree: Tree, spec: KernelSpec) -> list[cpio.Entry]:
    """A link for each program that this BusyBox can be; it is static, so the host can ask it."""
    busybox = tree.find(spec.programs.get(_BUSYBOX, ()))
    if busybox is None:
        return []
    names = tools.run([str(busybox), "--list"]).decode().split()
    return [
        cpio.symlink(f"usr/{'sbin' if name in _SYSTEM_APPLETS else 'bin'}/{name}", _BUSYBOX)
        for name in names
        if name != "busybox"
    ]
