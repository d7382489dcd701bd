"""The wheel has all that virtlab reads: it works with no clone around it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def virtlab(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs virtlab as the wheel has it, in a folder that holds nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    # that what pyproject.toml wants for it is enough, ./bootstrap has shown
    options = ["--no-build-isolation"] if all(map(find_spec, ("hatchling", "babel"))) else []
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", *options, "-w", folder, PROJECT]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("pip can't get hatchling here, which builds the wheel")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("virtlab-*.whl")
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    (home := folder / "home").mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(unpacked)}

    def run(*args: str, **more: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "provisioner", *args],
            capture_output=True,
            text=True,
            check=False,
            cwd=home,
            env={**environment, **more},
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_labs_and_templates_are_in_the_wheel(virtlab: Run) -> None:
    assert "demo-paravirt" in virtlab("list", "-o", "name").split()
    assert "/unpacked/provisioner/_data/labs/demo-paravirt/lab.yaml: good" in virtlab(
        "validate", "demo-paravirt"
    )
    assert virtlab("render", "demo-paravirt/full", "-c", "qemu:///session").startswith("<domain ")
    assert "openvz" in virtlab("products", "-o", "name").split()
    assert not virtlab("show", "demo-paravirt").startswith("error")
    assert "オプション:" in virtlab("--help", LC_ALL="ja_JP.UTF-8")
