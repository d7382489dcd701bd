"""What people read, in their language: texts that stand in both languages side by side, and messages, whose
Japanese is in a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from provisioner import translation

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people, in English and, where there is one, in Japanese."""

    en: str
    ja: str | None = None


class Language(StrEnum):
    """What ``--lang`` takes."""

    EN = "en"
    JA = "ja"


class Message(str):
    """What virtlab says, in English, and able to be said in another language: ``template`` is the text with
    named places, ``values`` is what stands in them. A value that is a message is translated, too.

    What is made of it by the methods of texts, or by formatting, is a mere English text.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, str]


def msg(template: str, /, **values: object) -> Message:
    """A message. The template stands in the code as a literal, and its places are names: ``{guest}``.

    A place that has no value stays as it is: ``{virtlab}`` gets its command where it is shown.
    """
    kept = {name: _text(value) for name, value in values.items()}
    message = Message(_filled(template, kept))
    message.template, message.values = template, kept
    return message


def joined(separator: str, parts: Iterable[str]) -> Message:
    """The parts, messages or not, with the separator between them, as a message."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return msg(separator.join(f"{{{name}}}" for name in values), **values)


def said(words: Text | str | None, language: Language) -> str:
    """A text or a message in that language, or in English where it has no other. Empty for None."""
    if words is None:
        return ""
    if isinstance(words, Text):
        return words.ja if language is Language.JA and words.ja else words.en
    if language is Language.EN or not isinstance(words, Message):
        return words
    template = translation.catalogue(language).gettext(words.template) if words.template else ""
    return _filled(template, {name: said(value, language) for name, value in words.values.items()})


def of_locale(*values: str | None) -> Language:
    """The language of the first of a locale's variables that is set, such as ``ja_JP.UTF-8``."""
    name = next((value for value in values if value), "")
    return Language.JA if name.startswith("ja") else Language.EN


def _text(value: object) -> str:
    """A value as text. What an exception was raised with stays a message."""
    if isinstance(value, BaseException) and len(value.args) == 1 and isinstance(value.args[0], Message):
        return value.args[0]
    return value if isinstance(value, str) else str(value)


def _filled(template: str, values: dict[str, str]) -> str:
    return _PLACE.sub(lambda place: values.get(place.group(1), place.group()), template)
