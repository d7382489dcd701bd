"""Exercises for people: tasks, hints, solutions, and whether an exercise is passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.model.plain import to_data
from provisioner.report.terminal import text
from provisioner.report.terminal.check_page import explained, findings_table, running
from provisioner.teach.verdicts import Verdict

if TYPE_CHECKING:
    from provisioner.labfile.lesson import Exercise, Lesson
    from provisioner.model.typed import Typed
    from provisioner.store.progress_file import Progress
    from provisioner.teach.commands import Author
    from provisioner.teach.learning import Step
    from provisioner.verbs.check import StepCheck
    from provisioner.verbs.guide import Guide

_EXERCISE = Text("Exercise {}: {}", "演習{}: {}")
_HINT = Text("Hint {} of {}: {}", "ヒント{}/{}: {}")
_NO_HINT = Text("There is no hint for this exercise.", "この演習にヒントはありません。")
_LAST_HINT = Text("That was the last hint.", "ヒントは以上です。")
_TYPE = Text("To type:", "入力するコマンド:")
_UNDO = Text("Afterwards, to have everything as it was:", "終わったら、次のコマンドで元に戻します:")
_AUTHOR = Text(
    "These commands are the advice of whoever wrote {}, not virtlab's. They reach beyond this lab. Read them "
    "before you type any:",
    "次のコマンドは{}の作者によるもので、virtlabのものではありません。影響はこのラボの外にも及びます。"
    "入力する前に内容を確かめてください。",
)
_RIGHT = Text("The answer is right.", "正解です。")
_WRONG = Text("That is not the answer.", "正解ではありません。")
_PASSED = Text(" (passed)", "(合格)")
_STEP_PASSED = Text("Exercise {} is passed.", "演習{}は合格です。")
_STEP_FAILED = Text("Exercise {} is not passed yet.", "演習{}はまだ合格していません。")
_ALL_PASSED = Text("All exercises are passed.", "すべての演習に合格しました。")
EXERCISES = Text("Exercises", "演習")


def filled(words: str, lab: Typed) -> str:
    """A text or a command of a lesson with the lab and virtlab's command in it."""
    return text.spelled(lab.filled(words))


def told(words: Text | None, lab: Typed, language: Language) -> list[str]:
    """A text of a lesson in lines of a terminal."""
    return running(filled(said(words, language), lab))


def title(step: Step, language: Language) -> str:
    words = said(_EXERCISE, language).format(step.number, said(step.exercise.title, language))
    return text.styled(words, "bold")


def task_page(step: Step, lab: Typed, language: Language) -> str:
    """What to do."""
    return "\n".join([title(step, language), *told(step.exercise.task, lab, language)])


def hints_page(step: Step, hints: Sequence[Text], lab: Typed, language: Language) -> str:
    """The hints told so far."""
    count = len(step.exercise.hints)
    lines = [title(step, language)]
    for number, hint in enumerate(hints, 1):
        words = said(_HINT, language).format(number, count, filled(said(hint, language), lab))
        lines += running(words)
    if len(hints) == count:
        lines.append(said(_LAST_HINT if count else _NO_HINT, language))
    return "\n".join(lines)


def solution_page(step: Step, lab: Typed, author: Author, language: Language) -> str:
    """The solution in words, and in commands on lines of their own, so that they can be pasted.

    Commands that virtlab does not vouch for stand behind ``#``, so that a shell takes them for a comment.
    """
    solution = step.exercise.solution
    lines = [title(step, language), *told(solution.text, lab, language)]
    for head, commands in ((_TYPE, solution.commands), (_UNDO, solution.undo)):
        lines += ["", *_commands(head, commands, lab, author, language)] if commands else []
    return "\n".join(lines)


def _commands(
    head: Text, commands: Sequence[str], lab: Typed, author: Author, language: Language
) -> list[str]:
    """Commands under a heading that says whose they are."""
    ready = [filled(command, lab) for command in commands]
    if author.vouched(commands):
        return [said(head, language), *map(text.for_shell, ready)]
    whose = said(_AUTHOR, language).format(text.harmless(author.file or ""))
    return [
        said(head, language),
        *running(whose),
        *(f"# {command}" for command in ready),
    ]


def solution_data(step: Step, lab: Typed, author: Author) -> dict[str, Any]:
    """``commands`` and ``undo`` are virtlab's advice, and empty where that is only the author's."""
    solution = step.exercise.solution
    lists = {"commands": solution.commands, "undo": solution.undo}
    ready = {key: [filled(command, lab) for command in listed] for key, listed in lists.items()}
    return {
        "step": step.number,
        "name": step.exercise.name,
        "text": text_data(solution.text, lab),
        **{key: ready[key] if author.vouched(listed) else [] for key, listed in lists.items()},
        "advice_of_author": {key: ready[key] for key, listed in lists.items() if not author.vouched(listed)},
    }


def hints_data(step: Step, hints: Sequence[Text], lab: Typed) -> dict[str, Any]:
    return {
        "step": step.number,
        "name": step.exercise.name,
        "hints": [text_data(hint, lab) for hint in hints],
        "left": len(step.exercise.hints) - len(hints),
    }


def text_data(words: Text, lab: Typed) -> dict[str, Any]:
    return {key: value and filled(value, lab) for key, value in to_data(words).items()}


def step_page(result: StepCheck, language: Language) -> str:
    """The result of checking one exercise."""
    lines = [title(result.step, language)]
    if result.answer_is_right is not None:
        lines.append(said(_RIGHT if result.answer_is_right else _WRONG, language))
    if result.checked and result.checked.findings:
        findings = result.checked.findings
        lines.append(findings_table(findings, language))
        lines += [explained(f, language) for f in findings if f.verdict is not Verdict.PASS]
    words = said(_STEP_PASSED if result.passed else _STEP_FAILED, language).format(result.step.number)
    return "\n".join([*lines, text.styled(words, "green" if result.passed else "red")])


def after_page(step: Step | None, lab: Typed, language: Language) -> str:
    """What is to do next, after a step was passed."""
    return task_page(step, lab, language) if step else said(_ALL_PASSED, language)


def undo_page(exercise: Exercise, lab: Typed, author: Author, language: Language) -> str:
    """How to get the lab back as it was. Empty where the exercise changes nothing."""
    commands = exercise.solution.undo
    return "\n".join(_commands(_UNDO, commands, lab, author, language)) if commands else ""


def whole_guide(guide: Guide) -> str:
    """A guide in Markdown, with its exercises as the last part."""
    markdown = guide.markdown
    if guide.lesson and guide.lesson.exercises:
        listed = markdown_list(guide.lesson, guide.progress, guide.language)
        markdown = f"{markdown.rstrip()}\n\n{listed}\n"
    return filled(markdown, guide.typed)


def markdown_list(lesson: Lesson, progress: Progress, language: Language) -> str:
    """The exercises as the last part of a guide."""
    lines = [f"## {said(EXERCISES, language)}", ""]
    for number, exercise in enumerate(lesson.exercises, 1):
        done = said(_PASSED, language) if exercise.name in progress.passed else ""
        lines.append(f"{number}. {said(exercise.title, language)}{done}")
    return "\n".join(lines)
