"""What to do where libvirt can't be reached, or does not answer: the next thing to type."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import libvirt

from provisioner import paths
from provisioner.host import libvirt_daemons
from provisioner.hypervisor import uris
from provisioner.hypervisor.uris import SESSION, SYSTEM, Choice

_BOOTSTRAP = "./bootstrap true in a clone of virtlab"
_AUTH = (libvirt.VIR_ERR_AUTH_FAILED, libvirt.VIR_ERR_AUTH_UNAVAILABLE, libvirt.VIR_ERR_AUTH_CANCELLED)


def unreachable(choice: Choice, code: int) -> str:
    """For a connection that could not be opened; ``code`` is libvirt's."""
    if not _is_qemus(choice.uri):
        return another(choice)
    if not choice.is_local:
        return f"try it with: virsh -c {choice.uri} list"
    # a daemon that finds no polkit to ask reports that as an internal error
    if code in _AUTH or (
        code == libvirt.VIR_ERR_INTERNAL_ERROR and os.geteuid() != 0 and not choice.is_session
    ):
        return _join_group()
    if choice.is_session:
        return _own()
    return _start()


def silent(choice: Choice) -> str:
    """For a daemon that does not answer."""
    if not choice.is_local:
        return f"try it with: virsh -c {choice.uri} list"
    if not choice.is_session and libvirt_daemons.under_systemd():
        daemons = " ".join(libvirt_daemons.system_daemons())
        return f"restart it, which ends no guest: {_sudo()}systemctl restart {daemons}"
    file = libvirt_daemons.pid_file(session=choice.is_session)
    if file is None:
        return "see which process it is (ps -ef | grep libvirtd), end it with kill -9, and try again"
    if choice.is_session:
        return f"end it, which ends no guest: kill -9 $(cat {file}); the next command starts another one"
    return f"end it, which ends no guest: {_sudo()}kill -9 $(cat {file}); {_BOOTSTRAP} starts another one"


def another(choice: Choice) -> str:
    """For a URI that does not lead to this user's QEMU: how to name one that does."""
    good = SYSTEM if os.geteuid() == 0 else f"{SYSTEM} or {SESSION}"
    if choice.source is uris.Source.ENVIRONMENT:
        return f"unset {uris.VARIABLE}, or set it to {good}"
    if choice.source is uris.Source.CONFIGURATION:
        return f"set connect to {good} there, or remove the line"
    return f"leave -c out, or name {good}"


def start_log_daemon() -> str:
    """For a system whose libvirt can't reach virtlogd, which keeps QEMU's log."""
    if libvirt_daemons.under_systemd():
        return f"start virtlogd: {_sudo()}systemctl start virtlogd.socket"
    return f"{_BOOTSTRAP} starts virtlogd, as root"


def _is_qemus(uri: str) -> bool:
    """Whether it is a URI of libvirt's QEMU driver, see https://libvirt.org/drvqemu.html, without the path of
    a socket. libvirt knows its name in small letters alone."""
    parts = urlsplit(uri)
    is_named = uri.startswith(("qemu:", "qemu+")) and not (parts.query and parts.scheme == "qemu")
    return is_named and parts.path in ("/system", "/session", "/embed")


def _sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "


def _join_group() -> str:
    if uris.joined_since_login():
        how = "log in again: you joined group libvirt since your last login"
    else:
        how = "join the group that may use it (sudo usermod -aG libvirt $USER, then log in again)"
    return f"{how}, or use your own: -c {SESSION}"


def _start() -> str:
    if libvirt_daemons.under_systemd():
        sockets = " ".join(f"{daemon}.socket" for daemon in libvirt_daemons.system_daemons())
        return f"start it: {_sudo()}systemctl start {sockets}"
    return f"{_BOOTSTRAP} starts it, as root"


def _own() -> str:
    import pwd

    if not paths.has_home():
        return f"{paths.SET_HOME}: libvirt keeps its files there"
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        number = os.geteuid()
        return f"libvirt needs an account for user id {number}: as root, useradd --uid {number} NAME"
    home = os.path.expanduser("~")  # noqa: PTH111
    if not os.access(home, os.W_OK):
        return f"{paths.SET_HOME}: libvirt keeps its files there, and {home} can't be written to"
    return f"is libvirt installed? {_BOOTSTRAP} installs what is needed"
