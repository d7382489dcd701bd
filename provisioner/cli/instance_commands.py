"""Verbs about running labs: up, plan, down, status, start, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import completion, options
from provisioner.language import msg
from provisioner.report.terminal.data import Output
from provisioner.verbs import Accel

if TYPE_CHECKING:
    from provisioner.verbs.up import Request

AsName = Annotated[
    str | None, typer.Option("--as", help="A name of its own, to run a lab twice.", metavar="NAME")
]
AccelOption = Annotated[Accel | None, typer.Option(help="What runs the guests; kept until down.")]
Add = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        help="Bring an optional guest up, too; kept until down.",
        autocompletion=completion.optional,
        metavar="GUEST",
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        help="Leave an optional guest out again.",
        autocompletion=completion.optional,
        metavar="GUEST",
    ),
]
Trust = Annotated[
    bool | None,
    typer.Option(
        "--trust/--no-trust",
        help="Let the guests reach this host's services and whatever it reaches.",
        show_default="only those of virtlab's own labs do",
    ),
]
Timeout = Annotated[
    float, typer.Option(min=0.1, help="How long a guest may take to answer.", metavar="SECONDS")
]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    for verb in (up, plan, down, status, start, stop):
        app.command()(verb)


def up(
    lab: options.Lab,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    timeout: Timeout = 120.0,
    accel: AccelOption = None,
    sets: options.Sets = None,
    add: Add = None,
    drop: Drop = None,
    trust: Trust = None,
    as_name: AsName = None,
    keep_on_failure: Annotated[
        bool, typer.Option("--keep-on-failure", help="Keep what was made when a guest does not come up.")
    ] = False,
    yes: options.Yes = False,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Bring a lab up, or make it again what its file says."""
    from provisioner.verbs.up import Request

    wishes = (accel, tuple(sets or ()), tuple(add or ()), tuple(drop or ()))
    request = Request(lab, as_name, *wishes, timeout, keep_on_failure, trust)
    if dry_run:
        _plan(request, connect, output)
    else:
        _up(request, connect, output, yes=yes)


def plan(
    lab: options.Lab,
    accel: AccelOption = None,
    sets: options.Sets = None,
    add: Add = None,
    drop: Drop = None,
    trust: Trust = None,
    as_name: AsName = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Say what up would do; the same as up --dry-run."""
    from provisioner.verbs.up import Request

    wishes = (accel, tuple(sets or ()), tuple(add or ()), tuple(drop or ()))
    request = Request(lab, as_name, *wishes, trust=trust)
    _plan(request, connect, output)


def _plan(request: Request, connect: str | None, output: Output) -> None:
    from provisioner.report.terminal import data
    from provisioner.report.terminal import up_page as report
    from provisioner.verbs import up as verbs

    planned = verbs.plan(request, connect)
    data.emit(
        output,
        report.plan_data(planned.prepared),
        names=report.plan_names(planned.prepared),
        table=lambda: report.plan_page(planned),
    )


def _up(request: Request, connect: str | None, output: Output, *, yes: bool) -> None:
    from provisioner.cli import ask, interrupt
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import up_page as report
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.verbs import up as verbs

    with Progress() as progress, interrupt.cancellable(progress.note) as cancelled:
        result = verbs.up(
            request,
            connect,
            progress,
            ask=ask.AtTerminal(yes=yes),
            show_changes=lambda changes: text.tell(report.changes_page(changes)),
            cancelled=cancelled,
        )
    data.emit(
        output,
        report.up_data(result),
        names=[f"{result.origin.instance}/{guest.name}" for guest in result.members],
        table=lambda: report.up_page(result),
    )


def down(
    lab: options.Instances = None,
    every: Annotated[bool, typer.Option("--all", help="All labs of yours that are up.")] = False,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Take labs away, and leave the host as it was."""
    from provisioner import errors
    from provisioner.cli import interrupt
    from provisioner.report.terminal import data
    from provisioner.report.terminal import power_page as report
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.verbs import down as verbs

    names = list(lab or ())
    with Progress() as progress, interrupt.cancellable(progress.note) as cancelled:
        result = verbs.down(names, connect, progress, every=every, cancelled=cancelled)
    # only now: the live lines have been drawn for the last time
    if output is not Output.TABLE or result.gone or result.not_up or not (names or result.problems):
        data.emit(
            output,
            report.down_data(result),
            names=result.gone,
            table=lambda: report.down_page(result),
        )
    errors.raise_all(result.problems, msg("not all labs went down"))


def status(
    lab: options.Instances = None,
    usage: Annotated[
        float | None,
        typer.Option(
            min=1, max=60, help="Measure for so long what each guest costs the host.", metavar="SECONDS"
        ),
    ] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the guests whether they still answer, and run.")
    ] = False,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Your labs that are up, and their guests. Asks no guest anything, unless told to."""
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import status_page as report
    from provisioner.verbs import status as verbs

    found = verbs.status(list(lab or ()), connect, text.tell, watch_seconds=usage, ask=ask)
    instances = report.status_data(found)
    data.emit(
        output, instances, names=report.status_names(instances), table=lambda: report.status_page(instances)
    )


def start(
    target: options.Target,
    timeout: Timeout = 120.0,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Start guests that were stopped, and those inside them."""
    from provisioner.cli import interrupt
    from provisioner.report.terminal import data
    from provisioner.report.terminal import power_page as report
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.verbs import start_stop as verbs

    with Progress() as progress, interrupt.cancellable(progress.note) as cancelled:
        meant = verbs.start(target, connect, progress, timeout=timeout, cancelled=cancelled)
    if output is not Output.TABLE:  # people have seen each guest become ready
        data.emit(output, report.guests_data(meant, "running"), names=meant.labels, table=str)


def stop(
    target: options.Target,
    timeout: Annotated[
        float,
        typer.Option(min=0, help="How long a guest may take before it is switched off.", metavar="SECONDS"),
    ] = 10.0,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Shut guests down; their disks stay, their memory does not."""
    from provisioner.cli import interrupt
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import power_page as report
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.verbs import start_stop as verbs

    with Progress() as progress, interrupt.cancellable(progress.note) as cancelled:
        stopped = verbs.stop(target, connect, progress, timeout=timeout, cancelled=cancelled)
    if output is not Output.TABLE:
        data.emit(output, report.guests_data(stopped.meant, "stopped"), names=stopped.meant.labels, table=str)
    if stopped.loses_files:
        text.tell(msg("A tiny guest keeps nothing but its disks: its files were in memory, and are gone."))
    text.tell(text.next_step(f"{{virtlab}} start {target}"))
