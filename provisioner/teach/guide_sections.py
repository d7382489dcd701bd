"""The sections of a guide: its headings of the second level, numbered from 1, and those below them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner import errors
from provisioner.language import msg

_NUMBERED = re.compile(r"\d+\.\s+")  # as guides write their own numbers before a title


@dataclass(frozen=True, slots=True)
class GuideSection:
    """A part of a guide. ``number`` is None below the second level. ``markdown`` begins with its heading."""

    number: int | None
    title: str
    markdown: str


def split(markdown: str) -> list[GuideSection]:
    """All sections of a guide, in its order. What stands below another's heading belongs to both."""
    from markdown_it import MarkdownIt

    lines = markdown.splitlines(keepends=True)
    tokens = MarkdownIt("commonmark").parse(markdown)
    heads = [
        (int(token.tag[1:]), token.map[0], tokens[at + 1].content)
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    sections, number = [], 0
    for at, (level, first, title) in enumerate(heads):
        if level not in (2, 3):
            continue
        end = next((line for depth, line, _ in heads[at + 1 :] if depth <= level), len(lines))
        number += level == 2
        text = "".join(lines[first:end]).rstrip() + "\n"
        sections.append(GuideSection(number if level == 2 else None, _NUMBERED.sub("", title, 1), text))
    return sections


def chosen(sections: Sequence[GuideSection], wanted: str) -> GuideSection:
    """The section of that number, or the first whose title has these words. Raises InputError where there is
    none."""
    words = wanted.casefold()
    for matches in (
        lambda each: wanted == str(each.number),
        lambda each: each.title.casefold().startswith(words),
        lambda each: words in each.title.casefold(),
    ):
        if found := next(filter(matches, sections), None):
            return found
    known = "; ".join(f"{each.number} {each.title}" for each in sections if each.number)
    raise errors.InputError(
        msg('the guide has no section "{wanted}"', wanted=wanted),
        hint=msg("its sections are: {known}", known=known)
        if known
        else msg("leave the section out: this guide has none"),
    )
