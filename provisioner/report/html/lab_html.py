"""The page of a lab: one HTML file that loads nothing, runs no script and speaks both languages."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner import atomic, errors, paths
from provisioner.language import Language, Text, msg, said
from provisioner.measure import explanations
from provisioner.model.hardware.interfaces import EMULATED
from provisioner.observe import comparison
from provisioner.report.html import bench_html
from provisioner.report.terminal import check_page, exercises_page, text
from provisioner.report.terminal.compare_page import exit_notes, host_rows
from provisioner.report.words import EMULATED_WORD, in_words, measured, runs, when
from provisioner.teach.verdicts import Finding, Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

    from provisioner.observe.comparison import Row
    from provisioner.verbs.page import Page, PageGuest

COLORS = 4  # guests that the style sheet has a colour for
_LONG_WORD = re.compile("([!-~]{13,})")
_JOINT = re.compile(r"(?<=\w)[_/](?=\w)")
_MARK = b'<meta name="generator" content="virtlab '
_HEAD = 1024  # bytes at the beginning of a file, in which a page of virtlab's has its mark
_TITLES = {
    "stack": Text("The stack", "スタックの図"),
    "devices": Text("What the guests see", "ゲストから見えるもの"),
    "checked": Text("What was checked", "確認した内容"),
    "measured": Text("What was measured", "測定した内容"),
    "host": Text("The host", "ホスト"),
    "guide": Text("The guide", "ガイド"),
    "exercises": exercises_page.EXERCISES,
}


def html(page: Page, language: Language) -> str:
    """The whole page. ``language`` is shown first; a click or a key switches to the other one."""
    body = environment().get_template("body.html.j2")
    bodies = {each: body.render(context(page, each)) for each in Language}
    return whole(bodies, language, title=page.title, bar=page.instance, version=page.version)


def whole(bodies: dict[Language, str], language: Language, *, title: Text, bar: str, version: str) -> str:
    """The document around the bodies. ``language`` is shown first. ``bar``: the text of its top line."""
    order = (language, *(other for other in Language if other is not language))
    template = environment().get_template("page.html.j2")
    return template.render(
        language=str(language),
        title=said(title, language),
        bar=bar,
        version=version,
        bodies=[markup(bodies[each]) for each in order],
    )


def may_write(file: Path) -> None:
    """Raises InputError where no page can be written, or where the file is there and is no page of
    virtlab's."""
    shown = text.harmless(str(file))
    other = msg("give -O the name of a new file, or - for standard output")
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise errors.InputError(msg("{shown} is not a file", shown=shown), hint=other)
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except FileNotFoundError:
        if file.is_symlink():
            raise errors.InputError(msg("{shown} points to nothing", shown=shown), hint=other) from None
        if not file.parent.is_dir():
            folder = text.harmless(str(file.parent))
            raise errors.InputError(msg("there is no folder {folder}", folder=folder), hint=other) from None
        return
    except OSError as error:
        raise _unwritable(shown, error) from None
    if head and _MARK not in head:
        told = msg("{shown} is there, and is no page of virtlab's: it would be lost", shown=shown)
        raise errors.InputError(told, hint=other)


def write(document: str, file: Path) -> None:
    """Puts the page into a file, whole or not at all. Raises InputError as ``may_write`` does."""
    may_write(file)
    place, shown = file.resolve(), text.harmless(str(file))
    try:
        atomic.write(place, document, _mode(place))
    except OSError as error:
        raise _unwritable(shown, error) from None


def show(document: str) -> None:
    """Writes the page to standard output, in UTF-8, which it declares."""
    sys.stdout.flush()
    sys.stdout.buffer.write(document.encode())
    sys.stdout.buffer.flush()


def _unwritable(shown: str, error: OSError) -> errors.InputError:
    return errors.InputError(
        msg("can't write {shown}: {reason}", shown=shown, reason=error.strerror),
        hint=msg("give -O a file in a folder that you can write to"),
    )


def _mode(place: Path) -> int:
    """The permissions of the file that is replaced, or those of a new file."""
    with suppress(OSError):
        return stat.S_IMODE(place.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@cache
def environment() -> Environment:
    """The environment of the pages' templates, which are compiled once. Everything they show is escaped,
    except what ``markup`` made."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(paths.templates_dir() / "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalized(value: Any) -> Any:
    """What a template shows: plain text without characters that could mislead a reader, or markup of our
    own."""
    return text.harmless(value) if type(value) is str else value


def markup(html_text: str) -> Any:
    """HTML that is ours."""
    from markupsafe import Markup

    return Markup(html_text)  # noqa: S704 - made by our templates, charts and Markdown, which escape


def breaking(words: str) -> Any:
    """The text, whose long words are broken only where one is longer than its line, and then at a joint: no
    line begins with the comma behind a word."""
    from markupsafe import escape

    parts = _LONG_WORD.split(text.harmless(words))  # every second one is a long word
    shown = [str(escape(part)) for part in parts]
    shown[1::2] = [
        '<span class="word">' + _JOINT.sub(r"\g<0><wbr>", part) + "</span>" for part in shown[1::2]
    ]
    return markup("".join(shown))


def context(page: Page, language: Language, idents: str = "stack") -> dict[str, Any]:
    """The variables of the template of a lab's page. ``idents``: the beginning of the ids of its pictures."""
    from provisioner.report.html import markdown

    filled = partial(exercises_page.filled, lab=page.typed)
    colors = {guest.name: index % COLORS for index, guest in enumerate(page.guests)}
    shared = _shared(page, language)
    guide = page.guide.get(language) or page.guide.get(Language.EN, "")
    titles = {name: said(title, language) for name, title in _TITLES.items()}
    bench = page.bench
    return {
        **words(language),
        "page": page,
        "md": lambda source, level: markup(markdown.html(filled(source), level=level)),
        "up": text.spelled(page.typed.up()),
        "interface_name": lambda name: _interface(name, language),
        "titles": titles,
        "guests": [_guest(guest, colors[guest.name], language, bool(shared)) for guest in page.guests],
        "shared": shared,
        "stacks": _stacks(page, colors, language, idents),
        "tables": _tables(page, colors, language),
        "notes": [
            said(note, language).replace("{target}", page.typed.instance) for note in exit_notes(page.outside)
        ],
        "findings": _findings(page, language),
        "checked": check_page.summary(page.findings, language),
        "bench": bench_html.shown(bench, language, colors) if bench else None,
        "contrast": bench_html.contrast(bench, language) if bench else [],
        "explained": [said(each, language) for each in explanations.of(bench)] if bench else [],
        "literature": [{"text": filled(said(f.text, language)), "source": f.source} for f in page.literature],
        "tasks": exercises_page.markdown_list(page.exercises, (), language),
        "measurable": not page.guests or any(guest.is_measurable for guest in page.guests),
        "unmeasurable": measured([each.defined for each in page.guests if each.defined], language),
        "host": bench_html.host(page.host, language) if page.host else [],
        "measured_guests": bench_html.configurations(bench, language, colors) if bench else None,
        "guide": guide,
        "guide_language": str(language if page.guide.get(language) else Language.EN),
    }


def words(language: Language) -> dict[str, Any]:
    """The functions by which all templates of pages get their words."""

    def either(en: str, ja: str) -> str:
        return ja if language is Language.JA else en

    return {
        "language": str(language),
        "command": text.command(),
        "t": either,
        "s": lambda value: said(value, language),
        "spelled": text.spelled,
        "breaking": breaking,
        "value": lambda value: in_words(value, language),
        "when": when,
    }


def _interface(name: str, language: Language) -> str:
    if name == EMULATED:
        return said(EMULATED_WORD, language)
    return said(Text("paravirtual", "準仮想化"), language)


def _runs(guest: PageGuest, language: Language) -> str:
    return runs(guest.accel, guest.defined, language) if guest.accel else ""


def _shared(page: Page, language: Language) -> list[tuple[str, str]]:
    """What all guests have in common, and readers should know first. Empty where they have nothing in
    common."""
    kernels = {guest.facts.kernel if guest.facts else "" for guest in page.guests}
    accels = {_runs(guest, language) for guest in page.guests}
    machines = {guest.facts.machine if guest.facts else "" for guest in page.guests}
    if len(page.guests) < 2 or any(len(values) != 1 for values in (kernels, accels)):
        return []
    rows = (
        (Text("kernel", "カーネル"), kernels.pop()),
        (Text("machine", "マシン"), machines.pop() if len(machines) == 1 else ""),
        (Text("run by", "実行方式"), accels.pop()),
    )
    return [(said(name, language), value) for name, value in rows if value]


def _guest(guest: PageGuest, color: int, language: Language, shared: bool) -> dict[str, Any]:
    """A guest's card: what the first screen says of it. What is in ``shared`` is said once for all guests."""
    facts = guest.facts

    def line(en: str, ja: str, value: str, interface: str = "") -> dict[str, str]:
        return {"label": said(Text(en, ja), language), "value": value, "interface": interface}

    lines = []
    for en, ja, found, defined in (
        ("Disk", "ディスク", facts.disks[:1] if facts else (), guest.disk),
        ("Network", "ネットワーク", facts.interfaces[:1] if facts else (), guest.network),
    ):
        driver = " → ".join(found[0].drivers) if found else ""
        told = Text(f"driver {driver}", f"ドライバ {driver}")
        if defined:
            told = Text(f"{defined}, {told.en}", f"{defined}({told.ja})") if driver else Text(defined)
        if defined or driver:
            lines.append(line(en, ja, said(told, language), found[0].interface if found else ""))
    if guest.accel and not shared:
        lines.append(line("Run by", "実行方式", _runs(guest, language)))
    if facts and not shared:
        lines.append(line("Kernel", "カーネル", facts.kernel))
    return {
        "name": guest.name,
        "title": guest.title,
        "color": color,
        "lines": lines,
        "error": guest.error,
        "hint": guest.hint,
    }


def _stacks(page: Page, colors: dict[str, int], language: Language, idents: str) -> list[dict[str, Any]]:
    """The pictures, grouped by the path of a request. Each group has a title, and a figure for each guest."""
    from provisioner.report.html import stack_svg

    stacks = [guest.stack for guest in page.guests if guest.stack]
    titles = {picture.path: picture.title for each in stacks for picture in each.pictures}
    return [
        {
            "title": said(title, language),
            "figures": [
                {"name": one.guest, "color": colors[one.guest], "svg": markup(drawn)}
                for one in stacks
                if (drawn := stack_svg.svg(one, language, path=path, beside=stacks, idents=idents))
            ],
        }
        for path, title in titles.items()
    ]


def _tables(page: Page, colors: dict[str, int], language: Language) -> dict[str, dict[str, Any] | None]:
    """The rows that differ or count something, the rows that are equal, and the host's, each by section.

    None where there are none. Guests that told nothing have no column.
    """

    def table(rows: Sequence[Row], places: Sequence[int]) -> dict[str, Any] | None:
        sections = groupby((row.of(places) for row in rows), key=lambda row: row.section)
        names = [page.guests[place].name for place in places]
        return (
            {
                "columns": [{"name": name, "color": colors[name]} for name in names],
                "sections": [(said(section, language), list(each)) for section, each in sections],
            }
            if rows
            else None
        )

    told, host = comparison.filled(page.rows), host_rows(page.outside)
    return {
        "differing": table([row for row in page.rows if row.differs or row.counter], told),
        "equal": table([row for row in page.rows if not row.differs and not row.counter], told),
        "host": table(host, comparison.filled(host)),
    }


def _complaint(finding: Finding, language: Language) -> str:
    if finding.verdict is not Verdict.FAIL or not finding.complaint:
        return ""
    return said(check_page.COMPLAINT, language).format(finding.complaint)


def _findings(page: Page, language: Language) -> list[dict[str, str]]:
    return [
        {
            "claim": said(finding.item.title, language),
            "guest": finding.guest,
            "saw": "" if finding.saw is None else check_page.values(finding.saw, language),
            "expected": check_page.expected(finding, language),
            "verdict": str(finding.verdict),
            "word": said(check_page.RESULT[finding.verdict], language),
            "why": text.spelled(said(finding.why, language)) or _complaint(finding, language),
            "lesson": said(finding.item.why, language),
        }
        for finding in page.findings
    ]
