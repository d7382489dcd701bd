"""Verbs about running labs: up, plan, down, status, start, stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import completion, options
from provisioner.model.enums import Accel
from provisioner.report.terminal.data import Output

if TYPE_CHECKING:
    from provisioner.backends.session import Session
    from provisioner.lifecycle.up import Prepared, Request
    from provisioner.model.observed import Observed
    from provisioner.observe.usage import Usage

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
    as_name: AsName = None,
    keep_on_failure: Annotated[
        bool, typer.Option("--keep-on-failure", help="Leave what was made where a guest does not come up.")
    ] = False,
    yes: options.Yes = False,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Bring a lab up, or make it again what its file says."""
    from provisioner.lifecycle.up import Request

    request = Request(
        lab, as_name, accel, tuple(sets or ()), tuple(add or ()), tuple(drop or ()), timeout, keep_on_failure
    )
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
    as_name: AsName = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Say what up would do; the same as up --dry-run."""
    from provisioner.lifecycle.up import Request

    request = Request(lab, as_name, accel, tuple(sets or ()), tuple(add or ()), tuple(drop or ()))
    _plan(request, connect, output)


def _plan(request: Request, connect: str | None, output: Output) -> None:
    from provisioner.backends.session import opened
    from provisioner.hypervisor import connection
    from provisioner.lifecycle import up as engine
    from provisioner.report.terminal import data
    from provisioner.report.terminal import up_page as report

    with opened(connection.choose(connect)) as session:
        prepared = engine.prepare(session, request, engine.locate(session, request))
        data.emit(
            output,
            report.plan_data(prepared),
            names=[s.name for s in (*prepared.plan.networks, *prepared.plan.guests) if s.changes_something],
            table=lambda: report.plan_page(prepared, session.choice),
        )


def _up(request: Request, connect: str | None, output: Output, *, yes: bool) -> None:
    import threading

    from provisioner.backends.session import opened
    from provisioner.cli import ask
    from provisioner.host import lock
    from provisioner.hypervisor import connection
    from provisioner.lifecycle import up as engine
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import up_page as report
    from provisioner.report.terminal.live_progress import Progress

    cancelled = threading.Event()
    with (
        ask.terminable(),
        opened(connection.choose(connect), with_events=True) as session,
        Progress() as progress,
    ):
        target = engine.locate(session, request)
        text.tell(f"connection: {session.choice.uri} ({session.choice.why})")
        with lock.held(session.lock_name(target.instance.name), progress, timeout=lock.LONG):
            prepared = engine.prepare(session, request, target)
            _confirm(prepared, yes=yes)
            result = engine.execute(session, prepared, progress, cancelled)
    data.emit(
        output,
        report.up_data(result),
        names=[f"{result.origin.instance}/{guest.name}" for guest in result.members],
        table=lambda: report.up_page(result),
    )


def _confirm(prepared: Prepared, *, yes: bool) -> None:
    from provisioner.cli import ask
    from provisioner.report.terminal import text
    from provisioner.report.terminal import up_page as report

    if not prepared.is_new and prepared.plan.changes_something:
        text.tell(report.changes_page(prepared.plan))
    if not prepared.plan.losses:
        return
    names = ", ".join(step.name for step in prepared.plan.losses)
    ask.agreed("Go on?", yes=yes, why=f"{names}: what is lost does not come back")


def down(
    lab: options.Instances = None,
    every: Annotated[bool, typer.Option("--all", help="All labs of yours that are up.")] = False,
    connect: options.Connect = None,
) -> None:
    """Take labs away, and leave the host as it was."""
    from provisioner import errors
    from provisioner.backends.session import everywhere
    from provisioner.host import lock
    from provisioner.lifecycle import remove
    from provisioner.report.terminal import text
    from provisioner.report.terminal.live_progress import Progress

    if lab and every:
        raise errors.InputError("name labs, or say --all", hint="{virtlab} down --all takes all of them away")
    gone: list[str] = []
    problems: list[errors.VirtlabError] = []
    with everywhere(connect, tell=text.tell) as sessions, Progress() as progress:
        chosen = remove.chosen(sessions, list(lab or ()), every=every)
        for session, instance in chosen:
            try:
                with lock.held(session.lock_name(instance.name), progress, timeout=lock.LONG):
                    remove.take_down(session, instance, progress)
            except errors.VirtlabError as error:
                problems.append(error)
            else:
                gone.append(instance.name)
    # only now: the live lines have been drawn for the last time
    for name in gone:
        text.say(f"{name}: down")
    for name in sorted(set(lab or ()) - {instance.name for _, instance in chosen}):
        text.say(f"{name}: not up")
    if not chosen and not lab:
        text.say("nothing is up")
    errors.raise_all(problems, "not all labs went down")


def status(
    lab: options.Instances = None,
    usage: Annotated[
        float | None,
        typer.Option(
            min=1, max=60, help="Watch for so long what each guest costs the host.", metavar="SECONDS"
        ),
    ] = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Your labs that are up, and their guests. Asks no guest anything."""
    from provisioner import errors
    from provisioner.backends.session import everywhere
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import status_page as report

    with everywhere(connect, tell=text.tell) as sessions:
        looks = [(session, session.look()) for session in sessions]
        used = _watched(looks, usage)
        shown = [report.status_data(session.choice, observed, used) for session, observed in looks]
    present = [entry for entries in shown for entry in entries]
    up = sorted({entry["instance"] for entry in present})
    unknown = sorted(set(lab or ()) - set(up))
    if unknown:
        raise errors.NotFound(
            f"no lab {', '.join(map(repr, unknown))} of yours is up",
            hint=f"what is up: {', '.join(up)}" if up else "nothing is up: {virtlab} up LAB",
        )
    found = [entry for entry in present if not lab or entry["instance"] in lab]
    data.emit(
        output,
        found,
        names=[
            f"{entry['instance']}/{name}"
            for entry in found
            for guest in entry["guests"]
            for name in (guest["name"], *(inner["name"] for inner in guest["inner"]))
        ],
        table=lambda: report.status_page(found),
    )


def _watched(looks: Sequence[tuple[Session, Observed]], seconds: float | None) -> dict[str, Usage]:
    if seconds is None:
        return {}
    from provisioner.observe import usage

    return usage.watch(looks, seconds)


def start(
    target: options.Target,
    timeout: Timeout = 120.0,
    connect: options.Connect = None,
) -> None:
    """Start guests that were stopped, and those inside them."""
    _power(target, connect, timeout, starting=True)


def stop(
    target: options.Target,
    timeout: Annotated[
        float, typer.Option(min=0, help="How long until it is switched off instead.", metavar="SECONDS")
    ] = 10.0,
    connect: options.Connect = None,
) -> None:
    """Shut guests down; their disks stay, their memory does not."""
    _power(target, connect, timeout, starting=False)


def _power(target: str, connect: str | None, timeout: float, *, starting: bool) -> None:
    from provisioner.backends.session import found
    from provisioner.host import lock
    from provisioner.lifecycle import power
    from provisioner.model.observed import ObservedInner
    from provisioner.report.terminal import text
    from provisioner.report.terminal.live_progress import Progress

    name, _, guest = target.partition("/")
    with (
        found(connect, name) as (session, instance),
        Progress() as progress,
        lock.held(session.lock_name(instance.name), progress, timeout=lock.LONG),
    ):
        guests = power.chosen(session, instance, guest or None)
        if starting:
            power.start(session, guests, progress, timeout=timeout)
        else:
            power.stop(session, guests, progress, timeout=timeout)
    if not starting:
        kept = "A tiny guest keeps nothing but its disks: its files were in memory, and are gone. "
        inside = any(isinstance(each, ObservedInner) for each in guests)
        text.tell(text.spelled(f"{'' if inside else kept}next: {{virtlab}} start {target}"))
