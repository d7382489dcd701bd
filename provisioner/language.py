"""The languages that lessons, tables and charts speak. The tool's own messages are English."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.lab.model import Text


class Language(StrEnum):
    """What ``--lang`` takes."""

    EN = "en"
    JA = "ja"


def said(words: Text | None, language: Language) -> str:
    """A text in that language; in English where it has no other, empty where there is none."""
    if words is None:
        return ""
    return words.ja if language is Language.JA and words.ja else words.en


def of_locale(*values: str | None) -> Language:
    """The language of the first of a locale's variables that is set, such as ``ja_JP.UTF-8``."""
    name = next((value for value in values if value), "")
    return Language.JA if name.startswith("ja") else Language.EN
