"""The verb that compares the article's products: products."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import completion, options
from provisioner.report.terminal.data import Output


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(products)


def products(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Products to show with all that is known of them, and the sources.",
            autocompletion=completion.products,
            metavar="[PRODUCT]...",
        ),
    ] = None,
    lang: options.Lang = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """The article's six products side by side: in 2011, since then, and the lab that shows each."""
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import products_page as pages
    from provisioner.verbs import catalogue as verbs

    chosen = verbs.products(names or ())
    language = preferred(lang)
    data.emit(
        output,
        pages.data(chosen),
        names=[product.name for product in chosen],
        table=lambda: (
            "\n\n".join(pages.product_page(product, language) for product in chosen)
            if names
            else pages.table_page(chosen, language)
        ),
    )
