"""The recipe of the guest that hosts both kinds of tenants."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from provisioner import paths
from provisioner.images import recipe
from provisioner.images.recipe import KernelSpec

FOLDER = paths.templates_dir() / "images" / "consolidation"
MEASURING = ["tenants", "busy", "contend", "crowd", "share-pages"]


def test_it_has_what_runs_machines_and_what_runs_containers() -> None:
    spec = recipe.read("consolidation", FOLDER).spec
    assert isinstance(spec, KernelSpec)
    for name, program in (("kvm", "machines"), ("vz", "containers")):
        other = recipe.read(name, FOLDER.parent / name).spec
        assert isinstance(other, KernelSpec)
        (theirs,) = [file.data for file in other.files if file.path == "/usr/lib/virtlab/inner"]
        (ours,) = [file.data for file in spec.files if file.path == f"/usr/lib/virtlab/{program}"]
        assert ours == theirs
    assert {"kvm-amd", "kvm-intel", "veth", "bridge"} <= set(spec.modules)
    modes = {file.path: file.mode for file in spec.files}
    assert {modes[f"/usr/bin/{program}"] for program in MEASURING} == {0o755}


@pytest.mark.parametrize("script", ["inner", "tenants.sh", *MEASURING])
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"]])
def test_the_scripts_are_shell(script: str, shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"needs {shell[0]}")
    subprocess.run([*shell, "-n", str(FOLDER / script)], check=True)
