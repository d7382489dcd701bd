"""A pool in a folder that QEMU's user can't enter, such as a link into somebody's home folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisioner import errors
from provisioner.host.local_host import LocalHost
from provisioner.host.unknown_host import UnknownHost
from provisioner.hypervisor.uris import SESSION
from provisioner.lifecycle import pool_access, power
from tests.fakes.libvirtd import QEMU_USER
from tests.fakes.world import World

ANYBODY = -1
HOME = "/root/all my disks"


def test_up_says_so_before_it_makes_anything(world: World) -> None:
    world.host.bars = {ANYBODY: HOME}
    with pytest.raises(errors.PermissionDenied) as caught:
        world.up()
    assert f"can't enter {HOME}, and images and disks are in it" in caught.value.message
    assert "chmod o+x '/root/all my disks'" in (caught.value.hint or "")
    assert not world.daemon.domains
    assert not world.daemon.networks


def test_start_says_so(world: World) -> None:
    world.up()
    guests = power.chosen(world.session, world.instance, None)
    power.stop(world.session, guests, world.told, timeout=0.4, cancelled=world.cancelled)
    guests = power.chosen(world.session, world.instance, None)
    world.host.bars = {ANYBODY: HOME}
    with pytest.raises(errors.PermissionDenied, match="can't enter"):
        power.start(world.session, guests, world.told, timeout=0.4, cancelled=world.cancelled)


def test_where_nothing_is_in_the_way_of_qemus_user(world: World) -> None:
    world.daemon.calls.clear()
    assert pool_access.obstacle(world.session) is None
    assert "connect.getCapabilities" not in world.daemon.calls
    world.host.bars = {ANYBODY: HOME, QEMU_USER: None}
    assert pool_access.obstacle(world.session) is None
    world.host.bars = {ANYBODY: HOME}
    assert pool_access.obstacle(world.session_of("learner", uri=SESSION)) is None


def test_the_first_folder_that_is_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    pool = home / "disks" / "virtlab"
    pool.mkdir(parents=True)
    (tmp_path / "images").symlink_to(home / "disks")
    for folder in (tmp_path, home, pool.parent, pool):
        folder.chmod(0o711)
    host, place = LocalHost(), str(tmp_path / "images" / "virtlab")
    above = host.barred(str(tmp_path), ANYBODY, ())  # pytest's own folders may be closed
    assert host.barred(place, ANYBODY, ()) == above
    home.chmod(0o700)
    assert host.barred(place, ANYBODY, ()) == (above or str(home))
    assert host.barred(place, 0, ()) is None
    if above is None:
        assert host.barred(place, os.geteuid(), ()) is None
        home.chmod(0o710)
        assert host.barred(place, ANYBODY, (home.stat().st_gid,)) is None
    assert host.barred(str(tmp_path / "none"), 0, ()) is None
    assert UnknownHost().barred(place, ANYBODY, ()) is None
