"""What the tests of ``lifecycle`` on the daemon in memory share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import libvirt_qemu
import pytest

from provisioner.lifecycle import socket_paths
from tests.fakes import guests
from tests.fakes.world import Builder, World


@pytest.fixture
def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    """Makes a world; keywords as in ``World``."""
    for name in ("CACHE", "STATE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setattr(socket_paths, "MOST", 4096)  # the names of tests' folders are long
    builder = Builder(tmp_path)
    monkeypatch.setattr("provisioner.images.build.build", builder)
    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", guests.agent_command)

    def made(*, kvm: str = "absent", user: str = "learner") -> World:
        return World(tmp_path, builder, kvm=kvm, user=user)

    return made


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A host with no KVM and an empty daemon."""
    return make_world()
