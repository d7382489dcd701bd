"""The verb that shows guests side by side: compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options
from provisioner.language import msg
from provisioner.report.terminal.data import Output

if TYPE_CHECKING:
    from provisioner.verbs import Language
    from provisioner.verbs.compare import Comparison, Definitions, Stacks


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(compare)


def compare(
    lab: options.RunningLab,
    every: Annotated[bool, typer.Option("--all", help="Show what is the same in all guests, too.")] = False,
    xml: Annotated[
        bool, typer.Option("--xml", help="Show what differs between the definitions, and what it means.")
    ] = False,
    stack: Annotated[
        bool,
        typer.Option("--stack", help="Draw the stack below each guest, and a disk read's way through it."),
    ] = False,
    svg: Annotated[
        bool, typer.Option("--svg", help="Draw the stack as an SVG file, on standard output.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="How long the guests may take.", metavar="SECONDS")
    ] = 30.0,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Show what is different between a lab's guests, as they see it themselves."""
    from provisioner import errors
    from provisioner.report.terminal import text
    from provisioner.verbs import compare as verbs

    if xml and (stack or svg):
        raise errors.InputError(
            msg("--xml and --stack are two different pages"), hint=msg("ask for one of them")
        )
    if xml:
        _show_definitions(verbs.definitions(lab, connect), lang, output)
    elif stack or svg:
        _show_stacks(verbs.stacks(lab, connect, timeout=timeout), lang, output, svg=svg)
    else:
        result = verbs.compare(lab, connect, timeout=timeout)
        if isinstance(result, verbs.Definitions):
            text.tell(msg("no guest of it has an agent to ask: this is what their definitions say"))
            _show_definitions(result, lang, output)
        else:
            _show_comparison(result, lang, output, every=every)


def _show_comparison(result: Comparison, lang: Language | None, output: Output, *, every: bool) -> None:
    from provisioner import errors
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import compare_page as report
    from provisioner.report.terminal import data
    from provisioner.verbs import kept

    compared = result.compared
    data.emit(
        output,
        kept.comparison_data(compared),
        names=[f"{compared.instance}/{one.guest}" for one in compared.inside if one.facts],
        table=lambda: report.compare_page(compared, preferred(lang), everything=every, intro=result.concept),
    )
    errors.raise_all(result.problems, msg("not every guest told its facts"))


def _show_definitions(result: Definitions, lang: Language | None, output: Output) -> None:
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import definitions_page as report

    differences = result.differences
    data.emit(
        output,
        report.definitions_data(differences),
        names=[difference.at for difference in differences],
        table=lambda: report.definitions_page(differences, result.guests, preferred(lang)),
    )


def _show_stacks(result: Stacks, lang: Language | None, output: Output, *, svg: bool) -> None:
    from provisioner import errors
    from provisioner.report.html import lab_html, stack_svg
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import stack_page as report

    if svg:
        lab_html.show(stack_svg.document(result.stacks, preferred(lang)))
    else:
        data.emit(
            output,
            report.stacks_data(result.stacks),
            names=[f"{result.instance}/{stack.guest}" for stack in result.stacks],
            table=lambda: report.drawn(result.stacks, preferred(lang)),
        )
    errors.raise_all(result.problems, msg("not every guest told its facts"))
