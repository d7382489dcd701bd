"""Whatever is in a lab file: a lab, or problems; never a crash."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.errors import LabFileError
from provisioner.labfile import nodes, spec
from provisioner.labfile.problems import UNSAFE_CHARACTER, Problems
from provisioner.labfile.value_groups import Many, Names, Record, TextOrRecord
from provisioner.labfile.value_types import Kind, Word
from provisioner.model import lab as model
from provisioner.model.lab import Lab
from provisioner.model.plain import from_data, to_data

Load = Callable[..., Lab]
# What --set changes: the words below lead somewhere in it. One of the labs takes ten times as long to read.
LAB = """\
virtlab: 1
name: small
title: {en: Small, ja: 小さい}
networks: {lab: {mode: nat}}
guests:
  full:
    profile: emulated
    title: {en: All emulated, ja: 全部}
    processor: {count: 1, features: {svm: disable}}
    disks: [{size: 64 MiB}, {bus: virtio}]
  other: {profile: virtio}
""".encode()
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["none", "virtio", "1 GiB"]),
)


def values(kind: Kind) -> st.SearchStrategy[object]:
    """Values that are often right for a kind, and sometimes junk."""
    right: st.SearchStrategy[object] = st.sampled_from(
        ["virtio", "emulated", "a", "b", "tiny", "pc", "q35", "64 MiB"]
    )
    if isinstance(kind, Word):
        right = st.sampled_from(kind.values)
    elif isinstance(kind, Record):
        right = st.fixed_dictionaries({}, optional={key.name: values(key.kind) for key in kind.keys})
    elif isinstance(kind, Names):
        right = st.dictionaries(st.sampled_from(["a", "b", "c"]), values(kind.kind), max_size=3)
    elif isinstance(kind, Many):
        right = st.lists(values(kind.kind), max_size=6)
    elif isinstance(kind, TextOrRecord):
        right = values(kind.record)
    return st.one_of(right, right, right, right, JUNK)


def attempt(load_file: Load, data: bytes, sets: tuple[str, ...] = ()) -> Lab | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lab.yaml"
        file.write_bytes(data)
        problems: tuple[str, ...] = ()
        lab = None
        try:
            lab = load_file(file, sets)
        except LabFileError as error:
            problems = error.problems
    assert bool(lab) != bool(problems)
    assert not any(UNSAFE_CHARACTER.search(problem) for problem in problems)
    return lab


@given(st.binary(max_size=200))
def test_any_bytes(load_file: Load, data: bytes) -> None:
    attempt(load_file, data)


@given(st.text(alphabet=" \n\t:-?,[]{}#&*!|>'\"%@`<~0.ax\r\ufeff\u2028あ", max_size=60))
@example("a: &a\n  *a : b\n")
@example("<<: [*x]\n")
@example("? &a [x]\n: *a\n")
@example("[" * 2000)
@example("{a: " * 2000)
@example("- " * 2000)
def test_any_yaml_punctuation(load_file: Load, text: str) -> None:
    attempt(load_file, text.encode())


@given(values(spec.LAB))
@settings(max_examples=300, deadline=None)
def test_any_structure(load_file: Load, data: object) -> None:
    attempt(load_file, json.dumps(data, allow_nan=True).encode())


@given(st.dictionaries(st.sampled_from(["a", "b"]), values(spec.GUEST), min_size=1), values(spec.DEFAULTS))
@settings(max_examples=300, deadline=None)
def test_any_guests_come_back_from_their_data(load_file: Load, guests: object, defaults: object) -> None:
    good = {"virtlab": 1, "name": "x", "defaults": defaults, "guests": guests}
    lab = attempt(
        load_file,
        json.dumps(good).encode(),
        ("defaults.profile=virtio",) if isinstance(defaults, dict) else (),
    )
    for guest in lab.guests if lab else ():
        assert from_data(model.Guest, json.loads(json.dumps(to_data(guest)))) == guest


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_set(load_file: Load, path: str, value: str) -> None:
    attempt(load_file, LAB, (f"{path}={value}",))
    attempt(load_file, LAB, (f"full.{path}={value}",))


@given(
    st.lists(
        st.sampled_from(
            ["guests", "networks", "full", "disks", "0", "1", "processor", "features", "title", "en"]
        ),
        max_size=6,
    )
)
def test_any_set_of_known_words(load_file: Load, steps: list[str]) -> None:
    for value in ("1", "{}", "[{}]", "a: b", "~"):
        attempt(load_file, LAB, (f"{'.'.join(steps)}={value}",))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("12", 12),
        ("-7", -7),
        ("0755", 755),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("~", None),
        ("Null", None),
        ("", None),
        ("=", "="),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert nodes.resolve(text) == value
    assert type(nodes.resolve(text)) is type(value)


@given(st.text())
def test_quoted_text_is_text(text: str) -> None:
    problems = Problems()
    node = nodes.parse(json.dumps(text), "text", problems)
    assert (node is None and problems) or (isinstance(node, nodes.Scalar) and node.value == text)
