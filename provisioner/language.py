"""What people read, in their language: texts that stand in both languages side by side, and messages, whose
Japanese is in a catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
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


class _InBoth(Message):
    """A text that stands in both languages, as a message."""

    __slots__ = ("text",)
    text: Text


class _FirstLine(Message):
    """The first line of a message, whatever language that is said in."""

    __slots__ = ()

    @classmethod
    def of(cls, whole: Message) -> _FirstLine:
        made = cls(whole.partition("\n")[0])
        made.template, made.values = "{whole}", {"whole": whole}
        return made


def msg(template: str, /, **values: object) -> Message:
    """A message. The template stands in the code as a literal, and its places are names: ``{guest}``.

    A place that has no value stays as it is: ``{virtlab}`` gets its command where it is shown.
    """
    kept = {name: _text(value) for name, value in values.items()}
    message = Message(_filled(template, kept))
    message.template, message.values = template, kept
    return message


def of_text(text: Text) -> Message:
    """A text that stands in both languages, as a message."""
    made = _InBoth(text.en)
    made.template, made.values, made.text = text.en, {}, text
    return made


def joined(separator: str, parts: Iterable[str]) -> Message:
    """The parts, messages or not, with the separator between them, as a message."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return msg(separator.join(f"{{{name}}}" for name in values), **values)


def stored(text: str, templates: Iterable[str] = ()) -> Message:
    """The message of which only the English was kept: one of those templates, or one without values. Any
    other text stays English."""
    for template in templates:
        parts = _PLACE.split(template)  # words and names of places, in turn
        words = (f"(?P<{part}>.+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
        if found := re.fullmatch("".join(words), text, re.DOTALL):
            return msg(template, **{name: stored(value) for name, value in found.groupdict().items()})
    message = Message(text)
    message.template, message.values = text, {}
    return message


def to_plain(message: Message) -> dict[str, object]:
    """A message in a form that JSON can hold."""
    values = {n: to_plain(v) if isinstance(v, Message) else v for n, v in message.values.items()}
    return {"template": message.template, "values": values}


def from_plain(data: object) -> Message:
    """The message whose plain form that is. Raises ValueError for anything else."""
    template, values = (data.get("template"), data.get("values")) if isinstance(data, dict) else (None, None)
    if not isinstance(template, str) or not isinstance(values, dict):
        raise ValueError("no message")
    return msg(template, **{str(n): v if isinstance(v, str) else from_plain(v) for n, v in values.items()})


def first_line(text: str) -> str:
    """The first line of a text or a message."""
    if isinstance(text, Message) and "\n" in text:
        return _FirstLine.of(text)
    return text if isinstance(text, Message) else text.partition("\n")[0]


def mapped(text: str, change: Callable[[str], str]) -> str:
    """The text, changed; of a message, all that others may have written: the values that stand in it."""
    if not isinstance(text, Message):
        return change(text)
    return msg(text.template, **{name: mapped(value, change) for name, value in text.values.items()})


def said(words: Text | str | None, language: Language) -> str:
    """A text or a message in that language, or in English where it has no other. Empty for None."""
    if words is None:
        return ""
    if isinstance(words, Text):
        return words.ja if language is Language.JA and words.ja else words.en
    if language is Language.EN or not isinstance(words, Message):
        return words
    if isinstance(words, _InBoth):
        return said(words.text, language)
    if isinstance(words, _FirstLine):
        return said(words.values["whole"], language).partition("\n")[0]
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
