"""Whether a guest's memory is enough for what it boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import LabFileError
from provisioner.lifecycle import lab_files
from provisioner.model import memory
from provisioner.model.lab import Lab
from provisioner.units import MIB

LAB = """\
virtlab: 1
name: sizes
defaults: {profile: virtio, memory: 128 MiB}
guests:
  one: {}
  two:
    memory: 256 MiB
"""


def lab(tmp_path: Path, text: str = LAB, *sets: str) -> Lab:
    file = tmp_path / "lab.yaml"
    file.write_text(text)
    return lab_files.load(file, str(file), sets)


def test_what_is_enough_stays(tmp_path: Path) -> None:
    loaded = lab(tmp_path)
    assert memory.fitting(loaded, {"one": 128 * MIB, "two": 100 * MIB}) == loaded
    assert memory.fitting(loaded, {}) == loaded


def test_too_little_is_said_with_its_place_and_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(LabFileError) as raised:
        memory.fitting(lab(tmp_path), {"one": 140 * MIB + 1, "two": 300 * MIB})
    has = "what image tiny has here, its kernel and initramfs, needs"
    file = f"{tmp_path}/lab.yaml"
    assert raised.value.problems == (
        f"{file}:3:37: defaults.memory: 128 MiB is too little for one: {has} 141 MiB to come up",
        f"{file}:7:13: guests.two.memory: 256 MiB is too little for two: {has} 300 MiB to come up",
    )
    assert raised.value.hint
    assert "--set defaults.memory=352MiB" in raised.value.hint


def test_the_place_may_be_a_set(tmp_path: Path) -> None:
    with pytest.raises(LabFileError, match=r"--set two.memory=64MiB: guests\.two\.memory: 64 MiB is too"):
        memory.fitting(lab(tmp_path, LAB, "two.memory=64MiB"), {"two": 65 * MIB})


def test_a_profiles_memory_follows_the_image(tmp_path: Path) -> None:
    loaded = lab(tmp_path, LAB.replace(", memory: 128 MiB", ""))
    assert loaded.guest("one").memory == 192 * MIB
    fitted = memory.fitting(loaded, {"one": 310 * MIB, "two": 140 * MIB})
    assert fitted.guest("one").memory == 352 * MIB
    assert fitted.guest("two") == loaded.guest("two")
    assert memory.fitting(fitted, {"one": 310 * MIB}) == fitted
