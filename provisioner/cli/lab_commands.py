"""Verbs about lab files: list, show, copy, validate, schema, render, prepare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provisioner.cli import completion, options
from provisioner.model.enums import Accel
from provisioner.report.terminal.data import Output

if TYPE_CHECKING:
    from provisioner.model.lab import Lab


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command("list")(list_labs)
    for verb in (show, copy, validate, schema, render, prepare):
        app.command()(verb)


def list_labs(output: options.OutputOption = Output.TABLE) -> None:
    """The labs that come with virtlab."""
    from provisioner import paths
    from provisioner.labfile import catalog
    from provisioner.model.lab import to_data
    from provisioner.report.terminal import data, labs_page

    entries = catalog.entries(paths.labs_dir())
    data.emit(
        output,
        [{"name": e.name, "title": to_data(e.title), "part": e.part, "file": str(e.file)} for e in entries],
        names=[e.name for e in entries],
        table=lambda: labs_page.catalog_table(entries),
    )


def show(lab: options.Lab, output: options.OutputOption = Output.TABLE) -> None:
    """What a lab is: its guests, their hardware, its networks."""
    from provisioner.lifecycle import lab_files
    from provisioner.model.lab import to_data
    from provisioner.report.terminal import data
    from provisioner.report.terminal import labs_page as pictures

    loaded = lab_files.load(*lab_files.locate(lab))
    shown = {
        key: to_data(getattr(loaded, key)) for key in ("name", "title", "description", "networks", "guests")
    }
    data.emit(
        output,
        {**shown, "file": str(loaded.file)},
        names=[guest.name for guest in loaded.guests],
        table=lambda: pictures.lab_page(loaded, lab),
    )


def copy(
    lab: options.Lab,
    folder: Annotated[
        Path, typer.Argument(help="A folder that is not there yet, or is empty.", metavar="FOLDER")
    ],
) -> None:
    """Your own copy of a lab, to edit."""
    from shlex import quote

    from provisioner.labfile.copy import copy_lab
    from provisioner.lifecycle import lab_files
    from provisioner.report.terminal import text

    file, _ = lab_files.locate(lab)
    copied = copy_lab(file.parent, folder)
    text.say(f"copied to {copied}")
    text.tell(text.spelled(f"next: edit {copied}, then {{virtlab}} up {quote(str(folder))}"))


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
    """Say everything that is wrong with lab files and their lessons, with its place."""
    from provisioner import errors
    from provisioner.labfile import lesson
    from provisioner.lifecycle import lab_files
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import labs_page as pictures

    good: list[Lab] = []
    verdicts: list[dict[str, Any]] = []
    for target in lab:
        try:
            loaded = lab_files.load(*lab_files.locate(target), tuple(sets or ()))
            lesson.load(loaded)
        except errors.InputError as error:
            text.problem(error)
            verdicts.append({"given": target, "good": False, "problems": error.message.splitlines()})
        else:
            good.append(loaded)
            verdicts.append({"given": target, "good": True, "problems": []})
    if good or output is not Output.TABLE:
        names = [each.name for each in good]
        data.emit(output, verdicts, names=names, table=lambda: pictures.good_page(good))
    if len(good) < len(lab):
        raise typer.Exit(2)


def schema(
    lesson: Annotated[bool, typer.Option("--lesson", help="Of lesson.yaml, which lies beside it.")] = False,
) -> None:
    """The JSON Schema of a lab file, for editors."""
    import json

    from provisioner.labfile.schema import json_schema, lesson_schema
    from provisioner.report.terminal import text

    text.say(json.dumps(lesson_schema() if lesson else json_schema(), indent=2, ensure_ascii=False))


def render(
    lab: Annotated[
        str,
        typer.Argument(help="LAB or LAB/GUEST.", autocompletion=completion.labs, metavar="LAB[/GUEST]"),
    ],
    connect: options.Connect = None,
    accel: Annotated[Accel | None, typer.Option(help="What runs the guests.")] = None,
    sets: options.Sets = None,
) -> None:
    """The XML that libvirt would be given."""
    from provisioner.host.local_host import LocalHost, UnknownHost
    from provisioner.hypervisor import connection
    from provisioner.lifecycle import preview
    from provisioner.report.terminal import text

    choice = connection.choose(connect)
    documents = preview.documents(
        lab,
        choice=choice,
        host=LocalHost() if choice.is_local else UnknownHost(),
        accel_flag=accel,
        sets=tuple(sets or ()),
    )
    for name, document in documents.items():
        if len(documents) > 1:
            text.say(f"<!-- {name} -->")
        text.say(document.rstrip())


def prepare(
    lab: Annotated[
        list[str] | None,
        typer.Argument(
            help="Labs; their images are made.", autocompletion=completion.labs, metavar="[LAB]..."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="For all labs that come with virtlab.")] = False,
    refresh: Annotated[bool, typer.Option(help="Look for newer packages, and build anew with them.")] = False,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Build and upload the images of labs ahead of time."""
    from shlex import quote

    from provisioner import errors, paths
    from provisioner.backends.session import opened
    from provisioner.hypervisor import connection
    from provisioner.labfile import catalog
    from provisioner.lifecycle import image_upload, lab_files
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal.live_progress import Progress

    if lab and every:
        raise errors.InputError("name labs, or say --all", hint="{virtlab} prepare --all takes all of them")
    targets = catalog.names(paths.labs_dir()) if every else list(lab or ())
    if not targets:
        raise errors.InputError("prepare what?", hint="{virtlab} prepare LAB, or {virtlab} prepare --all")
    wanted = lab_files.images_of([lab_files.load(*lab_files.locate(target)) for target in targets])
    with opened(connection.choose(connect)) as session, Progress() as progress:
        text.tell(f"connection: {session.choice.uri} ({session.choice.why})")
        store = image_upload.Images(session, image_upload.open_pool(session), progress)
        ready = [store.prepare(name, refresh=refresh) for name in wanted]
    sets = [image.set for image in ready]
    data.emit(
        output,
        [{"image": each.image, "digest": each.digest} for each in sets],
        names=[each.image for each in sets],
        table=lambda: "\n".join(f"image {each.image} {each.digest}: ready" for each in sets),
    )
    text.tell(text.spelled(f"next: {{virtlab}} up {quote(targets[0])}"))
