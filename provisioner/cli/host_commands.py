"""Verbs about the host: doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import completion, options
from provisioner.report.terminal.data import Output


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(doctor)


def doctor(
    lab: Annotated[
        str | None,
        typer.Argument(help="Look at what this lab needs.", autocompletion=completion.labs, metavar="[LAB]"),
    ] = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Say whether labs, or one of them, can run here, and what to do where they can't."""
    from provisioner.report.terminal import data, doctor_page
    from provisioner.verbs import doctor as verbs

    findings = verbs.doctor(connect, lab)
    data.emit(
        output,
        doctor_page.doctor_data(findings),
        names=[check.name for check in findings.checks if not check.good],
        table=lambda: doctor_page.doctor_page(findings),
    )
    if not findings.fit:
        raise typer.Exit(1)
