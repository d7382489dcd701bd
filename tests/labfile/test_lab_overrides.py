"""--set: changes before validation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.errors import LabFileError
from provisioner.model.enums import NetworkMode
from provisioner.model.lab import Lab
from provisioner.units import MIB

Load = Callable[..., Lab]


@pytest.fixture
def demo(root: Path, load_file: Load) -> Callable[..., Lab]:
    return lambda *sets: load_file(root / "labs/demo-paravirt/lab.yaml", sets)


def test_whole_and_short_paths(demo: Load) -> None:
    lab = demo("guests.full.memory=512MiB", "virtio.memory=1 GiB", "full.processor.count=2")
    assert [guest.memory for guest in lab.guests[:2]] == [512 * MIB, 1024 * MIB]
    assert [guest.processor.count for guest in lab.guests[:2]] == [2, 1]


def test_later_ones_win(demo: Load) -> None:
    assert demo("full.memory=512MiB", "full.memory=640MiB").guest("full").memory == 640 * MIB


def test_entries_of_a_list_of_the_profile(demo: Load) -> None:
    full = demo("full.disks.0.size=128MiB", "full.disks.1.bus=sata").guest("full")
    assert [(disk.bus, disk.size) for disk in full.disks] == [("ide", 128 * MIB), ("sata", 64 * MIB)]


def test_lists_and_mappings_as_values(demo: Load) -> None:
    full = demo(
        "full.disks=[{bus: sata}, {}]",
        "full.disks.1.size=1GiB",
        "full.kernel-args=[quiet]",
        "full.interfaces=[]",
    ).guest("full")
    assert [(disk.bus, disk.size) for disk in full.disks] == [("sata", 64 * MIB), ("ide", 1024 * MIB)]
    assert full.kernel_args == ("quiet",)
    assert full.interfaces == ()


def test_feature_names_with_dots(demo: Load) -> None:
    lab = demo("full.processor.features.sse4.1=disable")
    assert lab.guest("full").processor.features == {"sse4.1": "disable"}


def test_defaults_networks_and_titles(demo: Load) -> None:
    lab = demo("defaults.memory=256MiB", "networks.lab.mode=isolated", "title.en=Mine")
    assert {guest.memory for guest in lab.guests} == {256 * MIB}
    assert lab.networks[0].mode is NetworkMode.ISOLATED
    assert (lab.title.en, bool(lab.title.ja)) == ("Mine", True)


def test_entry_of_a_list_of_the_file(load_text: Load) -> None:
    text = "virtlab: 1\nname: x\nguests: {a: {profile: virtio, disks: [{size: 1 GiB}, {size: 2 GiB}]}}\n"
    assert [disk.size for disk in load_text(text, ["a.disks.1.size=3GiB"]).guests[0].disks] == [
        2**30,
        3 * 2**30,
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("full.memry=1GiB", ': unknown key "memry" (did you mean "memory"?)'),
        ("guests.fll.memory=1GiB", ': "fll" is not among the guests (did you mean "full"?)'),
        ("fll.memory=1GiB", ': "fll" is neither a guest nor a key (did you mean "full"?)'),
        ("networks.lan.mode=nat", ': "lan" is not among the networks (did you mean "lab"?)'),
        ("full.memory=512", ": guests.full.memory: a size needs a unit (such as 512 MiB)"),
        ("full.memory=", ": nothing stands behind the ="),
        (
            "memory=512MiB",
            ": say whose memory: of one guest: full.memory=..., or of each guest that has none of its own: "
            "defaults.memory=...",
        ),
        (
            "memory=",
            ": say whose memory: of one guest: full.memory=..., or of each guest that has none of its own: "
            "defaults.memory=...",
        ),
        (
            "cpu.count=2",
            ": say whose processor: of one guest: full.processor.count=..., or of each guest that has none "
            "of its own: defaults.processor.count=...",
        ),
        ("optional=true", ": say whose optional: of one guest: full.optional=..."),
        (
            "full.memory=512\xa0",
            ": the character U+00A0 (no-break space) is no space to YAML, though it looks "
            "like one; write a plain space",
        ),
        ("full.memory", ": wants PATH=VALUE, for example memory of a guest: NAME.memory=512MiB"),
        ("=1", ": wants PATH=VALUE, for example memory of a guest: NAME.memory=512MiB"),
        ("full.memory.size=1", ': "size" leads nowhere; there is a single value before it'),
        ("full.disks.first.size=1GiB", ': "first" is no number of an entry; the first is 0'),
        (
            "full.disks.2.size=1GiB",
            ": guests.full.disks.2: there is no entry 2 (the list has 1, counted from 0)",
        ),
        ("full.disks=[{size: 1 GiB", ": not YAML: this bracket is never closed, or a comma is missing in it"),
        ("full.video=*x", ": *x refers to nothing; there is no &x before it"),
        ("name=other", ': "name" can\'t be set (virtlab copy makes a lab with a name of its own)'),
        (
            "full.balloon=off",
            ': guests.full.balloon: "off" is not known (use none or virtio; did you mean "none"?)',
        ),
        (
            "full.machine=q35",
            ": guests.full.machine: a q35 machine has no ide disks (use bus sata, scsi, nvme or virtio, or "
            "machine pc); bus: ide in profile emulated",
        ),
        ("full.title=\x1b[31m", ": the character U+001B can't stand in YAML"),
    ],
)
def test_mistakes_are_told_with_their_place(demo: Load, change: str, message: str) -> None:
    with pytest.raises(LabFileError) as caught:
        demo(change)
    assert caught.value.problems == (f"--set {change}{message}".replace("\x1b", "\\u001b"),)


def test_all_mistakes_at_once_in_order(demo: Load) -> None:
    with pytest.raises(LabFileError) as caught:
        demo("full.memry=1GiB", "full.cpu=1", "virtio.rng=on")
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        "--set full.memry=1GiB",
        "--set full.cpu=1",
        "--set virtio.rng=on",
    ]
