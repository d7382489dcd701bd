"""Verbs of lessons: check, hint, solve, guide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import completion, options
from provisioner.language import msg
from provisioner.report.terminal.data import Output

if TYPE_CHECKING:
    from provisioner.verbs import Language

Step = Annotated[
    int | None,
    typer.Option("--step", min=1, help="The exercise; by default the first that is not passed.", metavar="N"),
]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    for verb in (check, hint, solve, guide):
        app.command()(verb)


def check(
    lab: options.RunningLab,
    step: Annotated[
        int | None, typer.Option("--step", min=1, help="Check an exercise, by its number.", metavar="N")
    ] = None,
    answer: Annotated[
        str | None, typer.Option("--answer", help="What you found out in that exercise.", metavar="TEXT")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="How long a command in a guest, and what it tells of itself, may take.",
            metavar="SECONDS",
            show_default="60 and 30; more where a guest was slow before",
        ),
    ] = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Check whether the guests show what the lab says. Exit 1 where that is not proved."""
    from shlex import quote

    from provisioner import errors
    from provisioner.report.preferred_language import preferred

    if answer is not None and step is None:
        raise errors.InputError(
            msg("an answer to which exercise?"),
            hint=f"{{virtlab}} check {quote(lab)} --step 1 --answer {quote(answer)}",
        )
    good = (
        _check_all(lab, timeout, preferred(lang), connect, output)
        if step is None
        else _check_step(lab, step, answer, timeout, preferred(lang), connect, output)
    )
    if not good:
        raise typer.Exit(1)


def _check_all(
    lab: str, timeout: float | None, language: Language, connect: str | None, output: Output
) -> bool:
    from provisioner.report.terminal import check_page as report
    from provisioner.report.terminal import data, text
    from provisioner.verbs import check as verbs

    result = verbs.check(lab, connect, timeout=timeout)
    if result.not_kept is not None:
        text.problem(result.not_kept)
    checked = result.checked
    data.emit(
        output,
        report.check_data(checked),
        names=report.failed_names(checked),
        table=lambda: report.check_page(checked, language),
    )
    if told := report.next_page(checked):
        text.tell(told)
    return checked.good


def _check_step(
    lab: str,
    number: int,
    answer: str | None,
    timeout: float | None,
    language: Language,
    connect: str | None,
    output: Output,
) -> bool:
    from provisioner.report.terminal import check_page, data, text
    from provisioner.report.terminal import exercises_page as report
    from provisioner.verbs import check as verbs

    result = verbs.check_step(lab, number, answer, connect, timeout=timeout)
    exercise = result.step.exercise
    data.emit(
        output,
        check_page.step_data(result),
        names=[exercise.name] if result.passed else [],
        table=lambda: report.step_page(result, language),
    )
    if not result.passed:
        if result.checked and (told := check_page.next_page(result.checked)):
            text.tell(told)
            return False
        text.tell(text.next_step(f"{{virtlab}} hint {result.typed.instance} --step {number}"))
        return False
    for page in (
        report.undo_page(exercise, result.typed, result.author, language),
        report.after_page(result.next_step, result.typed, language),
    ):
        if page:
            text.tell(f"\n{page}")
    if result.not_kept is not None:
        text.problem(result.not_kept)
    return True


def hint(
    lab: options.LessonLab,
    step: Step = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Show one more hint for an exercise."""
    from shlex import quote

    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import exercises_page as report
    from provisioner.verbs import exercises as verbs

    told = verbs.hint(lab, step, connect)
    exercise = told.step.exercise
    data.emit(
        output,
        report.hints_data(told.step, told.hints, told.typed),
        names=[exercise.name],
        table=lambda: report.hints_page(told.step, told.hints, told.typed, preferred(lang)),
    )
    if told.not_kept is not None:
        text.problem(told.not_kept)
    verb = "hint" if len(told.hints) < len(exercise.hints) else "solve"
    text.tell(text.next_step(f"{{virtlab}} {verb} {quote(lab)} --step {told.step.number}"))


def solve(
    lab: options.LessonLab,
    step: Step = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Show the solution of an exercise, and the commands that lead to it."""
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import exercises_page as report
    from provisioner.verbs import exercises as verbs

    solved = verbs.solve(lab, step, connect)
    data.emit(
        output,
        report.solution_data(solved.step, solved.typed, solved.author),
        names=[solved.step.exercise.name],
        table=lambda: report.solution_page(solved.step, solved.typed, solved.author, preferred(lang)),
    )


def guide(
    lab: options.LessonLab,
    section: Annotated[
        list[str] | None,
        typer.Argument(
            help="A section, by its number or words of its title.",
            autocompletion=completion.sections,
            metavar="[SECTION]",
        ),
    ] = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """The lesson: what things are called, what to type, what to look for, and why.

    On a terminal that is too short for it, it is shown in your pager (PAGER, or else less).
    """
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data, exercises_page, text
    from provisioner.report.terminal import guide_page as report
    from provisioner.verbs import guide as verbs

    language = preferred(lang)
    shown = verbs.guide(lab, language, connect)
    if shown.language is not language:
        text.tell(
            msg(
                "there is no guide in the language {language}; this is the one in {other}",
                language=language,
                other=shown.language,
            )
        )
    whole = exercises_page.whole_guide(shown)
    sections = verbs.sections(whole)
    one = verbs.section(sections, " ".join(section)) if section else None
    if output is not Output.TABLE:
        chosen = [one] if one else [each for each in sections if each.number]
        told = report.guide_data(shown.typed.instance, shown.language, chosen)
        data.emit(output, told, names=[each.title for each in chosen], table=str)
    elif one is not None:
        report.show(one.markdown)
        if following := report.next_page(lab, one, sections):
            text.tell(following)
    elif report.show(whole):
        text.tell(report.contents_page(lab, sections, shown.language))
