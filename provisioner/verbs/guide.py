"""``guide``: the guide of a lab's lesson, and the learner's progress in its exercises."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.labfile import lesson as lessons
from provisioner.labfile.lesson import Lesson
from provisioner.language import Language
from provisioner.model.typed import Typed
from provisioner.store import progress_file
from provisioner.store.progress_file import Progress
from provisioner.teach import learning


@dataclass(frozen=True, slots=True)
class Guide:
    """The text in Markdown, with its ``{lab}`` and ``{virtlab}``."""

    typed: Typed
    markdown: str
    language: Language  # that it is in
    lesson: Lesson | None
    progress: Progress


def guide(target: str, language: Language, connect: str | None) -> Guide:
    """The guide of a lab in that language, or in English where there is none.

    ``target`` is the lab's name, folder or file, or the name that it is up under. Raises InputError where
    there is no such lab, and VirtlabError where it has no guide.
    """
    lab, typed = learning.lab_of(target, connect)
    markdown, spoken = learning.guide(lab, language)
    lesson = lessons.load(lab)
    progress = progress_file.load(lesson.name) if lesson else Progress()
    return Guide(typed, markdown, spoken, lesson, progress)
