"""Where a guest's values come from: the guest itself, then the lab's defaults, its profile, and the base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from provisioner.labfile import nodes, spec
from provisioner.labfile.problems import PROFILE_ORDER, Place, Problems, alternatives, shown
from provisioner.labfile.value_groups import Many, Names, Record
from provisioner.labfile.value_types import Given, Kind, Spot
from provisioner.language import msg


class Draft(NamedTuple):
    """A guest with all its values, each of which still has its place. ``hardware`` has the keys of
    spec.HARDWARE; disks and interfaces are complete."""

    name: str
    own: Given  # what the guest's own mapping gives
    profile: str
    hardware: dict[str, Given]


class ProfileShelf:
    """The hardware profiles of a folder, read when first asked for."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self.folder = folder
        self.problems = problems
        self._layers: dict[str, tuple[Given, ...]] = {}

    def names(self) -> list[str]:
        """The profiles that a guest can have, sorted."""
        return sorted(file.stem for file in self.folder.glob("*.yaml") if file.stem != spec.BASE_PROFILE)

    def layers(self, name: str) -> tuple[Given, ...]:
        """The values of the profile, then those of the base. Empty where they can't be used."""
        if name not in self._layers:
            layers = [
                layer for layer in (self._read(name), self._read(spec.BASE_PROFILE)) if layer is not None
            ]
            complete = len(layers) == 2 and self._complete(self.folder / f"{name}.yaml", layers)
            self._layers[name] = tuple(layers) if complete else ()
        return self._layers[name]

    def _read(self, name: str) -> Given | None:
        file = self.folder / f"{name}.yaml"
        root = nodes.read(file, self.problems, PROFILE_ORDER)
        if root is None:
            return None
        layer = spec.PROFILE.check(root, Spot(self.problems, Place(str(file), 1, 1, PROFILE_ORDER), ""))
        return layer if layer.ok else None

    def _complete(self, file: Path, layers: Sequence[Given]) -> bool:
        missing = list(_missing(spec.PROFILE, overlay(spec.PROFILE, layers, self.problems)))
        for path in missing:
            message = msg(
                "missing; neither this profile nor {base}.yaml gives it",
                base=spec.BASE_PROFILE,
            )
            self.problems.add(Place(str(file), 1, 1, PROFILE_ORDER), path, message)
        return not missing


def _missing(record: Record, given: Given | None) -> Iterator[str]:
    values = given.value if given else {}
    if given and not given.ok:
        return
    for key in record.keys:
        if isinstance(key.kind, Record):
            yield from (f"{key.name}.{path}" for path in _missing(key.kind, values.get(key.name)))
        elif key.default == spec.FROM_PROFILE and key.name not in values:
            yield key.name


def overlay(kind: Kind, layers: Sequence[Given], problems: Problems) -> Given | None:
    """One value out of several, the nearest first: mappings are merged, anything else is replaced."""
    if not layers:
        return None
    first = layers[0]
    if isinstance(kind, Many):
        return _overlay_list(kind, layers, problems)
    if not first.ok or not isinstance(kind, Record | Names):
        return first
    mappings = [layer for layer in layers if layer.ok]
    kinds = {key.name: key.kind for key in kind.keys} if isinstance(kind, Record) else {}
    merged: dict[str, Given] = {}
    for name in dict.fromkeys(name for layer in mappings for name in layer.value):
        inner = kinds[name] if isinstance(kind, Record) else kind.kind
        value = overlay(inner, [layer.value[name] for layer in mappings if name in layer.value], problems)
        if value is not None:
            merged[name] = value
    return first._replace(value=merged)


def _overlay_list(kind: Many, layers: Sequence[Given], problems: Problems) -> Given:
    """The nearest whole list, with the changes to single entries that nearer layers make."""
    patches = [layer for layer in layers if layer.ok and isinstance(layer.value, dict)]
    base = next((layer for layer in layers if not isinstance(layer.value, dict)), None)
    if not patches or (base is not None and not base.ok):
        return base or layers[0]
    items = list(base.value) if base else []
    for patch in reversed(patches):
        for index, change in sorted(patch.value.items()):
            if index < len(items):
                items[index] = overlay(kind.kind, [change, items[index]], problems) or change
            elif index == len(items):
                items.append(change)
            else:
                problems.add(change.place, change.path, no_such_entry(index, len(items)))
    return patches[0]._replace(value=items)


def no_such_entry(index: int, count: int) -> str:
    """The message about an index that a list of ``count`` entries does not have."""
    return msg("there is no entry {index} (the list has {count}, counted from 0)", index=index, count=count)


def drafts(lab: Given, shelf: ProfileShelf, problems: Problems) -> list[Draft]:
    """Each guest of a checked lab with all its values. Guests without a valid profile are left out."""
    guests = lab.value.get("guests")
    defaults = lab.value.get("defaults")
    own_defaults = [defaults] if defaults and defaults.ok else []
    if guests is None or not guests.ok or (defaults and not defaults.ok):
        return []
    drafts: list[Draft] = []
    for name, guest in guests.value.items():
        if not guest.ok:
            continue
        profile = _profile(guest, own_defaults, shelf, problems)
        layers = [*own_defaults, *shelf.layers(profile)] if profile else []
        if len(layers) > len(own_defaults):
            drafts.append(Draft(name, guest, profile, _hardware([guest, *layers], problems)))
    return drafts


def _profile(guest: Given, defaults: Iterable[Given], shelf: ProfileShelf, problems: Problems) -> str:
    given = next((layer.value["profile"] for layer in (guest, *defaults) if "profile" in layer.value), None)
    if given is None:
        message = msg('the key "profile" is missing (known: {names})', names=", ".join(shelf.names()))
        problems.add(guest.place, guest.path, message)
        return ""
    if not given.ok:
        return ""
    name = str(given.value)
    names = shelf.names()
    if name in names:
        return name
    problems.add(
        given.place,
        given.path,
        msg("there is no profile {name} ({known})", name=shown(name), known=alternatives(name, names)),
    )
    return ""


def _hardware(layers: list[Given], problems: Problems) -> dict[str, Given]:
    def merged(name: str, kind: Kind) -> Given | None:
        return overlay(kind, [layer.value[name] for layer in layers if name in layer.value], problems)

    values = {
        key.name: value for key in spec.HARDWARE.keys if (value := merged(key.name, key.kind)) is not None
    }
    for many, one, kind in (("disks", "disk", spec.DISK), ("interfaces", "interface", spec.INTERFACE)):
        entries, default = values[many], merged(one, kind)
        if default and not default.ok:
            values[many] = default
        elif entries.ok:
            common = [default] if default else []
            full = [overlay(kind, [entry, *common], problems) or entry for entry in entries.value]
            values[many] = entries._replace(value=full)
    return values
