"""What the labs say that once was true of one release only."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisioner import paths
from provisioner.images import registry
from provisioner.images.recipe import KernelSpec
from provisioner.labfile import catalog as lab_catalog
from provisioner.lifecycle import lab_files
from provisioner.units import MIB

LEAST = {"tiny": 160, "vz": 160, "hosted": 320, "kvm": 480, "consolidation": 512}  # MiB, with Linux 7.2
NAMES = [entry.name for entry in lab_catalog.entries(paths.labs_dir())]


@pytest.mark.parametrize("name", NAMES)
def test_guests_have_the_memory_that_linux_7_2_wants(name: str) -> None:
    lab = lab_files.load(*lab_files.locate(name))
    for guest in lab.top_level:
        assert guest.memory >= LEAST.get(guest.image, 0) * MIB, guest.name


def test_who_has_iperf3_has_what_it_loads_at_its_end() -> None:
    """From 3.16 on it has threads, and glibc loads libgcc_s when one ends: no program names it."""
    for name in registry.names(paths.templates_dir()):
        spec = registry.get(name, paths.templates_dir()).spec
        if isinstance(spec, KernelSpec):
            parts = {part.name for part in spec.programs.values()}
            assert "iperf3" not in parts or "libgcc_s" in parts, name


@pytest.mark.parametrize(
    ("module", "builtin", "devices", "told"),
    [
        (True, False, None, ""),
        (False, True, None, ""),
        (False, False, None, "this kernel has no such driver\n"),
        (False, True, "vmbus_0", "vmbus_0\n"),
    ],
)
def test_the_vmbus_driver_may_be_a_module_or_built_in(
    module: bool, builtin: bool, devices: str | None, told: str, tmp_path: Path
) -> None:
    lab = lab_files.load(*lab_files.locate("demo-hyperv"))
    (item,) = [item for item in lab.observe if item.name == "no-vmbus"]
    shell, option, script = item.command
    for there, path in (
        (module, "modules/hv_vmbus.ko"),
        (builtin, "sys/module/hv_vmbus/version"),
        (devices, f"sys/bus/vmbus/devices/{devices}"),
    ):
        if there:
            (tmp_path / path).parent.mkdir(parents=True)
            (tmp_path / path).touch()
    (tmp_path / "insmod").write_text("#!/bin/sh\necho 'insmod: No such device' >&2\nexit 1\n")
    (tmp_path / "insmod").chmod(0o755)
    script = script.replace("/modules/", f"{tmp_path}/modules/").replace("/sys/", f"{tmp_path}/sys/")
    script = script.replace("insmod ", f"{tmp_path}/insmod ")
    done = subprocess.run([shell, option, script], capture_output=True, text=True, check=False)
    assert done.stdout == told
