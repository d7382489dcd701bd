"""One built image for all tests that need a real one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.images import build, cache, registry
from provisioner.images.cache import BuiltImage

TEMPLATES = Path(__file__).parents[2] / "templates"
NOBODY = 65534


@pytest.fixture(scope="session")
def tiny() -> Iterator[BuiltImage]:
    """The tiny image, built from the host's packages by a user who is not root."""
    # a folder of its own: those that pytest makes are closed to everybody else
    with tempfile.TemporaryDirectory(prefix="virtlab-images-") as folder:
        root = Path(folder)
        if os.geteuid() == 0:
            os.chown(root, NOBODY, NOBODY)
            _build_as_nobody(root)
        else:
            build.build(registry.get("tiny", TEMPLATES), root, progress=lambda step, done: None)
        image = cache.find(registry.get("tiny", TEMPLATES), root)
        assert image is not None
        yield image


def _build_as_nobody(root: Path) -> None:
    recipe = registry.get("tiny", TEMPLATES)
    assert recipe.spec.kind == "kernel"
    complaint = root / "complaint"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.environ["HOME"] = str(root)
            build.build(recipe, root, progress=lambda step, done: None)
            status = 0
        except BaseException as error:
            complaint.write_text(repr(error))
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0, complaint.read_text()
