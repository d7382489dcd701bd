"""The recipes of the machine that starts Xen: what its disk holds, and what its scripts are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from provisioner import paths
from provisioner.errors import ImageError
from provisioner.images import recipe
from provisioner.images.recipe import GrubSpec, KernelSpec

FOLDER = paths.templates_dir() / "images" / "xen"
SCRIPTS = ["block", "complaint", "device-model", "early", "inner", "late", "unmodified", "vif-bridge"]
SCRIPTS += ["../xen-domu/late", "../xen-domu/serve"]
NO_HVM = "virt_caps              : pv shadow gnttab-v1"
HVM = "virt_caps              : pv hvm hap shadow gnttab-v1"
REFUSAL = """\
Parsing config
libxl: error: libxl_create.c:711:libxl__domain_make: domain creation fail: No
libxl: error: x
"""


def spec() -> KernelSpec:
    found = recipe.read("xen", FOLDER).spec
    assert isinstance(found, KernelSpec)
    return found


def test_the_device_model_is_on_the_disk_and_not_loaded_with_domain_0() -> None:
    loader = spec().loader
    assert loader is not None
    assert not [path for path in spec().programs if "qemu-system" in path]
    for script in ("device-model", "unmodified"):
        text = (FOLDER / script).read_text().replace("$system/", "/boot/system/")
        named = {word.strip("'") for word in text.replace("=", " ").split() if "/boot/system/usr" in word}
        files = {word.removeprefix("/boot/system") for word in named}
        assert files
        known = {*loader.system, "/usr/lib/x86_64-linux-gnu", "/usr/share/qemu"}
        assert files <= known


def test_systems_inside_are_started_by_the_same_kernel_or_from_a_disk() -> None:
    loader = spec().loader
    assert loader is not None
    assert isinstance(loader.guests["xen-domu"], KernelSpec)
    assert isinstance(loader.guests["grub-disk"], GrubSpec)
    assert "lspci" not in loader.guests["grub-disk"].modules


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"system": {"usr/bin/x": ["/usr/bin/x"]}}, "usr/bin/x is no absolute path"),
        ({"guests": ["notes"]}, "notes is no image that boots"),
        ({"later": {}}, "loader: unknown key later"),
    ],
)
def test_a_wrong_loader(change: dict[str, object], complaint: str, tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(FOLDER.parent, images)
    path = images / "xen" / "image.yaml"
    data = yaml.safe_load(path.read_text())
    data["loader"] |= change
    path.write_text(yaml.safe_dump(data | {"extends": None}).replace("extends: null", "extends: tiny"))
    with pytest.raises(ImageError, match=complaint):
        _ = recipe.read("xen", images / "xen").spec


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"]])
def test_the_scripts_are_shell(script: str, shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"needs {shell[0]}")
    subprocess.run([*shell, "-n", str(FOLDER / script)], check=True)


@pytest.mark.parametrize(
    ("kind", "info", "told"),
    [
        ("pvh", NO_HVM, "pvh needs support of the processor, which lets Xen do only: pv shadow gnttab-v1"),
        ("hvm", NO_HVM, "hvm needs support of the processor, which lets Xen do only: pv shadow gnttab-v1"),
        ("pv", NO_HVM, ""),
        ("pvh", HVM, ""),
        ("hvm", HVM, ""),
    ],
)
def test_why_xl_refuses(kind: str, info: str, told: str, tmp_path: Path) -> None:
    """Xen's own words differ from version to version; what the processor lacks is told besides."""
    xl = tmp_path / "xl"
    xl.write_text(f"#!/bin/sh\necho '{info}'\n")
    xl.chmod(0o755)
    script = tmp_path / "complaint"
    script.write_text((FOLDER / "complaint").read_text().replace("PATH=", f"PATH={tmp_path}:"))
    done = subprocess.run(
        ["sh", str(script), kind], input=REFUSAL, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"xl: domain creation fail: No{f' ({told})' if told else ''}\n"
