"""Verbs about what is kept of a person's work: progress, forget."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import completion, options
from provisioner.language import msg
from provisioner.report.terminal.data import Output


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    for verb in (progress, forget):
        app.command()(verb)


def progress(
    lab: Annotated[
        str | None,
        typer.Argument(
            help="A lab's name, its folder or its file, or a name that results are kept under.",
            autocompletion=completion.kept,
            metavar="[LAB]",
        ),
    ] = None,
    lang: options.Lang = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """How far you are: exercises passed, hints told, results kept; of all labs, or of one."""
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import progress_page as report
    from provisioner.verbs import own_work as verbs

    found = verbs.all_work() if lab is None else [verbs.work(lab)]
    language = preferred(lang)
    data.emit(
        output,
        report.work_data(found),
        names=[work.target for work in found],
        table=lambda: (
            report.all_page(found, language) if lab is None else report.one_page(found[0], language)
        ),
    )


def forget(
    lab: Annotated[
        list[str] | None,
        typer.Argument(
            help="Labs, or names that results are kept under.",
            autocompletion=completion.kept,
            metavar="[LAB]...",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Of all labs.")] = False,
    only_progress: Annotated[
        bool, typer.Option("--progress", help="Only the progress in exercises, and hints.")
    ] = False,
    only_results: Annotated[
        bool, typer.Option("--results", help="Only the results of compare, check and bench.")
    ] = False,
    step: Annotated[
        int | None, typer.Option("--step", min=1, help="Only the progress in one exercise.", metavar="N")
    ] = None,
    yes: options.Yes = False,
    lang: options.Lang = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Begin labs anew: forget your progress in their exercises, and their results. No lab is taken down."""
    from shlex import quote

    from provisioner import errors
    from provisioner.cli import ask
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import progress_page as report
    from provisioner.verbs import own_work as verbs

    names = list(lab or ())
    if bool(names) == every:
        raise errors.InputError(
            msg("name labs, or say --all") if names else msg("forget what?"),
            hint=msg("{virtlab} forget LAB, or {virtlab} forget --all; see what is kept: {virtlab} progress"),
        )
    if step is not None and (every or len(names) > 1):
        raise errors.InputError(
            msg("an exercise of which lab?"), hint=f"{{virtlab}} forget LAB --step {step}"
        )
    if step is not None and only_results:
        raise errors.InputError(
            msg("an exercise has progress, and no results"),
            hint=f"{{virtlab}} forget {quote(names[0])} --step {step}",
        )
    lost = verbs.forget(
        names,
        ask.AtTerminal(yes=yes),
        every=every,
        progress=only_progress or not only_results,
        kept_results=only_results or not only_progress,
        step=step,
    )
    data.emit(
        output,
        report.forgotten_data(lost),
        names=[*lost.lessons, *(run.instance for run in lost.runs)],
        table=lambda: report.forgotten_page(lost, preferred(lang)),
    )
