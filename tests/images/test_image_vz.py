"""The recipe of the guest that hosts containers."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from provisioner import paths
from provisioner.images import recipe, recipe_files
from provisioner.images.recipe import KernelSpec

IMAGES = paths.templates_dir() / "images"
SHARED = IMAGES / recipe_files.SHARED
KEPT = {"chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid"}
NEVER = {"sys_module", "sys_admin", "sys_rawio", "sys_ptrace", "sys_time", "mknod", "dac_read_search", "bpf"}


def test_it_is_the_tiny_guest_and_what_containers_need() -> None:
    tiny = recipe.read("tiny", IMAGES / "tiny").spec
    spec = recipe.read("vz", IMAGES / "vz").spec
    assert isinstance(tiny, KernelSpec)
    assert isinstance(spec, KernelSpec)
    assert set(tiny.programs) <= set(spec.programs)
    assert {"veth", "bridge"} <= set(spec.modules)
    modes = {file.path: file.mode for file in spec.files}
    assert modes["/usr/lib/virtlab/inner"] == modes["/usr/lib/virtlab/container"] == 0o755


def test_the_root_of_a_container_has_few_capabilities() -> None:
    script = f". {SHARED}/capabilities; echo $capabilities"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True)
    kept = set(done.stdout.split())
    assert kept >= KEPT
    assert not kept & NEVER


@pytest.mark.parametrize("script", ["containers", "container", "capabilities"])
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"]])
def test_the_scripts_are_shell(script: str, shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"needs {shell[0]}")
    subprocess.run([*shell, "-n", str(SHARED / script)], check=True)
