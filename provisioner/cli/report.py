"""The verb that makes a page to look at: report."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import options


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(report)


def report(
    lab: options.RunningLab,
    file: Annotated[
        str, typer.Option("--file", "-O", help="The file to write; - is standard output.", metavar="FILE")
    ] = "report.html",
    lang: options.Lang = None,
    connect: options.Connect = None,
) -> None:
    """Make one HTML page of a lab: what it shows, what was compared, checked and measured."""
    from pathlib import Path

    from provisioner.engine import page as engine
    from provisioner.report import page, text
    from provisioner.report.language import preferred
    from provisioner.report.progress import Progress

    if file != "-":
        page.may_write(Path(file))
    with Progress() as progress:
        collected = engine.collect(connect, lab, progress)
    document = page.html(collected, preferred(lang))
    if file == "-":
        page.show(document)
        return
    page.write(document, Path(file))
    place = Path(file).resolve()
    text.say(f"written: {place}")
    text.tell(f"open it in a browser: {place.as_uri()}")
