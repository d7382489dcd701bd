"""Verbs of lessons: check, hint, solve, guide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options
from provisioner.report.terminal.data import Output

if TYPE_CHECKING:
    from provisioner.language import Language

Step = Annotated[
    int | None,
    typer.Option("--step", min=1, help="The exercise; else the first that is not passed.", metavar="N"),
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
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Hold what the guests show against what the lab says. Exit 1 where something failed."""
    from provisioner import errors
    from provisioner.report.preferred_language import preferred

    if answer is not None and step is None:
        raise errors.InputError(
            "an answer to which exercise?", hint=f"{{virtlab}} check {lab} --step 1 --answer ..."
        )
    good = (
        _check_all(lab, preferred(lang), connect, output)
        if step is None
        else _check_step(lab, step, answer, preferred(lang), connect, output)
    )
    if not good:
        raise typer.Exit(1)


def _check_all(target: str, language: Language, connect: str | None, output: Output) -> bool:
    from provisioner import errors
    from provisioner.lifecycle import running
    from provisioner.report.terminal import check_page as report
    from provisioner.report.terminal import data
    from provisioner.store import results
    from provisioner.teach import checks

    with running.found(connect, target) as (session, instance, domains):
        lab = running.lab_of(domains)
        if not lab.observe:
            raise errors.VirtlabError(
                f"the lab {lab.name} says nothing that could be checked",
                hint=f"see what is different between its guests: {{virtlab}} compare {instance.name}",
            )
        result = checks.run(session, domains, lab.observe)
    kept = report.kept_data(result)
    _keep(lambda: results.save("check", instance.name, lab.source, kept))  # first: a reader may stop
    data.emit(
        output,
        report.check_data(result),
        names=report.failed_names(result),
        table=lambda: report.check_page(result, language),
    )
    return result.good


def _check_step(
    target: str, number: int, told: str | None, language: Language, connect: str | None, output: Output
) -> bool:
    from provisioner import errors
    from provisioner.lifecycle import running
    from provisioner.report.terminal import check_page as tables
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import exercises_page as report
    from provisioner.store import progress_file
    from provisioner.teach import checks, learning

    with running.found(connect, target) as (session, instance, domains):
        lesson = learning.lesson_of(running.lab_of(domains))
        step = learning.step(lesson, number)
        exercise = step.exercise
        if (told is None) != (exercise.answer is None):
            wants = "wants an answer" if told is None else "wants no answer"
            more = " --answer ..." if told is None else ""
            raise errors.InputError(
                f"exercise {number} {wants}",
                hint=f"{{virtlab}} check {instance.name} --step {number}{more}",
            )
        right = None if told is None else checks.answered(session, domains, exercise, told)
        result = checks.run(session, domains, exercise.check, everybody=False) if exercise.check else None
    passed = right is not False and (result is None or result.passed)
    progress = progress_file.load(lesson.name)
    if passed:
        progress = progress.with_passed(exercise.name)
    data.emit(
        output,
        {
            "step": number,
            "name": exercise.name,
            "passed": passed,
            "answer": right,
            "findings": [tables.finding_data(f) for f in result.findings] if result else [],
        },
        names=[exercise.name] if passed else [],
        table=lambda: report.step_page(step, right, result, passed=passed, language=language),
    )
    if not passed:
        text.tell(text.spelled(f"next: {{virtlab}} hint {instance.name} --step {number}"))
        return False
    for page in (
        report.undo_page(exercise, instance.name, language),
        report.after_page(learning.next_step(lesson, progress), instance.name, language),
    ):
        if page:
            text.tell(f"\n{page}")
    _keep(lambda: progress_file.save(lesson.name, progress))
    return True


def _keep(save: Callable[[], object]) -> None:
    """Keeps something of no weight: where it can't be, that is said, and is no failure."""
    from provisioner import errors
    from provisioner.report.terminal import text

    try:
        save()
    except errors.VirtlabError as error:
        text.problem(error)


def hint(
    lab: options.Lab,
    step: Step = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Tell one more hint for an exercise."""
    from shlex import quote

    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data, text
    from provisioner.report.terminal import exercises_page as report
    from provisioner.store import progress_file
    from provisioner.teach import learning

    found, name = learning.lab_of(lab, connect)
    lesson = learning.lesson_of(found)
    wanted = learning.wanted(lesson, step)
    hints, progress = learning.hints(lesson, wanted.exercise)
    data.emit(
        output,
        report.hints_data(wanted, hints, name),
        names=[wanted.exercise.name],
        table=lambda: report.hints_page(wanted, hints, name, preferred(lang)),
    )
    _keep(lambda: progress_file.save(lesson.name, progress))
    verb = "hint" if len(hints) < len(wanted.exercise.hints) else "solve"
    text.tell(text.spelled(f"next: {{virtlab}} {verb} {quote(lab)} --step {wanted.number}"))


def solve(
    lab: options.Lab,
    step: Step = None,
    lang: options.Lang = None,
    connect: options.Connect = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Tell the solution of an exercise, and the commands that lead to it."""
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import data
    from provisioner.report.terminal import exercises_page as report
    from provisioner.teach import learning

    found, name = learning.lab_of(lab, connect)
    wanted = learning.wanted(learning.lesson_of(found), step)
    data.emit(
        output,
        report.solution_data(wanted, name),
        names=[wanted.exercise.name],
        table=lambda: report.solution_page(wanted, name, preferred(lang)),
    )


def guide(lab: options.Lab, lang: options.Lang = None, connect: options.Connect = None) -> None:
    """The lesson: what the thing is called, what to type, what to look for, why."""
    from provisioner.labfile import lesson as lessons
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import exercises_page, text
    from provisioner.report.terminal import guide_page as report
    from provisioner.store import progress_file
    from provisioner.teach import learning

    language = preferred(lang)
    found, name = learning.lab_of(lab, connect)
    markdown, spoken = learning.guide(found, language)
    if spoken is not language:
        text.tell(f"this guide is not there in the language {language}; here it is in {spoken}")
    lesson = lessons.load(found)
    if lesson and lesson.exercises:
        progress = progress_file.load(lesson.name)
        markdown = f"{markdown.rstrip()}\n\n{exercises_page.markdown_list(lesson, progress, spoken)}\n"
    report.show(exercises_page.filled(markdown, name))
