"""Whether a guest's memory is enough for what it boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.cli import lab_commands
from provisioner.errors import LabFileError
from provisioner.images import memory_needs
from provisioner.images.cache import BuiltImage
from provisioner.lifecycle import image_upload, lab_files
from provisioner.model import memory
from provisioner.model.lab import Lab
from provisioner.units import MIB
from provisioner.verbs import authoring

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


INSIDE = """\
virtlab: 1
name: inside
defaults: {profile: virtio, interfaces: [], disks: []}
guests:
  host: {image: kvm, memory: 512 MiB}
  small: {kind: nested, parent: host, memory: 64 MiB}
  prompt: {kind: nested, parent: farm, image: grub-timed, memory: 16 MiB}
  farm: {image: hosted, memory: 512 MiB}
  part: {kind: container, parent: host, memory: 16 MiB}
  modern: {firmware: uefi, machine: q35, memory: 192 MiB}
"""


def built(name: str, **memory: int) -> BuiltImage:
    return BuiltImage(name, "kernel", "0" * 64, {}, {"memory": memory})


def test_what_each_kind_of_guest_needs(tmp_path: Path) -> None:
    loaded = lab(tmp_path, INSIDE)
    inside = {memory_needs.MACHINE_INSIDE: 67 * MIB}
    images = {
        "host": built("kvm", kvm=371 * MIB, **inside),
        "farm": built("hosted", hosted=300 * MIB, **inside),
        "modern": built("tiny", tiny=130 * MIB),
    }
    least = image_upload.least_memory(loaded, images)
    assert least == {
        "host": 371 * MIB,
        "small": 67 * MIB,
        "farm": 300 * MIB,
        "modern": memory_needs.with_uefi(130 * MIB),
    }
    assert least["modern"] > 192 * MIB  # which is too little: tried
    with pytest.raises(LabFileError) as raised:
        memory.fitting(loaded, least)
    file = f"{tmp_path}/lab.yaml"
    assert raised.value.problems == (
        f"{file}:6:47: guests.small.memory: 64 MiB is too little for small: what host starts in it, its own "
        "kernel and a small initramfs, needs 67 MiB to come up",
        f"{file}:10:50: guests.modern.memory: 192 MiB is too little for modern: what image tiny has here, "
        "its kernel and initramfs, started by UEFI, needs 208 MiB to come up",
    )


def test_a_profiles_memory_is_enough_for_uefi(tmp_path: Path) -> None:
    loaded = lab(tmp_path, LAB.replace(", memory: 128 MiB", ", firmware: uefi"))
    fitted = memory.fitting(loaded, {"one": memory_needs.with_uefi(130 * MIB)})
    assert fitted.guest("one").memory == 256 * MIB


def test_validate_knows_what_a_built_image_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab(tmp_path, LAB)
    found: list[BuiltImage | None] = [built("tiny", tiny=129 * MIB)]
    monkeypatch.setattr(image_upload, "_known", lambda _name: found[0])
    (validated,) = authoring.validate([str(tmp_path)])
    (error,) = validated.wrong
    assert "defaults.memory: 128 MiB is too little for one" in error.message
    found[0] = None
    (validated,) = authoring.validate([str(tmp_path)])
    assert (validated.wrong, validated.not_built) == ((), ("tiny",))


def test_validate_says_what_it_could_not_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab(tmp_path, LAB)
    monkeypatch.setattr(image_upload, "_known", lambda _name: None)
    lab_commands.validate([str(tmp_path)])
    told = capsys.readouterr()
    assert "good: lab sizes, 2 guests" in told.out
    assert "is not known before image tiny is ready: virtlab prepare" in told.err
