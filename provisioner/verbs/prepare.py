"""``prepare``: builds and uploads the images of labs ahead of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner import errors, paths
from provisioner.backends.session import opened
from provisioner.hypervisor import uris
from provisioner.labfile import catalog
from provisioner.language import msg
from provisioner.lifecycle import image_upload, lab_files
from provisioner.listener import Listener
from provisioner.model.naming import ImageSet


@dataclass(frozen=True, slots=True)
class Ready:
    """What is ready now."""

    targets: tuple[str, ...]  # the labs, as they were named or as the catalogue has them
    images: tuple[ImageSet, ...]  # once each


def prepare(
    targets: Sequence[str],
    connect: str | None,
    listener: Listener,
    *,
    every: bool = False,
    refresh: bool = False,
) -> Ready:
    """Makes the images of those labs, or of ``every`` lab of the catalogue, and puts them into the pool.

    With ``refresh`` they are built anew from the newest packages. Raises InputError where no lab is named or
    one can't be found, ImageError where an image can't be built, HypervisorError where libvirt refuses.
    """
    if targets and every:
        raise errors.InputError(
            msg("name labs, or say --all"), hint=msg("for all of them: {virtlab} prepare --all")
        )
    chosen = catalog.names(paths.labs_dir()) if every else list(targets)
    if not chosen:
        raise errors.InputError(
            msg("prepare what?"), hint=msg("{virtlab} prepare LAB, or {virtlab} prepare --all")
        )
    wanted = lab_files.images_of([lab_files.load(*lab_files.locate(target)) for target in chosen])
    with opened(uris.choose(connect)) as session:
        listener.note(msg("connection: {uri} ({why})", uri=session.choice.uri, why=session.choice.why))
        store = image_upload.Images(session, image_upload.open_pool(session), listener)
        ready = [store.prepare(name, refresh=refresh) for name in wanted]
    return Ready(tuple(chosen), tuple(image.set for image in ready))
