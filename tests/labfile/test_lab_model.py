"""The model's own answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.model import lab as model


def test_guest_by_name(root: Path, load_file: Callable[..., model.Lab]) -> None:
    lab = load_file(root / "labs/reference.yaml")
    assert lab.guest("inner").parent == "host"
    with pytest.raises(KeyError):
        lab.guest("nobody")


def test_data_of_another_form_is_refused(root: Path, load_file: Callable[..., model.Lab]) -> None:
    lab = load_file(root / "labs/reference.yaml")
    data = model.to_data(lab.guest("bench"))
    assert model.guest_from_data(data) == lab.guest("bench")
    for wrong in ({}, data | {"disks": 3}, data | {"kind": "planet"}, data | {"clock": None}):
        with pytest.raises(ValueError):
            model.guest_from_data(wrong)
