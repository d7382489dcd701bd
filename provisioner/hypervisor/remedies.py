"""What to do where libvirt can't be reached, or does not answer: the next thing to type."""

from __future__ import annotations

import os
from shlex import quote
from urllib.parse import urlsplit

import libvirt

from provisioner import paths
from provisioner.host import libvirt_daemons
from provisioner.hypervisor import uris
from provisioner.hypervisor.uris import SESSION, SYSTEM, Choice
from provisioner.language import msg

_BOOTSTRAP = msg("./bootstrap true in a clone of virtlab")
_AUTH = (libvirt.VIR_ERR_AUTH_FAILED, libvirt.VIR_ERR_AUTH_UNAVAILABLE, libvirt.VIR_ERR_AUTH_CANCELLED)


def unreachable(choice: Choice, code: int) -> str:
    """For a connection that could not be opened; ``code`` is libvirt's."""
    if not _is_qemus(choice.uri):
        return another(choice)
    if not choice.is_local:
        return msg("try it with: virsh -c {uri} list", uri=choice.uri)
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
        return msg("try it with: virsh -c {uri} list", uri=choice.uri)
    if not choice.is_session and libvirt_daemons.under_systemd():
        daemons = " ".join(libvirt_daemons.system_daemons())
        return msg(
            "restart it, which ends no guest: {sudo}systemctl restart {daemons}",
            sudo=_sudo(),
            daemons=daemons,
        )
    file = libvirt_daemons.pid_file(session=choice.is_session)
    if file is None:
        return msg("see which process it is (ps -ef | grep libvirtd), end it with kill -9, and try again")
    if choice.is_session:
        return msg(
            "end it, which ends no guest: kill -9 $(cat {file}); the next command starts another one",
            file=quote(file),
        )
    return msg(
        "end it, which ends no guest: {sudo}kill -9 $(cat {file}); {bootstrap} starts another one",
        sudo=_sudo(),
        file=quote(file),
        bootstrap=_BOOTSTRAP,
    )


def another(choice: Choice) -> str:
    """For a URI that does not lead to this user's QEMU: how to name one that does."""
    good = SYSTEM if os.geteuid() == 0 else msg("{system} or {session}", system=SYSTEM, session=SESSION)
    if choice.source is uris.Source.ENVIRONMENT:
        return msg("unset {variable}, or set it to {good}", variable=uris.VARIABLE, good=good)
    if choice.source is uris.Source.CONFIGURATION:
        return msg("set connect to {good} there, or remove the line", good=good)
    return msg("leave -c out, or name {good}", good=good)


def start_log_daemon() -> str:
    """For a system whose libvirt can't reach virtlogd, which keeps QEMU's log."""
    if libvirt_daemons.under_systemd():
        return msg("start virtlogd: {sudo}systemctl start virtlogd.socket", sudo=_sudo())
    return msg("{bootstrap} starts virtlogd, as root", bootstrap=_BOOTSTRAP)


def _is_qemus(uri: str) -> bool:
    """Whether it is a URI of libvirt's QEMU driver, see https://libvirt.org/drvqemu.html, without the path of
    a socket. libvirt knows its name in small letters alone."""
    if any(c.isspace() for c in uri):
        return False  # urlsplit drops line ends, and libvirt does not
    parts = urlsplit(uri)
    is_named = uri.startswith(("qemu:", "qemu+")) and not (parts.query and parts.scheme == "qemu")
    return is_named and parts.path in ("/system", "/session")


def _sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "


def _join_group() -> str:
    if uris.joined_since_login():
        how = msg("log in again: you joined group libvirt since your last login")
    else:
        how = msg("join the group that may use it (sudo usermod -aG libvirt $USER, then log in again)")
    return msg("{how}, or use your own: -c {session}", how=how, session=SESSION)


def _start() -> str:
    if libvirt_daemons.under_systemd():
        sockets = " ".join(f"{daemon}.socket" for daemon in libvirt_daemons.system_daemons())
        return msg("start it: {sudo}systemctl start {sockets}", sudo=_sudo(), sockets=sockets)
    return msg("{bootstrap} starts it, as root", bootstrap=_BOOTSTRAP)


def _own() -> str:
    import pwd

    if not paths.has_home():
        return msg("{set_home}: libvirt keeps its files there", set_home=paths.SET_HOME)
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        number = os.geteuid()
        return msg(
            "libvirt needs an account for user id {number}: as root, useradd --uid {number} NAME",
            number=number,
        )
    home = os.path.expanduser("~")  # noqa: PTH111
    if not os.access(home, os.W_OK):
        return msg(
            "{set_home}: libvirt keeps its files there, and {home} can't be written to",
            set_home=paths.SET_HOME,
            home=home,
        )
    return msg("is libvirt installed? {bootstrap} installs what is needed", bootstrap=_BOOTSTRAP)
