"""A home folder that is too long for the sockets of the user's own libvirt."""

from __future__ import annotations

import pytest

from provisioner import errors
from provisioner.hypervisor.uris import SESSION
from provisioner.lifecycle import socket_paths
from provisioner.lifecycle.request import Request, locate
from tests.fakes.world import TWO, World

SERIAL = "defaults:\n  profile: emulated\n"


def check(
    world: World, monkeypatch: pytest.MonkeyPatch, home: str, *, run: str | None = None, agent: str = "virtio"
) -> None:
    """As ``up`` and ``doctor`` do; ``run``: the folder of what runs, where it is not in the home folder."""
    monkeypatch.setattr(socket_paths, "MOST", 107)
    monkeypatch.setenv("HOME", home)
    for name in ("CONFIG_HOME", "CACHE_HOME", "RUNTIME_DIR"):
        monkeypatch.delenv(f"XDG_{name}", raising=False)
    if run is not None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", run)
    text = TWO.replace("networks:\n  lab:\n    mode: isolated\n", "")
    if agent == "serial":
        text = text.replace("defaults:\n  profile: virtio\n", SERIAL)
    session = world.session_of("learner", uri=SESSION)
    target = locate(session, Request(world.lab(text)))
    socket_paths.check(session, target.lab, target.instance)


@pytest.mark.parametrize(
    ("home", "agent", "good"),
    [
        ("/home/learner", "virtio", True),
        ("/home/christopher-smith", "virtio", False),
        ("/home/christopher-smith", "serial", True),
        (f"/home/{'x' * 40}", "serial", False),
        (f"/home/{'あ' * 12}", "serial", False),
    ],
)
def test_libvirt_9_keeps_all_sockets_in_the_home_folder(
    world: World, monkeypatch: pytest.MonkeyPatch, home: str, agent: str, good: bool
) -> None:
    if good:
        check(world, monkeypatch, home, agent=agent)
        return
    with pytest.raises(errors.HypervisorError, match="bytes, and 107 are allowed: /home/") as caught:
        check(world, monkeypatch, home, agent=agent)
    hint = caught.value.hint or ""
    assert "usermod -aG libvirt" in hint
    assert "export XDG_CONFIG_HOME=/var/tmp/u" in hint


def test_newer_libvirt_keeps_agents_where_what_runs_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.line), "getLibVersion", lambda _: 11_003_000)
    check(world, monkeypatch, "/home/christopher-smith", run="/run/user/1000")
    check(world, monkeypatch, "/home/christopher-smith")
    with pytest.raises(errors.HypervisorError, match="/run/channel/99-virtlab"):
        check(world, monkeypatch, "/home/learner", run=f"/run/{'x' * 50}")


def test_the_systems_libvirt_has_folders_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_paths, "MOST", 0)
    assert len(world.up().guests) == 2


def test_up_says_so_before_anything_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_paths, "MOST", 20)
    world.session = world.session_of("learner", uri=SESSION)
    with pytest.raises(errors.HypervisorError, match="your own libvirt can't start one"):
        world.up(TWO.replace("networks:\n  lab:\n    mode: isolated\n", ""))
    assert not world.daemon.domains
