"""One built image for all tests that need a real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisioner.images import build, cache, catalog
from provisioner.images.cache import BuiltImage

TEMPLATES = Path(__file__).parents[2] / "templates"
NOBODY = 65534


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    """The tiny image, built from the host's packages by a user who is not root."""
    root = tmp_path_factory.mktemp("images") / "cache"
    root.mkdir()
    recipe = catalog.get("tiny", TEMPLATES)
    assert recipe.spec.kind == "kernel"
    if os.geteuid() != 0:
        return build.build(recipe, root, progress=lambda step, done: None)
    os.chown(root, NOBODY, NOBODY)
    for folder in (root.parent, root.parent.parent, root.parent.parent.parent):
        folder.chmod(0o755)
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
    image = cache.find(recipe, root)
    assert image is not None
    return image
