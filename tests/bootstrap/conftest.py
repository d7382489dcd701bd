"""The clone that all tests of ./bootstrap share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_clone import BACKEND, PACKAGE, PROJECT, REPOSITORY, run


@pytest.fixture(scope="session")
def clone() -> Iterator[Path]:
    """A bootstrapped clone that every user of the machine may read."""
    above = Path(tempfile.mkdtemp(prefix="virtlab-bootstrap-"))
    above.chmod(0o755)
    folder = above / "Ann's clone"
    (folder / "provisioner").mkdir(parents=True)
    shutil.copy2(REPOSITORY / "bootstrap", folder)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "provisioner" / "__init__.py").write_text(PACKAGE)
    first = run("./bootstrap", "virtlab", "first", cwd=folder)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == ["./bootstrap virtlab", "['first']"]
    assert "bootstrap: making .venv with /" in first.stderr
    assert "bootstrap: installing virtlab" in first.stderr
    yield folder
    shutil.rmtree(above)
