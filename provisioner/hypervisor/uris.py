"""Which libvirt to talk to, and why that one."""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from provisioner import paths, settings
from provisioner.language import msg

SYSTEM = "qemu:///system"
SESSION = "qemu:///session"
VARIABLE = "LIBVIRT_DEFAULT_URI"
_GROUP = "libvirt"
_POLKIT_BUS = "/run/dbus/system_bus_socket"
_SYSTEM_SOCKETS = ("/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock")


class Source(Enum):
    """Who named a URI."""

    FLAG = "flag"
    CONFIGURATION = "configuration"
    ENVIRONMENT = "environment"
    OURSELVES = "ourselves"


@dataclass(frozen=True, slots=True)
class Choice:
    """A connection, and why it was taken."""

    uri: str
    why: str
    source: Source = field(default=Source.OURSELVES, compare=False)

    @property
    def asked_for(self) -> bool:
        """Whether somebody named it, so that no other one will do."""
        return self.source is not Source.OURSELVES

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
        return Choice(flag, "--connect", Source.FLAG)
    if configured := settings.load().connect:
        return Choice(
            configured, msg("set in {config_file}", config_file=paths.config_file()), Source.CONFIGURATION
        )
    environment = os.environ.get(VARIABLE)
    if environment:
        return Choice(environment, VARIABLE, Source.ENVIRONMENT)
    if os.geteuid() == 0:
        return Choice(SYSTEM, msg("you are root"))
    if _system_open_to_us():
        return Choice(SYSTEM, msg("you may use the system's libvirt"))
    if joined_since_login():
        return Choice(
            SESSION, msg("your own libvirt; you joined group libvirt, which counts from your next login")
        )
    return Choice(SESSION, msg("your own libvirt, no root needed"))


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
        choices.append(Choice(SYSTEM, msg("you may use the system's libvirt")))
    if first.uri != SESSION and os.geteuid() != 0 and _session_in_use():
        choices.append(Choice(SESSION, msg("your own libvirt")))
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
        return grp.getgrnam(_GROUP).gr_gid in os.getgroups()
    except KeyError:
        return False


def joined_since_login() -> bool:
    """Whether this user is in the group that may use the system's libvirt, and this process is not: it stems
    from a login before."""
    import pwd

    try:
        group = grp.getgrnam(_GROUP)
        return pwd.getpwuid(os.geteuid()).pw_name in group.gr_mem and group.gr_gid not in os.getgroups()
    except KeyError:
        return False


def _session_in_use() -> bool:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and any(Path(runtime, "libvirt").glob("*-sock")):
        return True
    home = os.path.expanduser("~")  # noqa: PTH111
    cache = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    config = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return any(Path(cache, "libvirt").glob("*-sock")) or any(Path(config, "libvirt", "qemu").glob("*.xml"))
