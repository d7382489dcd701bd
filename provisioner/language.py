"""The languages of lessons, tables and charts. virtlab's own messages are English."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people, in English and, where there is one, in Japanese."""

    en: str
    ja: str | None = None


class Language(StrEnum):
    """What ``--lang`` takes."""

    EN = "en"
    JA = "ja"


def said(words: Text | None, language: Language) -> str:
    """The text in that language, or in English where it has no other. Empty where there is no text."""
    if words is None:
        return ""
    return words.ja if language is Language.JA and words.ja else words.en


def of_locale(*values: str | None) -> Language:
    """The language of the first of a locale's variables that is set, such as ``ja_JP.UTF-8``."""
    name = next((value for value in values if value), "")
    return Language.JA if name.startswith("ja") else Language.EN
