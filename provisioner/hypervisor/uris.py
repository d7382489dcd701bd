"""Which libvirt to talk to, and why that one."""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from provisioner import paths, settings

SYSTEM = "qemu:///system"
SESSION = "qemu:///session"
_POLKIT_BUS = "/run/dbus/system_bus_socket"
_SYSTEM_SOCKETS = ("/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock")


@dataclass(frozen=True, slots=True)
class Choice:
    """A connection, and why it was taken."""

    uri: str
    why: str
    asked_for: bool = field(default=False, compare=False)  # by a flag, the configuration or the environment

    @property
    def is_session(self) -> bool:
        return self.uri.partition("?")[0].endswith("/session")

    @property
    def is_local(self) -> bool:
        """Whether the daemon runs on this machine, so that its host can be read directly."""
        parts = urlsplit(self.uri)
        return not parts.netloc and "+" not in parts.scheme


def choose(flag: str | None) -> Choice:
    """The connection to use. The first of these decides: flag, configuration, LIBVIRT_DEFAULT_URI, and what
    this user may do."""
    if flag:
        return Choice(flag, "--connect", asked_for=True)
    if configured := settings.load().connect:
        return Choice(configured, f"set in {paths.config_file()}", asked_for=True)
    environment = os.environ.get("LIBVIRT_DEFAULT_URI")
    if environment:
        return Choice(environment, "LIBVIRT_DEFAULT_URI", asked_for=True)
    if os.geteuid() == 0:
        return Choice(SYSTEM, "you are root")
    if _system_open_to_us():
        return Choice(SYSTEM, "you may use the system's libvirt")
    return Choice(SESSION, "your own libvirt, no root needed")


def everywhere(flag: str | None) -> list[Choice]:
    """The connections on which this user's labs may be found, the preferred one first.

    A session daemon is not started only to learn that it has nothing. So the session is included where its
    daemon runs, or where it has definitions on disk.
    """
    first = choose(flag)
    choices = [first]
    if flag or not first.is_local:
        return choices
    if first.uri != SYSTEM and (os.geteuid() == 0 or _system_open_to_us()):
        choices.append(Choice(SYSTEM, "you may use the system's libvirt"))
    if first.uri != SESSION and os.geteuid() != 0 and _session_in_use():
        choices.append(Choice(SESSION, "your own libvirt"))
    return choices


def _system_open_to_us() -> bool:
    """Whether the system daemon's socket lets this user in without asking for a password.

    Where only a group can write to the socket, its mode decides. Where everybody can, polkit decides, which
    is reached over D-Bus and asks for a password, except of members of the group libvirt.
    """
    for path in _SYSTEM_SOCKETS:
        try:
            mode = Path(path).stat().st_mode
        except OSError:
            continue
        if not os.access(path, os.W_OK):
            continue
        return not mode & stat.S_IWOTH or (_in_libvirt_group() and Path(_POLKIT_BUS).exists())
    return False


def _in_libvirt_group() -> bool:
    try:
        gid = grp.getgrnam("libvirt").gr_gid
    except KeyError:
        return False
    return gid in os.getgroups()


def _session_in_use() -> bool:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and any(Path(runtime, "libvirt").glob("*-sock")):
        return True
    home = os.path.expanduser("~")  # noqa: PTH111
    cache = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    config = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return any(Path(cache, "libvirt").glob("*-sock")) or any(Path(config, "libvirt", "qemu").glob("*.xml"))
