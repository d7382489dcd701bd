"""Verbs about the host: doctor."""

from __future__ import annotations

import typer

from provisioner.cli import options
from provisioner.report.terminal.data import Output


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(doctor)


def doctor(connect: options.Connect = None, output: options.OutputOption = Output.TABLE) -> None:
    """Say whether labs can run here, and what to do where they can't."""
    from provisioner.report.terminal import data, doctor_page
    from provisioner.verbs import doctor as verbs

    findings = verbs.doctor(connect)
    data.emit(
        output,
        doctor_page.doctor_data(findings),
        names=[check.name for check in findings.checks if not check.good],
        table=lambda: doctor_page.doctor_page(findings),
    )
    if not findings.fit:
        raise typer.Exit(1)
