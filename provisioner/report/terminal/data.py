"""Answers in the form that was asked for: a table for people, JSON or YAML for programs, bare names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from provisioner.report.preferred_language import local
from provisioner.report.terminal import text


class Output(StrEnum):
    """What ``-o`` takes."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def emit(form: Output, data: Any, *, names: Sequence[str], table: Callable[[], str]) -> None:
    """Prints ``data`` (plain dicts and lists) in the form; ``table`` is only called where it is wanted."""
    if form is Output.JSON:
        import json

        text.say(json.dumps(data, indent=2, ensure_ascii=False))
    elif form is Output.YAML:
        dumped = _yaml(data, allow_unicode=True)
        if text.harmless(dumped) != dumped:
            dumped = _yaml(data)  # which escapes all but ASCII, in YAML's manner
        text.say(dumped.rstrip())
    elif form is Output.NAME:
        for name in names:
            text.say(name)
    else:
        text.say(text.fitted(local(table()), text.room()))


def _yaml(data: Any, *, allow_unicode: bool = False) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """It takes messages, too, which are texts: their English."""

    Dumper.add_multi_representer(str, lambda dumper, text: dumper.represent_str(str(text)))
    dumped: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=allow_unicode)
    return dumped
