"""Verbs about lab files, which need no libvirt."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner import errors
from provisioner.verbs import authoring, catalogue, in_guest, known_names

LAB = "virtlab: 1\nname: x\nguests:\n  a: {profile: virtio}\n"


def test_the_catalogue() -> None:
    assert known_names.labs() == [entry.name for entry in catalogue.labs()]
    assert known_names.products() == [product.name for product in catalogue.products()]
    first, *_ = known_names.products()
    assert [product.name for product in catalogue.products([first, first])] == [first]
    with pytest.raises(errors.InputError, match="there is no product"):
        catalogue.products(["no such"])


def test_a_verdict_for_each_lab_file(tmp_path: Path) -> None:
    (good := tmp_path / "good.yaml").write_text(LAB)
    (bad := tmp_path / "bad.yaml").write_text(f"{LAB}more: 1\n")
    first, second = authoring.validate([str(good), str(bad)])
    assert (first.given, first.lab and first.lab.name, first.error) == (str(good), "x", None)
    assert (second.given, second.lab) == (str(bad), None)
    assert second.error is not None
    assert "unknown key" in second.error.message


def test_a_copy_is_a_lab(tmp_path: Path) -> None:
    copied = authoring.copy("demo-paravirt", tmp_path / "mine")
    assert authoring.show(str(copied)).name == "mine"
    with pytest.raises(errors.ConflictError):
        authoring.copy("demo-paravirt", tmp_path / "mine")


def test_optional_guests_of_a_lab_are_known() -> None:
    assert known_names.optional_guests("demo-paravirt") == ["vmware"]
    assert known_names.optional_guests("no such") == []


@pytest.mark.parametrize("label", ["lab", "lab/", "/guest", ""])
def test_a_guest_is_named_with_its_instance(label: str) -> None:
    with pytest.raises(errors.InputError, match="write LAB/GUEST"):
        in_guest.split(label)
