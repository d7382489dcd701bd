"""Messages in what is kept. The texts of a result are English; beside them stands how to say them otherwise.

What an older virtlab kept has only the texts, and an older virtlab leaves the rest out of account.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.language import Message, from_plain, to_plain
from provisioner.sanitize import printable

_KEY = "messages"
_LONGEST = 1000  # characters of a template


def with_messages(data: dict[str, Any]) -> dict[str, Any]:
    """The data, with all messages in it in a table of their own."""
    found = {str(message): to_plain(message) for message in _messages(data)}
    return {**data, _KEY: found} if found else data


def restored(data: Any) -> Any:
    """Data that was read, with messages where it had messages. A table that does not fit is ignored."""
    table = data.pop(_KEY, None) if isinstance(data, dict) else None
    if not isinstance(table, dict):
        return data
    known = {}
    for text, plain in table.items():
        try:
            message = from_plain(plain)
        except (ValueError, RecursionError):
            continue
        if message == text and _is_harmless(message):
            known[text] = message
    return _replaced(data, known)


def _is_harmless(message: Message) -> bool:
    """Whether its words do nothing to a terminal: anybody may have written the file.."""
    inner = (value for value in message.values.values() if isinstance(value, Message))
    is_plain = printable(message.template, _LONGEST) == message.template
    return is_plain and all(map(_is_harmless, inner))


def _messages(data: Any) -> Iterator[Message]:
    if isinstance(data, Message):
        yield data
    elif isinstance(data, dict | list | tuple):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _messages(each)


def _replaced(data: Any, known: dict[str, Message]) -> Any:
    if isinstance(data, str):
        return known.get(data, data)
    if isinstance(data, list):
        return [_replaced(each, known) for each in data]
    if isinstance(data, dict):
        return {key: _replaced(each, known) for key, each in data.items()}
    return data
