"""The verb that makes a page to look at: report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import completion, options
from provisioner.language import msg

if TYPE_CHECKING:
    from provisioner.verbs import Language


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(report)


def report(
    lab: Annotated[
        str | None,
        typer.Argument(
            help="A lab that is up, by its name, or the folder or file that it came from.",
            autocompletion=completion.instances,
            metavar="[LAB]",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="One page of all labs, from their saved results; no guest is asked.")
    ] = False,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            "-O",
            help="The file to write; by default report.html or course.html. - is standard output.",
            metavar="FILE",
        ),
    ] = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
) -> None:
    """Make one HTML page of a lab, or of all: what it shows, what was compared, checked and measured."""
    from pathlib import Path

    from provisioner import errors
    from provisioner.report.html import lab_html
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import text

    if lab is not None and every:
        raise errors.InputError(
            msg("name a lab, or say --all"), hint=msg("for all of them: {virtlab} report --all")
        )
    if lab is None and not every:
        raise errors.InputError(
            msg("a page of what?"), hint=msg("{virtlab} report LAB, or {virtlab} report --all")
        )
    file = file or ("course.html" if every else "report.html")
    if file != "-":
        lab_html.may_write(Path(file))
    document = _of_all(preferred(lang)) if lab is None else _of_one(lab, connect, preferred(lang))
    if file == "-":
        lab_html.show(document)
        return
    lab_html.write(document, Path(file))
    place = Path(file).resolve()
    text.say(msg("written: {place}", place=place))
    text.tell(msg("open it in a browser: {place}", place=place.as_uri()))


def _of_one(lab: str, connect: str | None, language: Language) -> str:
    from provisioner.report.html import lab_html
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.verbs import page as verbs

    with Progress() as progress:
        collected = verbs.report(lab, connect, progress)
    return lab_html.html(collected, language)


def _of_all(language: Language) -> str:
    from provisioner.report.html import course_html
    from provisioner.verbs import course as verbs

    return course_html.html(verbs.report_all(), language)
