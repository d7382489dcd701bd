"""Names that a user may mean: of labs, products, instances and guests. What can't be read is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner import errors, paths

if TYPE_CHECKING:
    from provisioner.model.lab import Lab


def labs() -> list[str]:
    """The labs that come with virtlab, sorted."""
    from provisioner.labfile import catalog

    return catalog.names(paths.labs_dir())


def kept() -> list[str]:
    """The instances of which results are kept, sorted."""
    from provisioner.store import results

    try:
        return sorted({run.instance for run in results.instances()})
    except errors.VirtlabError:
        return []


def products() -> list[str]:
    """The article's products, in the file's order."""
    from provisioner.labfile import products

    try:
        return [product.name for product in products.load(paths.products_file())]
    except errors.InputError:
        return []


def optional_guests(target: str) -> list[str]:
    """The optional guests of a lab, which is given by its name, folder or file."""
    from provisioner.model import selection

    lab = _lab(target)
    return list(selection.names(lab)) if lab else []


def top_level_guests(target: str) -> list[str]:
    """The guests of a lab that the host's libvirt runs. The lab is given by its name, folder or file."""
    lab = _lab(target)
    return [guest.name for guest in lab.top_level] if lab else []


def _lab(target: str) -> Lab | None:
    from provisioner.lifecycle import lab_files

    try:
        return lab_files.load(*lab_files.locate(target))
    except errors.VirtlabError:
        return None


def running() -> list[tuple[str, str]]:
    """The instance and the guest, for each guest of this user's instances that are up."""
    from provisioner.backends.session import everywhere

    try:
        with everywhere(None, patience=0.0) as sessions:  # somebody waits at the keyboard
            return [
                (member.instance.name, member.guest)
                for session in sessions
                for member in session.look(volumes=False).members()
            ]
    except errors.VirtlabError:
        return []
