"""Lab files, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from provisioner.language import Text, joined, msg, said
from provisioner.model import measurable
from provisioner.model.article import PARTS
from provisioner.model.plain import to_data
from provisioner.report.preferred_language import local, preferred
from provisioner.report.terminal import table, text
from provisioner.report.terminal.wrap import wrapped
from provisioner.report.words import measured
from provisioner.units import format_size

if TYPE_CHECKING:
    from provisioner.labfile.catalog import Entry
    from provisioner.model.lab import Guest, Lab
    from provisioner.verbs.authoring import Validated

_NO_PART = Text("other labs", "その他のラボ")
_MODES = {"nat": msg("leads out through the host"), "isolated": msg("leads nowhere but to its guests")}


def in_language(words: Text | None) -> str:
    """A text in the language of the reader's locale: Japanese or English."""
    return said(words, preferred())


def catalog_data(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The labs of the catalogue as plain data."""
    return [{"name": e.name, "title": to_data(e.title), "part": e.part, "file": str(e.file)} for e in entries]


def catalog_table(entries: Sequence[Entry]) -> str:
    """Names and titles below the parts of the article, in its order. Labs without a part come last."""
    if not entries:
        return table.columns((msg("lab"), msg("title")), [])
    order = [*PARTS, None]
    grouped = sorted(entries, key=lambda entry: order.index(entry.part))
    rows = [(f"  {entry.name}", in_language(entry.title)) for entry in grouped]
    head, *lines = table.drawn((f"  {local(msg('lab'))}", msg("title")), rows, text.room())
    listed = [head]
    before: str | None = ""
    for entry, line in zip(grouped, lines, strict=True):
        if entry.part != before:
            words = in_language(PARTS[entry.part] if entry.part else _NO_PART)
            listed.append(text.styled(f"{entry.part}  {words}" if entry.part else words, "bold"))
            before = entry.part
        listed.append(line)
    return "\n".join(listed)


def lab_data(lab: Lab) -> dict[str, Any]:
    """A lab as plain data."""
    keys = ("name", "title", "description", "networks", "guests")
    values = {key: to_data(getattr(lab, key)) for key in keys}
    return {**values, "measurable": measurable.able(lab.guests), "file": str(lab.file)}


def lab_page(lab: Lab, target: str) -> str:
    """A lab's title, description, guests and networks. ``target``: what the user called it."""
    from provisioner.model import selection

    lines = [text.styled(in_language(lab.title), "bold")]
    if lab.description:
        lines += ["", *wrapped(in_language(lab.description), text.measure(92))]
    head = (
        *(msg("guest"), msg("machine"), msg("accelerator"), msg("memory"), msg("disks"), msg("interfaces")),
        msg("what it is"),
    )
    lines += ["", table.columns(head, [_guest_row(guest) for guest in lab.guests])]
    if lab.networks:
        rows = [(n.name, str(n.mode), in_language(n.title) or _MODES[n.mode]) for n in lab.networks]
        lines += ["", table.columns((msg("network"), msg("mode"), msg("what it is")), rows)]
    lines += ["", *text.running(measured(lab.guests, preferred()), text.measure(92))]
    lines += [
        "",
        local(msg("file: {file}", file=lab.file)),
        text.next_step(f"{{virtlab}} up {quote(target)}"),
    ]
    if names := selection.names(lab):
        flags = " ".join(f"--with {name}" for name in names)
        every = msg("with all of it: {virtlab} up {lab} {flags}", lab=quote(target), flags=flags)
        lines.append(text.told(every))
    return "\n".join(lines)


def validated_data(validated: Sequence[Validated]) -> list[dict[str, Any]]:
    """What is wrong with each lab file, as plain data."""
    return [
        {
            "given": each.given,
            "good": each.good is not None,
            "problems": [line for error in each.wrong for line in error.message.splitlines()],
            "no_guide": list(each.no_guide),
        }
        for each in validated
    ]


def rendered_data(documents: Mapping[str, str]) -> list[dict[str, str]]:
    """The XML of each network, filter and guest, as plain data."""
    split = [(*name.rpartition(" ")[::2], xml) for name, xml in documents.items()]
    return [{"kind": kind or "guest", "name": name, "xml": xml} for kind, name, xml in split]


def rendered_page(documents: Mapping[str, str]) -> str:
    """The same as XML. Where there are several documents, a comment before each says what it is."""
    heads = (f"<!-- {name} -->\n" if len(documents) > 1 else "" for name in documents)
    return "\n".join(head + xml.rstrip() for head, xml in zip(heads, documents.values(), strict=True))


def good_page(labs: Sequence[Lab]) -> str:
    """A line for each lab whose file is good."""
    return joined("\n", map(_good, labs))


def _good(lab: Lab) -> str:
    number = len(lab.guests)
    if number == 1:
        return msg("{file}: good: lab {name}, 1 guest", file=lab.file, name=lab.name)
    return msg("{file}: good: lab {name}, {number} guests", file=lab.file, name=lab.name, number=number)


def not_built_note(validated: Validated) -> str:
    """What could not be looked at in a lab file, and what to type so that it can."""
    images = ", ".join(validated.not_built)
    return msg(
        "{given}: whether its guests have enough memory is not known before image {images} is ready: "
        "{virtlab} prepare {lab}",
        given=validated.given,
        images=images,
        lab=quote(validated.given),
    )


def no_guide_note(validated: Validated) -> str:
    """Which guides are missing, and what that means to a learner."""
    files = " and ".join(validated.no_guide)
    return msg(
        "{given}: there is a lesson, and no {files} beside it, the text that guide shows",
        given=validated.given,
        files=files,
    )


def _guest_row(guest: Guest) -> tuple[str, ...]:
    name: str = guest.name
    if guest.parent is not None:
        name = msg("{name} (in {parent})", name=guest.name, parent=guest.parent)
    if guest.optional:
        name = msg("{name} (optional)", name=name)
    return (
        name,
        guest.machine,
        str(guest.accel),
        format_size(guest.memory),
        ", ".join(f"{disk.bus} {format_size(disk.size)}" for disk in guest.disks) or msg("none"),
        ", ".join(f"{i.model} on {i.network}" for i in guest.interfaces) or msg("none"),
        in_language(guest.title),
    )
