"""Exercises for people: tasks, hints, solutions, and whether an exercise is passed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from textwrap import indent
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.model.plain import to_data
from provisioner.report.terminal import text
from provisioner.report.terminal.check_page import explained, findings_table, running
from provisioner.teach.verdicts import Verdict

if TYPE_CHECKING:
    from provisioner.labfile.lesson import Exercise
    from provisioner.model.typed import Typed
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
# A line that is nothing but a command of virtlab's. Anything else, whoever wrote it, is running text.
_COMMAND = re.compile(r"\{virtlab\}(?: (?:[\w{}./:=,@%+-]+|'[^']*'))+")
_INDENT = "  "  # of a command among running text


def filled(words: str, lab: Typed) -> str:
    """A text or a command of a lesson with the lab and virtlab's command in it."""
    return text.spelled(lab.filled(words))


def told(words: Text | None, lab: Typed, language: Language) -> list[str]:
    """A text of a lesson in lines of a terminal."""
    return _told(said(words, language), lab)


def _told(words: str, lab: Typed) -> list[str]:
    lines = []
    for is_command, part in _parts(words):
        lines += [text.for_shell(_INDENT + filled(part, lab))] if is_command else running(filled(part, lab))
    return lines


def _parts(words: str) -> Iterator[tuple[bool, str]]:
    """The commands of a text, each of which is a line of it, and what stands between them."""
    for is_command, lines in groupby(words.split("\n"), lambda line: bool(_COMMAND.fullmatch(line))):
        if is_command:
            yield from ((True, line) for line in lines)
        else:
            yield False, "\n".join(lines)


def _markdown(words: str) -> str:
    """A text of a lesson in Markdown, with its ``{lab}`` and ``{virtlab}``."""
    return "\n\n".join(f"```sh\n{part}\n```" if is_command else part for is_command, part in _parts(words))


def title(step: Step, language: Language) -> str:
    words = said(_EXERCISE, language).format(step.number, said(step.exercise.title, language))
    return text.styled(words, "bold")


def task_page(step: Step, lab: Typed, language: Language) -> str:
    """What to do."""
    return "\n".join([title(step, language), *told(step.exercise.task, lab, language)])


def hints_page(step: Step, hints: Sequence[Text], lab: Typed, language: Language) -> str:
    """The hints told so far, below the task."""
    count = len(step.exercise.hints)
    lines = [task_page(step, lab, language), ""]
    for number, hint in enumerate(hints, 1):
        words = said(hint, language)
        if _COMMAND.fullmatch(words.partition("\n")[0]):
            words = f"\n{words}"
        lines += _told(said(_HINT, language).format(number, count, words), lab)
    if len(hints) == count:
        lines.append(said(_LAST_HINT if count else _NO_HINT, language))
    return "\n".join(lines)


def solution_page(step: Step, lab: Typed, author: Author, language: Language) -> str:
    """The task, the solution in words, and in commands on lines of their own, so that they can be pasted.

    Commands that virtlab does not vouch for stand behind ``#``, so that a shell takes them for a comment.
    """
    solution = step.exercise.solution
    lines = [task_page(step, lab, language), "", *told(solution.text, lab, language)]
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
        "task": text_data(step.exercise.task, lab),
        "text": text_data(solution.text, lab),
        **{key: ready[key] if author.vouched(listed) else [] for key, listed in lists.items()},
        "advice_of_author": {key: ready[key] for key, listed in lists.items() if not author.vouched(listed)},
    }


def hints_data(step: Step, hints: Sequence[Text], lab: Typed) -> dict[str, Any]:
    return {
        "step": step.number,
        "name": step.exercise.name,
        "task": text_data(step.exercise.task, lab),
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
        listed = markdown_list(guide.lesson.exercises, guide.progress.passed, guide.language)
        head = said(EXERCISES, guide.language)
        markdown = f"{markdown.rstrip()}\n\n## {head}\n\n{listed}\n"
    return filled(markdown, guide.typed)


def markdown_list(exercises: Sequence[Exercise], passed: Collection[str], language: Language) -> str:
    """The exercises with their tasks, as a list in Markdown. ``passed``: the names of those that are."""
    items = []
    for number, exercise in enumerate(exercises, 1):
        done = said(_PASSED, language) if exercise.name in passed else ""
        mark = f"{number}. "
        task = indent(_markdown(said(exercise.task, language)), " " * len(mark))
        items.append(f"{mark}**{said(exercise.title, language)}**{done}\n\n{task}")
    return "\n\n".join(items)
