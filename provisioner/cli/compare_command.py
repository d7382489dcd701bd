"""Verbs that show guests beside each other: compare."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import options
from provisioner.language import Language
from provisioner.report.terminal.data import Output


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
        bool, typer.Option("--stack", help="Draw the stack under each guest, and the way of a disk read.")
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
    from provisioner.backends.prompts import is_asked_there
    from provisioner.errors import InputError
    from provisioner.language import said
    from provisioner.lifecycle.running import found
    from provisioner.observe import beside as engine
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import compare_page as report
    from provisioner.report.terminal import data, text

    if xml and (stack or svg):
        raise InputError("--xml and --stack are two different pages", hint="ask for one of them")
    if xml:
        _definitions(lab, lang, connect, output)
        return
    if stack or svg:
        _stacks(lab, timeout, lang, connect, output, svg=svg)
        return
    with found(connect, lab) as (session, instance, domains):
        nobody_tells = all(map(is_asked_there, domains))
        if not nobody_tells:
            result = engine.look(session, instance, domains, timeout=timeout)
    if nobody_tells:
        text.tell("no guest of it has an agent to ask: this is what their definitions say")
        _definitions(lab, lang, connect, output)
        return
    everything = report.compare_data(result)
    engine.keep(result, everything)

    def table() -> str:
        language = preferred(lang)
        intro = said(engine.concept(domains), language)
        return report.compare_page(result, language, everything=every, intro=intro)

    data.emit(
        output,
        everything,
        names=[f"{instance.name}/{one.guest}" for one in result.gathered if one.facts],
        table=table,
    )
    engine.complain(result, domains)


def _definitions(lab: str, lang: Language | None, connect: str | None, output: Output) -> None:
    from provisioner.lifecycle.running import found
    from provisioner.model.observed import ObservedDomain
    from provisioner.observe import definitions as engine
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import definitions_page as report

    with found(connect, lab) as (session, instance, domains):
        differences = engine.compared(session, instance, domains)
    guests = [domain.guest for domain in domains if isinstance(domain, ObservedDomain)]
    data.emit(
        output,
        report.definitions_data(differences),
        names=[difference.at for difference in differences],
        table=lambda: report.definitions_page(differences, guests, preferred(lang)),
    )


def _stacks(
    lab: str, timeout: float, lang: Language | None, connect: str | None, output: Output, *, svg: bool
) -> None:
    from provisioner.lifecycle.running import found
    from provisioner.observe import beside as engine
    from provisioner.observe.stack_pictures import stacks
    from provisioner.report.html import lab_html, stack_svg
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import stack_page as report

    with found(connect, lab) as (session, instance, domains):
        result = engine.look(session, instance, domains, timeout=timeout)
        pictured = stacks(session, result.gathered)
    if svg:
        lab_html.show(stack_svg.document(pictured, preferred(lang)))
    else:
        data.emit(
            output,
            report.stacks_data(pictured),
            names=[f"{instance.name}/{stack.guest}" for stack in pictured],
            table=lambda: report.drawn(pictured, preferred(lang)),
        )
    engine.complain(result, domains)
