"""Labs against the XML that they gave before, and every XML against libvirt's own schemas.

The goldens have no metadata: ``test_render_xml.py`` reads it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from lxml import etree
from rendered import (
    HERE,
    LABS,
    POOL,
    domains,
    filters,
    load_lab,
    networks,
    origin_of,
    volumes,
    without_metadata,
)

from provisioner import render
from provisioner.labfile import spec
from provisioner.labfile.value_groups import Many, Record
from provisioner.labfile.value_types import Word
from provisioner.model.lab import Lab
from provisioner.model.plain import to_data

SCHEMAS = Path("/usr/share/libvirt/schemas")
GOLDEN = HERE / "golden"
HOW = [
    (accel, connection, connection == "session")
    for accel in ("tcg", "kvm")
    for connection in ("system", "session")
]


def documents() -> Iterator[tuple[str, str, str]]:
    """The path of each golden, the schema that it follows, and its XML."""
    for name, file in LABS.items():
        lab = load_lab(file)
        origin = origin_of(lab)
        for network, xml in networks(lab, origin).items():
            yield f"{name}/network-{network}.xml", "network", xml
        for network, xml in filters(lab, origin).items():
            yield f"{name}/filter-{network}.xml", "nwfilter", xml
        for accel, connection, session in HOW:
            for guest, xml in domains(lab, origin, accel=accel, session=session).items():
                yield f"{name}/{guest}.{accel}.{connection}.xml", "domain", xml
        for volume, xml in volumes(lab, origin).items():
            yield f"{name}/volume-{volume.removeprefix(origin.key.prefix)}.xml", "storagevol", xml
    yield "image-volume.xml", "storagevol", render.volume_xml("virtlab..image.x", 4096, fmt="raw")
    yield "pool.xml", "storagepool", render.pool_xml(POOL)


@cache
def schema(name: str) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(SCHEMAS / f"{name}.rng"))


@cache
def known_buses() -> set[str | None]:
    """The disk buses that libvirt's schema takes."""
    root = etree.parse(SCHEMAS / "domaincommon.rng").getroot()
    path = "{*}define[@name='diskTarget']//{*}attribute[@name='bus']//{*}value"
    return {value.text for value in root.iterfind(path)}


DOCUMENTS = {path: (kind, xml) for path, kind, xml in documents()}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_golden(path: str, regenerate: bool) -> None:
    kind, xml = DOCUMENTS[path]
    if kind in ("domain", "network"):
        xml = without_metadata(xml)
    golden = GOLDEN / path
    if regenerate:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(xml, encoding="utf-8")
    assert xml == golden.read_text(encoding="utf-8")


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="libvirt's schemas are not installed (package libvirt0)")
@pytest.mark.parametrize("path", DOCUMENTS)
def test_libvirts_schema_takes_it(path: str) -> None:
    kind, xml = DOCUMENTS[path]
    root, rules = etree.fromstring(xml), schema(kind)
    if missing := {target.get("bus") for target in root.iterfind("devices/disk/target")} - known_buses():
        pytest.skip(f"libvirt here has no disks on {', '.join(sorted(missing))}")
    assert rules.validate(root), rules.error_log


def test_there_is_no_golden_of_nothing(regenerate: bool) -> None:
    kept = {str(file.relative_to(GOLDEN)): file for file in GOLDEN.rglob("*.xml")}
    if regenerate:
        for path in kept.keys() - DOCUMENTS.keys():
            kept.pop(path).unlink()
    assert kept.keys() == DOCUMENTS.keys()


def words(record: Record, path: str = "") -> Iterator[tuple[str, str]]:
    """Each value of each key with a closed set of values, as path and value."""
    for key in record.keys:
        at = f"{path}.{key.name}" if path else key.name
        kind = key.kind.kind if isinstance(key.kind, Many) else key.kind
        if isinstance(kind, Record):
            yield from words(kind, at)
        elif isinstance(kind, Word):
            yield from ((at, value) for value in kind.values)


def used(lab: Lab) -> set[tuple[str, str]]:
    """The same for the values that the guests of a lab have."""

    def walk(data: object, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(data, dict):
            for key, value in data.items():
                yield from walk(value, f"{path}.{key}" if path else key)
        elif isinstance(data, list):
            for item in data:
                yield from walk(item, path)
        elif isinstance(data, str):
            yield path.replace("_", "-"), data

    return {pair for guest in lab.guests for pair in walk(to_data(guest), "")}


def test_the_lab_with_everything_has_everything() -> None:
    lab = load_lab(LABS["everything"])
    assert set(words(spec.HARDWARE)) <= used(lab)
    assert {str(network.mode) for network in lab.networks} == {"nat", "isolated"}
    policies = {policy for guest in lab.guests for policy in guest.processor.features.values()}
    assert policies == {"require", "disable"}
    timers = {pair for guest in lab.guests for pair in guest.clock.timers.items()}
    (kind,) = (key.kind for key in spec.CLOCK.keys if key.name == "timers")
    assert isinstance(kind, Record)
    assert timers == {(key.name, present) for key in kind.keys for present in (True, False)}
    (kind,) = (key.kind for key in spec.HARDWARE.keys if key.name == "features")
    assert isinstance(kind, Record)
    features = {pair for guest in lab.guests for pair in guest.features.items()}
    assert features == {(key.name, on) for key in kind.keys for on in (True, False)}
    assert {key.name for key in spec.SMBIOS.keys} == {name for guest in lab.guests for name in guest.smbios}


def test_the_same_input_gives_the_same_bytes() -> None:
    assert {path: (kind, xml) for path, kind, xml in documents()} == DOCUMENTS


def test_every_field_of_a_guest_shows_in_its_xml() -> None:
    """A key that a lab file has and that changes nothing would be a lie."""
    lab = load_lab(LABS["everything"])
    guest = lab.guest("uefi")
    origin = origin_of(lab)

    def text(changed: object) -> str:
        with_it = dataclasses.replace(lab, guests=(changed,))
        return without_metadata(domains(with_it, origin, accel="tcg", session=True)["uefi"])

    other = {
        "title": dataclasses.replace(lab.title, en="another"),
        "machine": "pc",
        "firmware": "bios",
        "processor": dataclasses.replace(guest.processor, count=7),
        "memory": 2 * guest.memory,
        "disks": lab.guest("scsi").disks,
        "interfaces": lab.guest("scsi").interfaces,
        "video": "none",
        "clock": lab.guest("scsi").clock,
        "smbios": {"product": "another"},
        "features": {"vmport": True},
        "hyperv": {"relaxed": True},
        "kvm": {},
        "balloon": "none",
        "rng": "none",
        "agent": lab.guest("scsi").agent,
        "console": "serial",
        "serial_ports": 4,
        "kernel_args": ("another",),
    }
    decided_elsewhere = {"name", "kind", "parent", "transport", "optional", "profile", "accel", "image"}
    assert other.keys() | decided_elsewhere == {field.name for field in dataclasses.fields(guest)}
    before = text(guest)
    for name, value in other.items():
        assert text(dataclasses.replace(guest, **{name: value})) != before, name
