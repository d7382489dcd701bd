"""Fixtures for the tests of lab files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from provisioner.labfile.loader import Images, load
from provisioner.model.lab import Lab

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def load_file() -> Callable[..., Lab]:
    """Load a lab file with the project's profiles and the images ``tiny`` and ``tiny-disk``."""

    def loaded(file: Path, sets: Sequence[str] = (), profiles: Path = ROOT / "templates/profiles") -> Lab:
        images = Images(
            boot=("tiny", "grub", "xen", "xen-domu", "kvm", "vz", "hosted", "grub-timed", "consolidation"),
            disk=("tiny-disk", "notes"),
        )
        return load(file, source="test", profiles=profiles, images=images, sets=sets)

    return loaded


@pytest.fixture
def load_text(tmp_path: Path, load_file: Callable[..., Lab]) -> Callable[..., Lab]:
    """Load a lab from its text."""

    def loaded(text: str, sets: Sequence[str] = ()) -> Lab:
        file = tmp_path / "lab.yaml"
        file.write_text(text, encoding="utf-8")
        return load_file(file, sets)

    return loaded
