"""libvirt's daemons as this host has them: one, libvirtd, or one for each driver, such as virtqemud.

See https://libvirt.org/daemons.html. Nothing here starts a daemon.
"""

from __future__ import annotations

import re
from pathlib import Path

from provisioner import paths

_ENABLED = Path("/etc/systemd/system")
_PROGRAMS = Path("/usr/sbin")
_LOG_SOCKET = Path("/run/libvirt/virtlogd-sock")
_NO_LOG_DAEMON = re.compile(r'^\s*stdio_handler\s*=\s*"file"', re.MULTILINE)
_LOG_PID = Path("/run/virtlogd.pid")
_QEMU_CONF = Path("/etc/libvirt/qemu.conf")
_MODULAR = ("virtqemud", "virtnetworkd", "virtstoraged")  # those that labs need


def under_systemd() -> bool:
    """Whether systemd runs this host, so that it starts the daemons."""
    return Path("/run/systemd/system").is_dir()


def system_daemons() -> tuple[str, ...]:
    """The names of the system's daemons that labs need: those that systemd is to start or, where it is to
    start none, those that are installed. libvirtd where that does not tell."""
    units = {link.stem for link in _ENABLED.glob("*.wants/*") if link.suffix in (".socket", ".service")}
    for known in (units, {program.name for program in _PROGRAMS.glob("*d")}):
        if "libvirtd" in known:
            break
        if "virtqemud" in known:
            return _MODULAR
    return ("libvirtd",)


def has_log_daemon() -> bool | None:
    """Whether virtlogd is there, to which the system's libvirt gives QEMU's log: it runs, or systemd starts
    it when asked. None where libvirt is told to do without it (stdio_handler in qemu.conf)."""
    try:
        if _NO_LOG_DAEMON.search(_QEMU_CONF.read_text(errors="replace")):
            return None
    except OSError:
        pass  # only root can read it
    if under_systemd():
        return _LOG_SOCKET.exists()
    try:
        number = int(_LOG_PID.read_text())
        return Path(f"/proc/{number}/comm").read_text().strip() == "virtlogd"
    except (OSError, ValueError):
        return False


def pid_file(*, session: bool) -> str | None:
    """The file with the process id of the daemon that runs QEMU; None where there is none."""
    folder = paths.libvirt_run_dir() if session else Path("/run")
    files = (folder / f"{name}.pid" for name in ("virtqemud", "libvirtd"))
    return next((str(file) for file in files if file.exists()), None)
