"""What comes with virtlab: its labs for ``list``, and the article's products for ``products``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from provisioner import errors, paths
from provisioner.labfile import catalog
from provisioner.labfile.catalog import Entry
from provisioner.language import msg

if TYPE_CHECKING:
    from provisioner.labfile.products import Product


def labs() -> list[Entry]:
    """The labs of the catalogue with their titles, sorted by name."""
    return catalog.entries(paths.labs_dir())


def products(names: Sequence[str] = ()) -> list[Product]:
    """The products of those names, each once, or all products in the file's order.

    Raises InputError where there is no product of a name, LabFileError where the file of products is wrong.
    """
    from provisioner.labfile import products as file
    from provisioner.labfile.problems import alternatives, shown

    known = {product.name: product for product in file.load(paths.products_file())}
    for name in names:
        if name not in known:
            raise errors.InputError(
                msg(
                    "there is no product {name} ({known})", name=shown(name), known=alternatives(name, known)
                ),
                hint=msg("see all of them: {virtlab} products"),
            )
    return [known[name] for name in dict.fromkeys(names or known)]
