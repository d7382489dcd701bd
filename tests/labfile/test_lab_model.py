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
