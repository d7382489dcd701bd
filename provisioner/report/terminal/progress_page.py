"""What is kept of a person's work: exercises that are passed, hints that were told, results."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.model.plain import to_data
from provisioner.report.terminal import exercises_page, table, text
from provisioner.report.words import when

if TYPE_CHECKING:
    from provisioner.verbs.own_work import Forgotten, Run, Work

_HEADS = (
    Text("lab", "ラボ"),
    Text("exercises passed", "合格した演習"),
    Text("hints", "ヒント"),
    Text("results of", "結果のある実行"),
)
_STEP_HEADS = (Text("step", "番号"), Text("exercise", "演習"), Text("state", "状態"), Text("hints", "ヒント"))
_RUN_HEADS = (
    Text("results of", "結果のある実行"),
    Text("what", "内容"),
    Text("newest", "最新"),
    Text("of which lab", "対象のラボ"),
)
_OF = Text("{} of {}", "{1}問中{0}問")
_HINTS = Text("{} of {}", "{1}個中{0}個")
_PASSED, _NOT_PASSED = Text("passed", "合格"), Text("not passed yet", "未合格")
_COPY, _CHANGED = Text("a copy, {}", "コピー、{}"), Text("changed by {}", "{}で変更")
_ITSELF, _GONE = Text("as it comes", "そのまま"), Text("{}, which can't be read", "{}(読み込めません)")
_PART = Text("The progress is that of {}.", "進捗は{}と共通です。")
_NOTHING = Text("Nothing is kept of it.", "何も保存されていません。")
_SHARED = Text(
    "Progress is kept for your account, whatever an instance is called; copies of a lab share it.",
    "進捗はアカウントごとに保存されます。インスタンスの名前は関係なく、ラボのコピーとも共通です。",
)
_HELP = Text("where you are stuck", "行き詰まったら")
_LOOK = Text("one lab, exercise by exercise", "ラボ1つを演習ごとに")
_ANEW = Text("begin a lab anew", "ラボを初めからやり直す")
_ONLY_RESULTS = Text("forget these results", "この結果を消去する")
_GONE_NOW = Text("forgotten: {}", "消去しました: {}")
_NO_TRACE = Text("nothing was kept of it", "保存されているものはありませんでした")
_PROGRESS = Text("the progress in {}", "{}の進捗")
_EXERCISE = Text("the progress in exercise {1} of {0}", "{0}の演習{1}の進捗")
_RESULTS = Text("the results of {}", "{}の結果")


def work_data(everything: Sequence[Work]) -> list[dict[str, Any]]:
    """What is kept of each lab, as plain data."""
    return [
        {
            "lab": work.target,
            "part": work.part,
            "lesson": work.lesson_name,
            "passed": work.passed,
            "exercises": [
                {
                    "step": number,
                    "name": exercise.name,
                    "title": to_data(exercise.title),
                    "task": work.typed and exercises_page.text_data(exercise.task, work.typed),
                    "passed": exercise.name in work.progress.passed,
                    "hints_told": work.progress.hints.get(exercise.name, 0),
                    "hints": len(exercise.hints),
                }
                for number, exercise in enumerate(work.exercises, 1)
            ],
            "results": [run_data(run) for run in work.runs],
        }
        for work in everything
    ]


def run_data(run: Run) -> dict[str, Any]:
    """The results of an instance, as plain data."""
    return {
        "instance": run.instance,
        "lab_file": None if run.source.startswith("catalog:") else run.source,
        "kinds": list(run.kinds),
        "newest": run.written,
        "copy": run.is_copy,
        "set": list(run.sets),
    }


def all_page(everything: Sequence[Work], language: Language) -> str:
    """A line for each lab."""
    rows = [
        (
            work.target,
            _passed(work, language),
            str(sum(work.progress.hints.values()) or "-"),
            ", ".join(dict.fromkeys(run.instance for run in work.runs)) or "-",
        )
        for work in everything
    ]
    command = text.command()
    return "\n".join(
        [
            table.columns([said(head, language) for head in _HEADS], rows),
            "",
            *text.running(said(_SHARED, language), text.measure(92)),
            text.for_shell(f"  {command} progress LAB  # {said(_LOOK, language)}"),
            text.for_shell(f"  {command} forget LAB    # {said(_ANEW, language)}"),
        ]
    )


def one_page(work: Work, language: Language) -> str:
    """One lab, exercise by exercise, and the results that are kept of it."""
    title = f"{work.target}: {said(work.lab.title, language)}" if work.lab else work.target
    lines = [text.styled(title, "bold")]
    if work.part is not None and work.lesson:
        lines.append(said(_PART, language).format(work.target))
    if work.exercises:
        lines += ["", table.columns([said(head, language) for head in _STEP_HEADS], _steps(work, language))]
    if (step := work.next_step) is not None and work.typed is not None:
        hint = f"  {text.command()} hint {shlex.quote(work.part or work.target)} --step {step.number}"
        lines += ["", exercises_page.task_page(step, work.typed, language), ""]
        lines.append(text.for_shell(f"{hint}  # {said(_HELP, language)}"))
    if work.runs:
        rows = [
            (run.instance, ", ".join(run.kinds), when(run.written), _which(work, run, language))
            for run in work.runs
        ]
        lines += ["", table.columns([said(head, language) for head in _RUN_HEADS], rows)]
    elif work.part is not None or not (work.exercises or work.progress.passed):
        lines.append(said(_NOTHING, language))
    if work.runs or work.progress.passed or work.progress.hints:
        typed = shlex.quote(work.part or work.target)
        why = _ANEW if work.part is None else _ONLY_RESULTS
        lines += ["", text.for_shell(f"  {text.command()} forget {typed}  # {said(why, language)}")]
    return "\n".join(lines)


def _passed(work: Work, language: Language) -> str:
    if work.exercises:
        return said(_OF, language).format(work.passed, len(work.exercises))
    return str(len(work.progress.passed) or "-")


def _steps(work: Work, language: Language) -> list[tuple[str, ...]]:
    return [
        (
            str(number),
            said(exercise.title, language),
            said(_PASSED if exercise.name in work.progress.passed else _NOT_PASSED, language),
            said(_HINTS, language).format(work.progress.hints.get(exercise.name, 0), len(exercise.hints)),
        )
        for number, exercise in enumerate(work.exercises, 1)
    ]


def _which(work: Work, run: Run, language: Language) -> str:
    """Whether it was the lab itself."""
    words = [said(_COPY, language).format(run.source)] if run.is_copy else []
    if work.lab is None:
        words.append(said(_GONE, language).format(work.target))
    words += [said(_CHANGED, language).format(f"--set {each}") for each in run.sets]
    return ", ".join(words) or said(_ITSELF, language)


def forgotten_data(lost: Forgotten) -> dict[str, Any]:
    """What was taken away, as plain data."""
    return {
        "progress": list(lost.lessons),
        "exercise": lost.exercise,
        "results": [run_data(run) for run in lost.runs],
    }


def forgotten_page(lost: Forgotten, language: Language) -> str:
    """What was taken away, in words."""
    words = []
    if lost.exercise is not None:
        words.append(said(_EXERCISE, language).format(lost.lessons[0], lost.exercise))
    elif lost.lessons:
        words.append(said(_PROGRESS, language).format(", ".join(lost.lessons)))
    if lost.runs:
        words.append(said(_RESULTS, language).format(", ".join(run.instance for run in lost.runs)))
    return "\n".join(said(_GONE_NOW, language).format(each) for each in words) or said(_NO_TRACE, language)
