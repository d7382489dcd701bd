"""Images built from their recipes, or found where they were built before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from provisioner.errors import ImageError
from provisioner.images import cache, disk, grub, initramfs, kernel, memory_needs
from provisioner.images.cache import BuiltImage
from provisioner.images.managers import provider
from provisioner.images.packages import Package, System, this_system
from provisioner.images.recipe import DiskSpec, GrubSpec, KernelSpec, LoaderSpec, Recipe
from provisioner.images.tree import Tree
from provisioner.language import joined, msg
from provisioner.units import rough_size

Progress = Callable[[str, float | None], None]
BUSYBOX = "/usr/bin/busybox"
MACHINE_KERNEL = "/usr/lib/virtlab/machine/kernel"  # of the machines that a guest starts (kvm/image.yaml)
_NEWER = msg("see whether a newer virtlab knows this release; if not, please report the lines above")


def build(recipe: Recipe, root: Path, *, progress: Progress, refresh: bool = False) -> BuiltImage:
    """The image of this recipe, built where need be.

    With ``refresh`` the host's package manager is asked what is current, the files are checked
    by their sums, and what is out of date or damaged is built again. ``progress`` is told each
    step and, where it is known, how much of it is done (0 to 1). One build runs at a time:
    others wait, say so, and take what it made. Raises ImageError.
    """
    system = this_system()
    if not refresh and (image := cache.newest(recipe, system, root)):
        return image

    def waiting() -> None:
        progress(msg("waiting for another build to end"), None)

    with cache.building(root, waiting) as workspace:
        if not refresh and (image := cache.newest(recipe, system, root)):
            return image
        spec = recipe.spec
        if isinstance(spec, DiskSpec):
            return _disk(recipe, spec, system, root, workspace, progress)
        return _packaged(recipe, spec, system, root, workspace, progress)


def _disk(
    recipe: Recipe, spec: DiskSpec, system: System, root: Path, workspace: Path, progress: Progress
) -> BuiltImage:
    if image := _confirmed(recipe, system, (), root):
        return image
    progress(msg("making the disk"), None)
    made = _folder(workspace, "made")
    disk.write(made / "disk", spec, recipe.digest, _folder(workspace, "disk"))
    return cache.publish(made, recipe, system, (), root, {})


def _packaged(
    recipe: Recipe,
    spec: KernelSpec | GrubSpec,
    system: System,
    root: Path,
    workspace: Path,
    progress: Progress,
) -> BuiltImage:
    manager = provider(system, root)

    def current() -> tuple[list[Package], list[Path]] | BuiltImage:
        """The packages of today and their archives, or the image where it is made of them."""
        progress(msg("asking the package manager"), None)
        packages = manager.resolve(spec.needed, system)
        if image := _confirmed(recipe, system, packages, root):
            return image
        progress(msg("downloading packages"), 0.0)
        downloads = _folder(workspace, "packages")
        return packages, manager.fetch(
            packages, downloads, lambda done: progress(msg("downloading packages"), done)
        )

    try:
        ready = current()
    except ImageError:
        progress(msg("fetching newer package lists"), None)
        manager.refresh()
        with _explained(recipe, system):
            ready = current()
    if isinstance(ready, BuiltImage):
        return ready
    packages, archives = ready
    made = _folder(workspace, "made")
    needs: dict[str, int] = {}
    with _explained(recipe, system, packages, hint=_NEWER):
        unpacked = _folder(workspace, "unpacked")
        for archive in archives:
            progress(msg("unpacking {package}", package=archive.name.partition("_")[0]), None)
            manager.unpack(archive, unpacked)
        Tree(unpacked).require(spec.needed)
        if isinstance(spec, GrubSpec):
            progress(msg("putting GRUB together"), None)
            found_grub = grub.find(unpacked, spec.needed)
            core = grub.core_image(found_grub, spec.modules, spec.config, _folder(workspace, "grub"))
            (made / "kernel").write_bytes(core)
        else:
            needs = _kernel(recipe.name, spec, unpacked, made, workspace, progress)
    image = cache.publish(made, recipe, system, packages, root, needs)
    manager.keep_only(cache.packages(root))
    return image


@contextmanager
def _explained(
    recipe: Recipe, system: System, packages: Sequence[Package] = (), *, hint: str | None = None
) -> Iterator[None]:
    """Adds to an ImageError from inside the image, the release, and the packages that were looked through."""
    try:
        yield
    except ImageError as error:
        looked = ", ".join(f"{package.name} {package.version}" for package in packages)
        head = msg(
            "image {name} on {release}: {why}", name=recipe.name, release=system.release, why=error.message
        )
        lines = [head]
        if looked:
            lines.append(msg("looked through: {looked}", looked=looked))
        raise ImageError(
            joined("\n", lines),
            hint=error.hint or hint,
        ) from error


def _kernel(
    own: str, spec: KernelSpec, unpacked: Path, made: Path, workspace: Path, progress: Progress
) -> dict[str, int]:
    """Write what the spec becomes below ``made``.

    Returns the least bytes of memory of each system in it that starts as a guest, by the name of its recipe.
    """
    progress(msg("unpacking the kernel"), None)
    (packed,) = Tree(unpacked).all_of([spec.kernel])
    boot_image = packed.read_bytes()
    # kernel and initrd of a boot disk go onto the disk, and are no files of the image themselves
    loose = _folder(workspace, "loose") if spec.loader else made
    vmlinux = kernel.extract_vmlinux(boot_image)
    (loose / "kernel").write_bytes(vmlinux)
    # a recipe may take the kernel along, for programs in the guest that start it once more
    _folder(unpacked, "boot").joinpath("vmlinux").hardlink_to(loose / "kernel")
    if not spec.loader:
        (made / "kernel-efi").write_bytes(boot_image)
    for name, guest in spec.guests.items():
        its_grub = grub.find(unpacked, guest.needed)
        core = grub.core_image(its_grub, guest.modules, guest.config, _folder(workspace, f"grub-{name}"))
        (_folder(unpacked / "boot", "guests") / name).write_bytes(core)
    progress(msg("packing the initramfs"), None)
    _initramfs(loose / "initrd", spec, unpacked, workspace)
    least = memory_needs.needed(vmlinux, (loose / "initrd").stat().st_size)
    if not spec.loader:
        return {own: least, **_machines_inside(spec, vmlinux, unpacked)}
    if least > spec.loader.memory:
        given = rough_size(spec.loader.memory)
        raise ImageError(
            msg(
                "its first system needs {least} of memory, and the recipe gives it {given}",
                least=rough_size(least),
                given=given,
            )
        )
    progress(msg("making the boot disk"), None)
    loaded, inside = _boot_disk(made / "boot", spec.loader, loose, unpacked, workspace)
    machine = memory_needs.behind_hypervisor(spec.loader.memory, loaded)
    return {own: machine, **{name: memory_needs.needed(vmlinux, size) for name, size in inside.items()}}


def _machines_inside(spec: KernelSpec, vmlinux: bytes, unpacked: Path) -> dict[str, int]:
    """What a machine needs that is started with this kernel once more, where the image is made for that."""
    if MACHINE_KERNEL not in spec.programs:
        return {}
    (busybox,) = Tree(unpacked).programs({BUSYBOX: spec.programs[BUSYBOX]})
    return {memory_needs.MACHINE_INSIDE: memory_needs.machine_inside(vmlinux, len(busybox.data))}


def _initramfs(out: Path, spec: KernelSpec, unpacked: Path, workspace: Path) -> None:
    with out.open("wb") as archive:
        initramfs.write(archive, spec, unpacked, _folder(workspace, f"modules-{out.name}"))


def _boot_disk(
    out: Path, loader: LoaderSpec, loose: Path, unpacked: Path, workspace: Path
) -> tuple[int, dict[str, int]]:
    """Returns the bytes that its loader loads, and those of the initramfs of each guest inside."""
    sizes: dict[str, int] = {}
    loaded = sum((loose / name).stat().st_size for name in ("kernel", "initrd"))
    files: dict[str, bytes | Path] = {f"/{name}": loose / name for name in ("kernel", "initrd")}
    its_grub = grub.find(unpacked, loader.grub)
    for name, spec in loader.guests.items():
        if isinstance(spec, GrubSpec):
            own = _folder(workspace, f"grub-{name}")
            files[f"/guests/{name}"] = grub.bare_disk(its_grub, spec.modules, spec.config, own)
            continue
        _initramfs(loose / f"guest-{name}", spec, unpacked, workspace)
        files[f"/guests/{name}"] = loose / f"guest-{name}"
        sizes[name] = (loose / f"guest-{name}").stat().st_size
    tree = Tree(unpacked)
    for entry in tree.programs(loader.programs):
        program = kernel.decompress(entry.data)
        files[f"/{entry.path}"] = program
        loaded += len(program)
    system = tree.programs(loader.system)
    files |= {f"/system/{entry.path}": entry.data for entry in (*system, *tree.libraries(system))}
    grub.boot_disk(out, its_grub, files, loader.config, loader.size, _folder(workspace, "grub"))
    return loaded, sizes


def _confirmed(recipe: Recipe, system: System, packages: Sequence[Package], root: Path) -> BuiltImage | None:
    image = cache.exact(recipe, system, cache.identity(recipe, system, packages), root)
    if image:
        cache.confirm(image)
    return image


def _folder(workspace: Path, name: str) -> Path:
    path = workspace / name
    path.mkdir(exist_ok=True)
    return path
