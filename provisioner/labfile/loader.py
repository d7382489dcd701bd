"""Makes a complete ``model.lab.Lab`` of a lab file, its profiles and ``--set`` changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provisioner.labfile import layers, nodes, observation_spec, overrides, rules, spec
from provisioner.labfile.problems import Place, Problems, escaped, shown_path
from provisioner.labfile.rules import Images
from provisioner.labfile.value_types import Given, Spot, text_of
from provisioner.language import Text, msg
from provisioner.model.enums import Accel, AgentPort, GuestKind, NetworkMode
from provisioner.model.hardware.disk_buses import DISK_BUSES
from provisioner.model.lab import (
    Clock,
    Disk,
    Expectation,
    FilePlace,
    Guest,
    How,
    Interface,
    Lab,
    Network,
    Observation,
    Processor,
)

__all__ = ["Images", "load"]


def load(file: Path, *, source: str, profiles: Path, images: Images, sets: Sequence[str] = ()) -> Lab:
    """Read, check and complete a lab file.

    ``source``: see ``model.Lab``. ``profiles``: the folder of hardware profiles. ``sets``: changes of
    the form ``PATH=VALUE``. Problems name the file as ``file`` is written.

    Raises LabFileError with all problems of the file, the changes and the profiles it uses, and
    InputError where a file can't be read.
    """
    problems = Problems()
    root = nodes.read(file, problems)
    if root is not None and sets:
        root = overrides.apply(root, sets, problems)
    if root is not None:
        checked = spec.LAB.check(root, Spot(problems, Place(str(file), 1, 1), ""))
        if checked.ok:
            drafts = layers.drafts(checked, layers.ProfileShelf(profiles, problems), problems)
            rules.check(checked, drafts, images, problems)
            if not problems:
                return _lab(checked, drafts, file, source)
    raise problems.error(hint=msg("what a lab file can hold: {virtlab} schema; or see labs/reference.yaml"))


def observations(given: Given | None) -> tuple[Observation, ...]:
    """The observations of a mapping that was checked."""
    return tuple(_observation(name, item.value) for name, item in given.value.items()) if given else ()


def _observation(name: str, values: dict[str, Given]) -> Observation:
    ((how, expected),) = values["expect"].value.items()
    wanted = expected.value if isinstance(expected.value, list) else [expected]
    return Observation(
        name=name,
        title=text_of(values["title"]) or Text(name),
        guests=_texts(values["guests"]),
        fact=values["fact"].value if "fact" in values else None,
        command=_texts(values.get("command")),
        console=values["console"].value if "console" in values else None,
        read=values["read"].value if "read" in values else observation_spec.READINGS[0],
        expect=Expectation(How(how), tuple(str(each.value) for each in wanted)),
        needs=_texts(values.get("needs")),
        why=text_of(values.get("why")),
    )


def _texts(given: Given | None) -> tuple[str, ...]:
    return tuple(each.value for each in given.value) if given else ()


def _plain(given: Given | None) -> dict[str, Any]:
    return {name: value.value for name, value in given.value.items()} if given else {}


def _lab(lab: Given, drafts: Sequence[layers.Draft], file: Path, source: str) -> Lab:
    values: dict[str, Given] = lab.value
    names = rules.networks_of(lab, drafts) or []
    return Lab(
        name=values["name"].value,
        title=text_of(values.get("title")) or Text(values["name"].value),
        description=text_of(values.get("description")),
        networks=tuple(_network(name, values.get("networks")) for name in names),
        guests=_parents_first([_guest(draft, names) for draft in drafts]),
        file=file,
        source=source,
        observe=observations(values.get("observe")),
        part=values["part"].value if "part" in values else None,
        places={draft.name: _places(draft) for draft in drafts},
    )


def _places(draft: layers.Draft) -> dict[str, FilePlace]:
    """Where the author of the lab says the values of a guest, by their paths below it."""
    places = {"": _place(draft.own)}

    def note(path: str, given: Given) -> None:
        if not given.place.in_profile:
            places[path] = _place(given)
        value = dict(enumerate(given.value)) if isinstance(given.value, list) else given.value
        for step, each in value.items() if isinstance(value, dict) else ():
            note(f"{path}.{step}", each)

    for key, given in draft.hardware.items():
        note(key, given)
    return places


def _place(given: Given) -> FilePlace:
    return FilePlace(escaped(str(given.place)), shown_path(given.path))


def _network(name: str, given: Given | None) -> Network:
    values = given.value[name].value if given else {}
    mode = NetworkMode(values["mode"].value) if "mode" in values else NetworkMode.NAT
    return Network(name, text_of(values.get("title")), mode)


def _guest(draft: layers.Draft, networks: Sequence[str]) -> Guest:
    own, hardware = draft.own.value, draft.hardware
    processor, clock = hardware["processor"].value, hardware["clock"].value
    kernel_args = hardware.get("kernel-args")
    return Guest(
        name=draft.name,
        kind=rules.kind_of_guest(draft.own) or GuestKind.MACHINE,
        parent=rules.parent_of(draft.own),
        transport=rules.transport_of(draft),
        optional="optional" in own and own["optional"].value,
        title=text_of(own.get("title")),
        profile=draft.profile,
        accel=Accel(hardware["accel"].value),
        image=hardware["image"].value,
        machine=hardware["machine"].value,
        firmware=hardware["firmware"].value,
        processor=Processor(
            count=processor["count"].value,
            model=processor["model"].value,
            features=_plain(processor.get("features")),
        ),
        memory=hardware["memory"].value,
        disks=tuple(_disk(_plain(disk)) for disk in hardware["disks"].value),
        interfaces=tuple(
            Interface(**({"network": networks[0]} | _plain(interface)))
            for interface in hardware["interfaces"].value
        ),
        video=hardware["video"].value,
        clock=Clock(offset=clock["offset"].value, timers=_plain(clock.get("timers"))),
        hyperv=_plain(hardware.get("hyperv")),
        kvm=_plain(hardware.get("kvm")),
        smbios=_plain(hardware.get("smbios")),
        features=_plain(hardware.get("features")),
        balloon=hardware["balloon"].value,
        rng=hardware["rng"].value,
        agent=AgentPort(hardware["agent"].value),
        console=hardware["console"].value,
        serial_ports=hardware["serial-ports"].value,
        kernel_args=tuple(arg.value for arg in kernel_args.value) if kernel_args else (),
    )


def _disk(values: dict[str, Any]) -> Disk:
    """A disk. A profile may give a controller to all disks; one whose bus takes none does not keep it."""
    return Disk(**(values | ({} if DISK_BUSES[values["bus"]].takes_controller else {"controller": None})))


def _parents_first(guests: Sequence[Guest]) -> tuple[Guest, ...]:
    """The guests in their order, each parent moved before the first guest that it hosts."""
    by_name = {guest.name: guest for guest in guests}
    ordered: dict[str, Guest] = {}

    def place(guest: Guest) -> None:
        if guest.name not in ordered:
            if guest.parent is not None:
                place(by_name[guest.parent])
            ordered[guest.name] = guest

    for guest in guests:
        place(guest)
    return tuple(ordered.values())
