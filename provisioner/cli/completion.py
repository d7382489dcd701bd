"""What the shell completes: labs of the catalogue, labs that are up, their guests."""

from __future__ import annotations

import typer


def labs(incomplete: str) -> list[str]:
    """Names of labs that come with virtlab."""
    from provisioner import paths
    from provisioner.labfile import catalog

    return [name for name in catalog.names(paths.labs_dir()) if name.startswith(incomplete)]


def products(incomplete: str) -> list[str]:
    """Names of the article's products."""
    from provisioner import errors, paths
    from provisioner.labfile import products

    try:
        found = products.load(paths.products_file())
    except errors.InputError:
        return []
    return [product.name for product in found if product.name.startswith(incomplete)]


def instances(incomplete: str) -> list[str]:
    """Names of this user's labs that are up."""
    return sorted({name for name, _ in _guests() if name.startswith(incomplete)})


def guests(incomplete: str) -> list[str]:
    """LAB/GUEST of this user's labs that are up."""
    return sorted(label for name, guest in _guests() if (label := f"{name}/{guest}").startswith(incomplete))


def targets(incomplete: str) -> list[str]:
    """LAB and LAB/GUEST of this user's labs that are up."""
    running = _guests()
    words = {name for name, _ in running} | {f"{name}/{guest}" for name, guest in running}
    return sorted(word for word in words if word.startswith(incomplete))


def optional(context: typer.Context, incomplete: str) -> list[str]:
    """The optional guests of the lab that the command names."""
    from provisioner import errors
    from provisioner.lifecycle import lab_files
    from provisioner.model import selection as guests_that_may_be

    try:
        known = guests_that_may_be.names(
            lab_files.load(*lab_files.locate(str(context.params.get("lab") or "")))
        )
    except errors.VirtlabError:
        return []
    return [name for name in known if name.startswith(incomplete)]


def _guests() -> list[tuple[str, str]]:
    from provisioner import errors
    from provisioner.backends.session import everywhere

    try:
        with everywhere(None) as sessions:
            return [
                (member.instance.name, member.guest)
                for session in sessions
                for member in session.look(volumes=False).members()
            ]
    except errors.VirtlabError:
        return []  # a shell that completes is no place for messages
