"""The verb that measures: bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options
from provisioner.language import msg
from provisioner.report.terminal.data import Output


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(bench)


def bench(
    lab: options.RunningLab,
    quick: Annotated[
        bool, typer.Option("--quick", help="Network, register accesses and the control, in about a minute.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="Write the result to a file, for --against.", metavar="FILE")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Say what changed since a result of --save.", metavar="FILE")
    ] = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Measure the guests of a lab against each other, on throw-away clones. Your guests are paused
    meanwhile."""
    from provisioner.cli import interrupt
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import bench_page as report
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.verbs import bench as verbs

    with Progress() as progress, interrupt.cancellable(progress.note) as cancelled:
        result = verbs.bench(
            lab, connect, progress, quick=quick, save=save, against=against, cancelled=cancelled
        )
    if result.not_kept is not None:  # what was measured is shown all the same
        text.problem(result.not_kept)
    if save is not None and result.not_saved is None:
        text.tell(msg("saved in {file}", file=save))
    language = preferred(lang)
    data.emit(
        output,
        report.bench_data(result),
        names=[outcome.workload for outcome in result.bench.outcomes],
        table=lambda: report.measured_page(result, language),
    )
    if problem := result.not_saved or result.unreached:
        raise problem
