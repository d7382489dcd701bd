"""``guide``: the guide of a lab's lesson, and the learner's progress in its exercises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.labfile import lesson as lessons
from provisioner.labfile.lesson import Lesson
from provisioner.language import Language
from provisioner.model.typed import Typed
from provisioner.store import progress_file
from provisioner.store.progress_file import Progress
from provisioner.teach import guide_sections, learning
from provisioner.teach.guide_sections import GuideSection


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


def sections(markdown: str) -> list[GuideSection]:
    """The sections of a guide, numbered from 1, and those below them, which have no number."""
    return guide_sections.split(markdown)


def section(of: Sequence[GuideSection], wanted: str) -> GuideSection:
    """The section of that number, or with these words in its title. Raises InputError where there is none."""
    return guide_sections.chosen(of, wanted)
