"""The verb that measures: bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options
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
        Path | None, typer.Option(help="Say what moved since a result of --save.", metavar="FILE")
    ] = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Measure the guests of a lab against each other, on throw-away twins; yours are paused meanwhile."""
    import threading

    from provisioner import errors
    from provisioner.cli import ask
    from provisioner.lifecycle import running
    from provisioner.measure import benchmark as engine
    from provisioner.measure.baseline import compared
    from provisioner.model.plain import to_data
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import bench_page as report
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.store import results

    if save is not None:
        results.may_save(save)
    earlier = results.bench_in(against) if against is not None else None
    cancelled = threading.Event()
    with ask.terminable(), running.found(connect, lab) as (session, instance, guests), Progress() as progress:
        found = engine.run(session, instance, guests, progress, quick=quick, cancelled=cancelled)
    try:
        results.save("bench", instance.name, guests[0].metadata.origin.source, to_data(found))
    except errors.VirtlabError as error:  # what was measured is shown all the same
        text.problem(error)
    if save is not None:
        results.save_bench(save, found)
        text.tell(f"saved in {save}")
    moved = compared(earlier, found) if earlier is not None else None
    plain = to_data(found) | ({"against": to_data(moved)} if moved else {})
    language = preferred(lang)
    data.emit(
        output,
        plain,
        names=[outcome.workload for outcome in found.outcomes],
        table=lambda: "\n\n".join(
            [report.page(found, language), *([report.against_page(moved, language)] if moved else [])]
        ),
    )
