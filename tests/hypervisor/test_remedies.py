"""What to do where libvirt can't be reached: the unit, the process or the setting of this very host."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
from pathlib import Path
from types import SimpleNamespace

import libvirt
import pytest

from provisioner import errors, paths
from provisioner.host import libvirt_daemons
from provisioner.hypervisor import remedies, uris
from provisioner.hypervisor.uris import SESSION, SYSTEM, Choice

REFUSED = libvirt.VIR_ERR_SYSTEM_ERROR


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host under systemd, on which nothing is installed yet, and its folder."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(libvirt_daemons, "under_systemd", lambda: True)
    monkeypatch.setattr(libvirt_daemons, "_ENABLED", tmp_path / "systemd")
    monkeypatch.setattr(libvirt_daemons, "_PROGRAMS", tmp_path / "sbin")
    return tmp_path


def has(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


@pytest.mark.parametrize(
    ("files", "daemons"),
    [
        ([], ["libvirtd"]),
        (["sbin/libvirtd", "sbin/virtlogd"], ["libvirtd"]),
        (["sbin/virtqemud", "sbin/virtnetworkd"], ["virtqemud", "virtnetworkd", "virtstoraged"]),
        # Fedora has both, and enables the new ones
        (
            ["sbin/libvirtd", "sbin/virtqemud", "systemd/sockets.target.wants/virtqemud.socket"],
            ["virtqemud", "virtnetworkd", "virtstoraged"],
        ),
        (["sbin/virtqemud", "systemd/multi-user.target.wants/libvirtd.service"], ["libvirtd"]),
    ],
)
def test_the_units_of_this_host(host: Path, files: list[str], daemons: list[str]) -> None:
    has(host, *files)
    sockets = " ".join(f"{daemon}.socket" for daemon in daemons)
    assert remedies.unreachable(Choice(SYSTEM, ""), REFUSED) == f"start it: sudo systemctl start {sockets}"
    assert remedies.silent(Choice(SYSTEM, "")).endswith(f": sudo systemctl restart {' '.join(daemons)}")


def test_the_process_of_ones_own_daemon(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(host))
    assert "ps -ef" in remedies.silent(Choice(SESSION, ""))
    has(host, "libvirt/libvirtd.pid")
    assert f"kill -9 $(cat {host}/libvirt/libvirtd.pid)" in remedies.silent(Choice(SESSION, ""))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(host / "d'un ami"))
    has(host, "d'un ami/libvirt/virtqemud.pid")
    file = shlex.quote(f"{host}/d'un ami/libvirt/virtqemud.pid")
    assert f"kill -9 $(cat {file})" in remedies.silent(Choice(SESSION, ""))


@pytest.mark.parametrize("groups", [(), (4,)])
def test_a_user_who_joined_the_group_since_the_last_login(
    host: Path, monkeypatch: pytest.MonkeyPatch, groups: tuple[int, ...]
) -> None:
    monkeypatch.setattr(os, "getgroups", lambda: list(groups))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="ann"))
    monkeypatch.setattr(grp, "getgrnam", lambda _: SimpleNamespace(gr_gid=4, gr_mem=["ann"]))
    monkeypatch.setattr(uris, "_system_open_to_us", lambda: False)
    monkeypatch.delenv("LIBVIRT_DEFAULT_URI", raising=False)
    hint = remedies.unreachable(Choice(SYSTEM, ""), libvirt.VIR_ERR_AUTH_UNAVAILABLE)
    why = uris.choose(None).why
    if groups:
        assert "usermod" in hint
        assert why == "your own libvirt, no root needed"
    else:
        assert hint.startswith("log in again: you joined group libvirt since your last login")
        assert why == "your own libvirt; you joined group libvirt, which counts from your next login"


def unknown(number: int) -> None:
    raise KeyError(number)


def test_a_user_id_without_an_account(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setenv("HOME", str(host))
    hint = remedies.unreachable(Choice(SESSION, ""), REFUSED)
    assert hint == "libvirt needs an account for user id 1000: as root, useradd --uid 1000 NAME"
    monkeypatch.delenv("HOME")
    hint = remedies.unreachable(Choice(SESSION, ""), REFUSED)
    assert hint == "set HOME to a folder of yours: libvirt keeps its files there"


def test_nothing_is_kept_where_a_command_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home folder, ~ stands for itself."""
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in (
        "HOME",
        "XDG_RUNTIME_DIR",
        *(f"XDG_{kind}_HOME" for kind in ("CACHE", "STATE", "CONFIG", "DATA")),
    ):
        monkeypatch.delenv(name, raising=False)
    of_user = (paths.cache_dir, paths.state_dir, paths.config_file, paths.session_pool_dir)
    for path in (*of_user, paths.libvirt_run_dir):
        with pytest.raises(errors.VirtlabError, match="there is no home folder") as caught:
            path()
        assert caught.value.hint == "set HOME to a folder of yours"


def test_a_home_that_does_not_exist(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _: None)
    monkeypatch.setenv("HOME", "/no/such/home")
    home = "/no/such/home can't be written to"
    hint = remedies.unreachable(Choice(SESSION, ""), REFUSED)
    assert hint == f"set HOME to a folder of yours: libvirt keeps its files there, and {home}"


@pytest.mark.parametrize(
    ("pid", "conf", "there"),
    [(None, "", False), ("1", "", False), ("x", "", False), (None, 'stdio_handler = "file"\n', None)],
)
def test_virtlogd(
    host: Path, monkeypatch: pytest.MonkeyPatch, pid: str | None, conf: str, there: bool | None
) -> None:
    monkeypatch.setattr(libvirt_daemons, "under_systemd", lambda: False)
    monkeypatch.setattr(libvirt_daemons, "_LOG_PID", host / "pid")
    monkeypatch.setattr(libvirt_daemons, "_QEMU_CONF", host / "qemu.conf")
    (host / "qemu.conf").write_text(f'# stdio_handler = "file"\n{conf}')
    if pid is not None:
        (host / "pid").write_text(pid)
    assert libvirt_daemons.has_log_daemon() is there
