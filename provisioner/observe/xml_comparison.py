"""Compares domain definitions: what differs, whatever its position in the document.

A place in a definition is written as in notes: ``devices/disk[1]/target@bus``. Where there may be several
elements of a name, brackets hold what distinguishes them: the element's own name or kind, or else its number.
"""

from __future__ import annotations

import fnmatch
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provisioner.labfile.lesson import Note
from provisioner.language import Text, msg
from provisioner.model.hardware import disk_buses

LEFT_OUT = Text(
    en="left out: names, UUIDs, MAC and IP addresses, paths of files, and the places that libvirt "
    "gave the devices",
    ja="比較から除いたもの: 名前、UUID、MACアドレス、IPアドレス、ファイルのパス、"
    "libvirtが割り当てたデバイスの位置",
)
# What is different in every guest anyway, and what libvirt adds by itself.
_LEFT_OUT = (
    "name",
    "uuid",
    "title",
    "description",
    "metadata",
    "currentMemory",
    "os/kernel",
    "os/initrd",
    "os/loader",
    "os/nvram",
    "os/cmdline[virtlab.hostname]",
    "os/cmdline[virtlab.if]",
    "devices/emulator",
    "devices/controller[pci ?*]",
    "devices/disk/source",
    "devices/disk/backingStore",
    "devices/disk/target@dev",
    *(f"devices/*/{element}" for element in disk_buses.KNOWN_BY),
    "devices/interface/mac",
    "devices/interface/filterref",
    "devices/interface/target",
    "devices/*/alias",
    "devices/*/address",
)
_COUNTED = ("disk", "interface")  # these have a number even where there is one
# The attribute that says most about an element that only some guests have. It may be a child's.
_TELLING = ("@present", "@policy", "@value", "@model", "target@bus", "model@type", "target/model@name")
_TEXT = "text"
_BRACKETS = re.compile(r"\[[^]]*\]")


@dataclass(frozen=True, slots=True)
class Difference:
    """``values`` by guest: None where it has no such element, empty where the element has no value."""

    at: str  # devices/disk[1]/target@bus
    label: str  # disk 1: target bus
    values: dict[str, str | None]
    note: Text | None


def differences(documents: dict[str, str], notes: Sequence[Note]) -> list[Difference]:
    """What is not the same in all definitions (domain XML by guest). Devices come before the rest.

    The first note that fits is taken, so a lab's own notes are given before the general ones. An element that
    some guest lacks is one difference, whatever it contains. Raises ValueError for a text that is no domain
    definition.
    """
    placed = {guest: places(xml) for guest, xml in documents.items()}
    differences: list[Difference] = []
    lacking: list[str] = []  # elements
    for at in _merged([list(own) for own in placed.values()]):
        values = {guest: own.get(at) for guest, own in placed.items()}
        is_element = "@" not in _BRACKETS.sub("", at)
        if any(at.startswith((f"{element}/", f"{element}@")) for element in lacking):
            continue
        if None in values.values() and is_element:
            lacking.append(at)
        elif is_element or len(set(values.values())) == 1:
            continue
        differences.append(Difference(at, label(at), values, note_for(at, values, notes)))
    return sorted(differences, key=lambda difference: _rank(difference.at))


def places(xml: str) -> dict[str, str]:
    """Every place of a definition that is compared, in the document's order, with its value: for an element
    the attribute that says most about it."""
    try:
        root = ET.fromstring(xml)  # noqa: S314 - libvirt wrote it
    except ET.ParseError as error:
        raise ValueError(msg("not a domain definition: {error}", error=error)) from error
    if root.tag != "domain":
        raise ValueError(msg("not a domain definition: its element is {tag}", tag=root.tag))
    for child in [child for child in root if child.tag.startswith("{")]:
        root.remove(child)  # QEMU's own words; of virtlab's they are in every guest alike
    places = {f"@{name}": value for name, value in root.attrib.items()}
    places.update(_inside(root, ""))
    return {at: value for at, value in places.items() if not any(fits(out, at) for out in _LEFT_OUT)}


def fits(pattern: str, at: str) -> bool:
    """Whether a pattern fits a place, or an element around it.

    In a pattern ``*`` stands for any text and ``?`` for any character; brackets may be left out.
    """
    wanted, attribute = _split(pattern)
    given, own = _split(at)
    if attribute and (len(given) != len(wanted) or attribute != own):
        return False
    return len(given) >= len(wanted) and all(
        fnmatch.fnmatchcase(part if "[" in glob else _BRACKETS.sub("", part), glob.replace("[", "[[]"))
        for glob, part in zip(wanted, given, strict=False)
    )


def note_for(at: str, values: dict[str, str | None], notes: Sequence[Note]) -> Text | None:
    """The first note that fits a place. A note whose ``at`` ends in ``=VALUE`` fits only where a guest has
    that value there."""
    for note in notes:
        place, _, value = note.at.partition("=")
        if fits(place, at) and (not value or value in values.values()):
            return note.text
    return None


def label(at: str) -> str:
    """A place for people: ``disk 1: target bus``."""
    elements, attribute = _split(at.removeprefix("devices/"))
    words = [element.replace("[", " ").replace("]", "") for element in elements if element]
    rest = " ".join([*words[1:], attribute if attribute != _TEXT else ""]).strip()
    return ": ".join(text for text in (words[0] if words else "domain", rest) if text)


def _rank(at: str) -> int:
    """The rank in which readers look for places: the kind of domain, its devices, and last the kernel's
    arguments."""
    if at.startswith("os/cmdline"):
        return 3
    return 0 if at.startswith("@") else 1 if at.startswith("devices/") else 2


def _split(at: str) -> tuple[list[str], str]:
    """The elements of a place, and its attribute. A slash or @ in brackets is a part of a name."""
    held = _BRACKETS.sub(lambda match: match.group().replace("/", "\0").replace("@", "\1"), at)
    elements, _, attribute = held.partition("@")
    return [part.replace("\0", "/").replace("\1", "@") for part in elements.split("/")], attribute


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """All places: those of the first list, and each that only a later list has behind the one before it
    there."""
    merged: list[str] = []
    for order in orders:
        next_to = 0
        known = {place: index for index, place in enumerate(merged)}
        added = 0
        for place in order:
            if place in known:
                next_to = max(next_to, known[place] + added + 1)
            else:
                merged.insert(next_to, place)
                next_to += 1
                added += 1
    return merged


def _inside(element: ET.Element, above: str) -> Iterator[tuple[str, str]]:
    numbers: Counter[str] = Counter()
    taken: set[tuple[str, str]] = set()
    for child in element:
        name = child.tag.rpartition("}")[2]
        at = f"{above}/{name}" if above else name
        if at == "os/cmdline":
            yield from _command_line(child.text or "", at)
            continue
        numbers[name] += 1
        key = _key(name, child, numbers[name])
        if (name, key) in taken:
            key = f"{key} {numbers[name]}".strip()
        taken.add((name, key))
        at += f"[{key}]" if key else ""
        yield at, _telling(child, key)
        for attribute, value in child.attrib.items():
            yield f"{at}@{attribute}", value
        if text := (child.text or "").strip():
            yield f"{at}@{_TEXT}", text
        yield from _inside(child, at)


def _command_line(text: str, at: str) -> Iterator[tuple[str, str]]:
    """Each word of the kernel's command line as an element, named by the text before its ``=``."""
    for word in dict.fromkeys(text.split()):
        name, _, value = word.partition("=")
        name = name.replace("[", "(").replace("]", ")")
        yield f"{at}[{name}]", value
        yield f"{at}[{name}]@{_TEXT}", value


def _key(name: str, element: ET.Element, number: int) -> str:
    """What distinguishes an element from others of its name. Empty where nothing is needed."""
    target = element.find("target")
    if name == "controller":
        index = element.get("index", "0")
        key = element.get("type", "") + (f" {index}" if index != "0" else "")
    elif name == "console":
        key = "" if target is None else target.get("type", "")
    elif name == "channel":
        key = "" if target is None else target.get("name", "")
    elif name == "serial":
        key = str(number - 1) if target is None else target.get("port", "")  # as ttyS0 counts them
    elif name in ("timer", "feature", "entry"):
        key = element.get("name", "")
    elif name == "input":
        key = f"{element.get('type')} {element.get('bus')}"
    elif name in _COUNTED or number > 1:
        key = str(number)
    else:
        key = ""
    return key.replace("[", "(").replace("]", ")")


def _telling(element: ET.Element, key: str) -> str:
    for place in _TELLING:
        path, _, attribute = place.partition("@")
        holder = element.find(path) if path else element
        value = None if holder is None else holder.get(attribute)
        if value and value != key:
            return value if path else f"{attribute}={value}"
    return ""
