"""Which libvirt to talk to, and talking to it without ever asking for a password."""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import libvirt

from provisioner import errors, paths
from provisioner.hypervisor.failures import code_of, translate

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
        """Whether the daemon runs on this machine: then its host can be read directly."""
        parts = urlsplit(self.uri)
        return not parts.netloc and "+" not in parts.scheme


def choose(flag: str | None) -> Choice:
    """The connection to use. Precedence: flag, configuration, LIBVIRT_DEFAULT_URI, what this user may do."""
    if flag:
        return Choice(flag, "--connect", asked_for=True)
    configured = _configured()
    if configured:
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

    A session daemon is not started only to learn that it has nothing: the session counts
    where its daemon runs or where it has definitions on disk.
    """
    first = choose(flag)
    found = [first]
    if flag or not first.is_local:
        return found
    if first.uri != SYSTEM and (os.geteuid() == 0 or _system_open_to_us()):
        found.append(Choice(SYSTEM, "you may use the system's libvirt"))
    if first.uri != SESSION and os.geteuid() != 0 and _session_in_use():
        found.append(Choice(SESSION, "your own libvirt"))
    return found


def _configured() -> str | None:
    # platformdirs and tomllib cost more than the whole choice: only where there is a file to read
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    if not os.path.exists(os.path.join(folder, "virtlab", "config.toml")):  # noqa: PTH110, PTH118
        return None
    import tomllib

    file = paths.config_file()
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise errors.InputError(f"{file}: {error}", hint=f"mend or remove {file}") from error
    unknown = sorted(set(settings) - {"connect"})
    if unknown:
        raise errors.InputError(
            f"{file}: unknown setting {', '.join(map(repr, unknown))} (the only one is 'connect')",
            hint=f"mend {file}",
        )
    value = settings.get("connect")
    if value is not None and not isinstance(value, str):
        raise errors.InputError(f"{file}: connect must be a libvirt URI in quotes", hint=f"mend {file}")
    return value


def _system_open_to_us() -> bool:
    """Whether the system daemon's socket lets this user in with no question asked.

    A socket that only root's group can write to answers by itself. One that everybody can write
    to leaves the decision to polkit, which asks for a password unless one is in group libvirt,
    and which is reached over D-Bus.
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


def connect(choice: Choice) -> Any:
    """An open libvirt connection.

    Raises ConnectionFailed or PermissionDenied, with what to do about it. libvirt's own printing
    of errors is switched off; no credential is ever asked for.
    """
    libvirt.registerErrorHandler(_ignore, None)
    try:
        return libvirt.open(choice.uri)
    except libvirt.libvirtError as error:
        doing = f"can't connect to {choice.uri} ({choice.why})"
        raise translate(error, doing, hint=_hint(choice, code_of(error))) from error


def _ignore(_context: object, _error: object) -> None:
    """libvirt prints every error itself unless it is given somewhere else to send it."""


def _hint(choice: Choice, code: int) -> str:
    if not choice.is_local:
        return f"try it with: virsh -c {choice.uri} list"
    if code in (
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
        libvirt.VIR_ERR_AUTH_CANCELLED,
    ) or (code == libvirt.VIR_ERR_INTERNAL_ERROR and os.geteuid() != 0 and not choice.is_session):
        # without polkit the daemon that answers has nobody to ask, and calls that an internal error
        return (
            "join the group that may use it (sudo usermod -aG libvirt $USER, then log in again), "
            f"or use your own: -c {SESSION}"
        )
    if choice.is_session and os.geteuid() == 0:
        return f"root has no session of its own: use -c {SYSTEM}"
    if choice.is_session:
        return "is libvirt installed? ./bootstrap in a clone of virtlab installs what is needed"
    return (
        "start libvirt (sudo systemctl start libvirtd, or ./bootstrap in a clone of virtlab), then try again"
    )
