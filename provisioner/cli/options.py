"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import completion
from provisioner.report.preferred_language import speak
from provisioner.report.terminal.data import Output
from provisioner.verbs import Language

Lab = Annotated[
    str,
    typer.Argument(
        help="A lab's name, its folder, or its file.", autocompletion=completion.labs, metavar="LAB"
    ),
]
LessonLab = Annotated[
    str,
    typer.Argument(
        help="A lab's name, its folder or its file, or the name that it is up under.",
        autocompletion=completion.lessons,
        metavar="LAB",
    ),
]
Instances = Annotated[
    list[str] | None,
    typer.Argument(help="Labs that are up.", autocompletion=completion.instances, metavar="[LAB]..."),
]
RunningLab = Annotated[
    str,
    typer.Argument(
        help="A lab that is up, by its name, or the folder or file that it came from.",
        autocompletion=completion.instances,
        metavar="LAB",
    ),
]
Target = Annotated[
    str,
    typer.Argument(help="LAB or LAB/GUEST.", autocompletion=completion.targets, metavar="LAB[/GUEST]"),
]
Guest = Annotated[
    str,
    typer.Argument(help="LAB/GUEST.", autocompletion=completion.guests, metavar="LAB/GUEST"),
]
Connect = Annotated[
    str | None,
    typer.Option("--connect", "-c", help="The libvirt URI; by default virtlab chooses one.", metavar="URI"),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="The form of the answer.")]
Lang = Annotated[
    Language | None,
    typer.Option("--lang", callback=speak, help="The language; by default that of the locale."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to all questions.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change a value of the lab file, such as full.memory=256MiB.",
        metavar="KEY=VALUE",
    ),
]
