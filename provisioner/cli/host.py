"""Verbs about the host: doctor."""

from __future__ import annotations

import typer

from provisioner.cli import options
from provisioner.report.data import Output


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(doctor)


def doctor(connect: options.Connect = None, output: options.OutputOption = Output.TABLE) -> None:
    """Say whether labs can run here, and what to mend."""
    from provisioner.engine import doctor as engine
    from provisioner.report import data, host

    findings = engine.examine(connect)
    data.emit(
        output,
        host.doctor_data(findings),
        names=[check.name for check in findings.checks if not check.good],
        table=lambda: host.doctor_page(findings),
    )
    if not findings.fit:
        raise typer.Exit(1)
