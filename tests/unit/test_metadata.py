"""What is written on domains and networks, and what is not taken for it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import after, guest, lab, network

from provisioner.language import Text
from provisioner.model import metadata
from provisioner.model.enums import GuestKind, Transport
from provisioner.model.lab import Guest
from provisioner.model.metadata import Address, Choices, Origin
from provisioner.model.naming import Instance
from provisioner.model.plain import to_data

GUEST = after(lab(guest("one", title=Text("One", "一"))), session=True).domains[0].metadata
NETWORK = after(lab(guest("one"), networks=(network(),))).networks[0].metadata
ANY = st.text(st.characters())  # surrogates, too: a file's name may have them


def test_round_trip() -> None:
    assert metadata.loads(metadata.dumps(GUEST)) == GUEST
    assert metadata.loads(metadata.dumps(NETWORK)) == NETWORK


@given(ANY, ANY, ANY, st.lists(ANY, max_size=3))
def test_round_trip_of_any_text(user: str, file: str, why: str, sets: list[str]) -> None:
    origin = Origin(user, "demo", "demo", file, file, Choices("kvm", tuple(sets)))
    mark = dataclasses.replace(GUEST, origin=origin, accel_why=why, images={why: user}, inner=())
    text = metadata.dumps(mark)
    assert metadata.loads(text) == mark
    text.encode()
    assert not any(c < " " or "\x7f" <= c <= "\x9f" or c in "\ufffe\uffff" for c in text)


def _inside(name: str, parent: str | None) -> Guest:
    return guest(name, kind=GuestKind.CONTAINER, parent=parent, transport=Transport.PARENT)


def _inner(name: str, parent: str | None, **changes: object) -> dict[str, object]:
    return to_data(_inside(name, parent)) | changes  # type: ignore[no-any-return]


def test_round_trip_of_every_part() -> None:
    mark = dataclasses.replace(
        GUEST,
        origin=dataclasses.replace(
            GUEST.origin, choices=Choices("tcg", ("one.memory=1GiB",), ("two",), ("three",))
        ),
        addresses=(Address("lab", "52:54:00:00:00:01", "10.0.2.11/24", None),),
        inner=(_inside("in", "one"), _inside("deep", "in")),
    ).with_accel("tcg", "KVM was tried and failed: it is busy")
    read = metadata.loads(metadata.dumps(mark))
    assert read == mark
    assert isinstance(read, metadata.GuestMetadata)
    assert (read.fell_back, read.accel, read.accel_why) == (
        True,
        "tcg",
        "KVM was tried and failed: it is busy",
    )


@pytest.mark.parametrize(
    "inner",
    [
        (_inside("in", "nobody"),),
        (_inside("deep", "in"), _inside("in", "one")),
        (_inside("in", "in"),),
        (_inside("one", "one"),),
        (_inside("in", "one"), _inside("in", "one")),
    ],
)
def test_guests_inside_stand_in_guests_that_are_there(inner: tuple[Guest, ...]) -> None:
    text = metadata.dumps(dataclasses.replace(GUEST, inner=inner))
    with pytest.raises(ValueError, match="not guests inside another one"):
        metadata.loads(text)


def test_people_can_read_it() -> None:
    assert '"ja":"一"' in metadata.dumps(GUEST)
    assert metadata.dumps(GUEST).startswith('{"format":2,"kind":"guest",')
    assert metadata.dumps(NETWORK).startswith('{"format":2,"kind":"network",')


def broken(base: metadata.GuestMetadata | metadata.NetworkMetadata, *path: str, value: Any) -> str:
    data = json.loads(metadata.dumps(base))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "1",
        "[]",
        "{}",
        '"text"',
        '{"format":1}',
        '{"format":1,"kind":"guest"}',
        '{"format":1,"kind":"guest","origin":[]}',
        '{"format":1,"kind":"network","origin":{"choices":{"accel":null,"sets":[]}}}',
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"format":' + "1" * 10_000 + "}",
        metadata.dumps(GUEST)[:-1],
        metadata.dumps(GUEST) + "x",
        metadata.dumps(GUEST) + " " * 300_000,
        broken(GUEST, "format", value=0),
        broken(GUEST, "format", value=10**9),
        broken(GUEST, "format", value=True),
        broken(GUEST, "format", value="2"),
        broken(GUEST, "format", value=None),
        broken(GUEST, "kind", value="network"),
        broken(GUEST, "kind", value="planet"),
        broken(NETWORK, "kind", value="guest"),
        broken(GUEST, "guest", value="one"),
        broken(GUEST, "guest", value=["one"]),
        broken(GUEST, "guest", "name", value=None),
        broken(GUEST, "accel", value="hvf"),
        broken(GUEST, "accel_why", value=3),
        broken(GUEST, "fell_back", value="no"),
        broken(GUEST, "images", value=["tiny"]),
        broken(GUEST, "images", value={"tiny": 1}),
        broken(GUEST, "inner", value=["in"]),
        broken(GUEST, "inner", value=[{}]),
        broken(GUEST, "inner", value=[_inner("in", None)]),
        broken(GUEST, "inner", value=[_inner("in", "one", kind="machine")]),
        broken(GUEST, "inner", value=[_inner("in", "one", disks=None)]),
        broken(GUEST, "inner", value=[_inner("in", "one", processor={})]),
        broken(GUEST, "addresses", value=None),
        broken(GUEST, "addresses", value=[]),
        broken(GUEST, "addresses", value=["10.0.2.11"]),
        broken(GUEST, "addresses", value=[{"network": "lab", "mac": 1, "address": "x", "gateway": None}]),
        broken(GUEST, "addresses", value=[{"network": "lab", "mac": "x", "address": "x", "gateway": 5}]),
        broken(GUEST, "guest", value=None),
        broken(GUEST, "guest", value={}),
        broken(GUEST, "guest", "memory", value="much"),
        broken(GUEST, "guest", "machine", value=None),
        broken(GUEST, "guest", "disks", value={}),
        broken(GUEST, "guest", "disks", value=["one"]),
        broken(GUEST, "guest", "interfaces", value=[]),
        broken(GUEST, "guest", "interfaces", value=[{}]),
        broken(GUEST, "origin", "user", value=None),
        broken(GUEST, "origin", "user", value=0),
        broken(GUEST, "origin", "choices", value=None),
        broken(GUEST, "origin", "choices", "accel", value="hvf"),
        broken(GUEST, "origin", "choices", "sets", value=None),
        broken(GUEST, "origin", "choices", "sets", value=[1]),
        broken(GUEST, "origin", "choices", "guests", value="one"),
        broken(GUEST, "origin", "choices", "left_out", value=[{}]),
        broken(NETWORK, "network", value=None),
        broken(NETWORK, "network", "mode", value="bridge"),
        broken(NETWORK, "subnet", value=None),
        broken(NETWORK, "network", value="x"),
    ],
    ids=lambda text: text[-60:],
)
def test_what_is_no_metadata(text: str) -> None:
    with pytest.raises(ValueError):
        metadata.loads(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(json.loads(metadata.dumps(GUEST)))), JSON)
def test_any_value_of_any_part_is_metadata_or_a_value_error(part: str, value: Any) -> None:
    try:
        mark = metadata.loads(broken(GUEST, part, value=value))
    except ValueError:
        return
    assert isinstance(mark.origin.key, Instance)
    assert metadata.loads(metadata.dumps(mark)) == mark


def test_choices_add_up_and_the_last_value_of_a_key_counts() -> None:
    first = Choices().updated("kvm", ("a.memory=1GiB", "b.memory=1GiB"))
    assert first == Choices("kvm", ("a.memory=1GiB", "b.memory=1GiB"))
    assert first.updated(None, ()) == first
    assert first.updated("auto", (" a.memory =2GiB",)) == Choices(
        "auto", (" a.memory =2GiB", "b.memory=1GiB")
    )


def test_an_origins_instance() -> None:
    assert Origin("learner", "mine", "demo", "s", "f").key == Instance("learner", "mine")
    assert Origin("Ada", "mine", "demo", "s", "f").key.owner.startswith("ada-")


@pytest.mark.parametrize("path", [(), ("guest",), ("origin",), ("origin", "choices")])
def test_a_key_that_only_a_later_version_knows_is_no_difference(path: tuple[str, ...]) -> None:
    assert metadata.loads(broken(GUEST, *path, "later", value={"anything": [1]})) == GUEST


def test_choices_of_an_earlier_version_know_of_no_optional_guests() -> None:
    data = json.loads(metadata.dumps(GUEST))
    data["origin"]["choices"] = {"accel": None, "sets": []}
    assert metadata.loads(json.dumps(data)) == GUEST


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "{virtlab} up demo --with two"),
        ({"instance": "mine"}, "{virtlab} up demo --as mine --with two"),
        (
            {"source": "/my labs/lab.yaml", "file": "/my labs/lab.yaml"},
            "{virtlab} up '/my labs/lab.yaml' --with two",
        ),
    ],
)
def test_the_command_that_brings_a_guest_up_that_was_left_out(changes: dict[str, str], command: str) -> None:
    assert dataclasses.replace(GUEST.origin, **changes).with_guest("two") == command
