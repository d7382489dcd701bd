"""Verbs about lab files: list, show, copy, validate, schema, render, prepare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import completion, options
from provisioner.language import joined, msg
from provisioner.report.terminal.data import Output
from provisioner.verbs import Accel


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command("list")(list_labs)
    for verb in (show, copy, validate, schema, render, prepare):
        app.command()(verb)


def list_labs(output: options.OutputOption = Output.TABLE) -> None:
    """The labs that come with virtlab."""
    from provisioner.report.terminal import data
    from provisioner.report.terminal import labs_page as report
    from provisioner.verbs import catalogue as verbs

    entries = verbs.labs()
    data.emit(
        output,
        report.catalog_data(entries),
        names=[entry.name for entry in entries],
        table=lambda: report.catalog_table(entries),
    )


def show(lab: options.Lab, output: options.OutputOption = Output.TABLE) -> None:
    """What a lab is: its guests, their hardware, its networks."""
    from provisioner.report.terminal import data
    from provisioner.report.terminal import labs_page as report
    from provisioner.verbs import authoring as verbs

    shown = verbs.show(lab)
    data.emit(
        output,
        report.lab_data(shown),
        names=[guest.name for guest in shown.guests],
        table=lambda: report.lab_page(shown, lab),
    )


def copy(
    lab: options.Lab,
    folder: Annotated[
        Path, typer.Argument(help="A folder that is not there yet, or is empty.", metavar="FOLDER")
    ],
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Your own copy of a lab, to edit."""
    from shlex import quote

    from provisioner.report.terminal import data, text
    from provisioner.verbs import authoring as verbs

    copied = verbs.copy(lab, folder)
    data.emit(
        output,
        {"file": str(copied.file), "name": copied.name},
        names=[str(copied.file)],
        table=lambda: msg("copied to {copied}", copied=copied.file),
    )
    if copied.name and copied.name == copied.original:
        text.tell(
            msg(
                "its name is still {name}: if the lab of that name is up, up changes that one; for another "
                "name, edit the file or add --as NAME",
                name=copied.name,
            )
        )
    elif copied.name and copied.name != folder.absolute().name:
        text.tell(msg("its name is {name}: a lab can't be called like that folder", name=copied.name))
    again = f"{{virtlab}} up {quote(verbs.typed(folder))}"
    text.tell(text.next_step(msg("edit {file}, then {again}", file=quote(str(copied.file)), again=again)))


def validate(
    lab: Annotated[
        list[str],
        typer.Argument(
            help="Labs: names, folders or files.", autocompletion=completion.labs, metavar="LAB..."
        ),
    ],
    sets: options.Sets = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Say everything that is wrong with lab files and their lessons, with the places."""
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import labs_page as report
    from provisioner.verbs import authoring as verbs

    validated = verbs.validate(lab, sets or ())
    for each in validated:
        for error in each.wrong:
            text.problem(error)
    for each in validated:
        if each.not_built:
            text.tell(text.told(report.not_built_note(each)))
        if each.no_guide:
            text.tell(report.no_guide_note(each))
    good = [each.good for each in validated if each.good is not None]
    if good or output is not Output.TABLE:
        data.emit(
            output,
            report.validated_data(validated),
            names=[each.name for each in good],
            table=lambda: report.good_page(good),
        )
    if len(good) < len(lab):
        raise typer.Exit(2)


def schema(
    lesson: Annotated[bool, typer.Option("--lesson", help="The schema of lesson.yaml instead.")] = False,
) -> None:
    """The JSON Schema of a lab file, for editors."""
    import json

    from provisioner.report.terminal import text
    from provisioner.verbs import authoring as verbs

    text.say(json.dumps(verbs.schema(of_lesson=lesson), indent=2, ensure_ascii=False))


def render(
    lab: Annotated[
        str,
        typer.Argument(help="LAB or LAB/GUEST.", autocompletion=completion.parts, metavar="LAB[/GUEST]"),
    ],
    connect: options.Connect = None,
    accel: Annotated[Accel | None, typer.Option(help="What runs the guests.")] = None,
    sets: options.Sets = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """The XML that libvirt would be given."""
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import labs_page as report
    from provisioner.verbs import authoring as verbs

    documents = verbs.render(lab, connect, accel=accel, sets=sets or ())
    if output is Output.TABLE:
        text.say(report.rendered_page(documents))  # as it is: a line of XML is not to be broken
        return
    data.emit(output, report.rendered_data(documents), names=list(documents), table=str)


def prepare(
    lab: Annotated[
        list[str] | None,
        typer.Argument(
            help="The labs whose images are made.", autocompletion=completion.labs, metavar="[LAB]..."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="For all labs that come with virtlab.")] = False,
    refresh: Annotated[bool, typer.Option(help="Look for newer packages, and build anew with them.")] = False,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Build and upload the images of labs ahead of time."""
    from shlex import quote

    from provisioner.report.terminal import data, text
    from provisioner.report.terminal.live_progress import Progress
    from provisioner.verbs import prepare as verbs

    with Progress() as progress:
        ready = verbs.prepare(lab or (), connect, progress, every=every, refresh=refresh)
    data.emit(
        output,
        [{"image": image.image, "digest": image.digest} for image in ready.images],
        names=[image.image for image in ready.images],
        table=lambda: joined(
            "\n", (msg("image {name} {digest}: ready", name=i.image, digest=i.digest) for i in ready.images)
        ),
    )
    text.tell(text.next_step(f"{{virtlab}} up {quote(ready.targets[0])}"))
