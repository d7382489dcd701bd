"""Whether the paths of the sockets that a user's own libvirt makes for a guest are short enough.

They begin with the user's home folder, and Linux takes no name of a socket with more than 107 bytes, see
unix(7). libvirt says so only when the guest starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from provisioner import errors, paths
from provisioner.backends.session import Session
from provisioner.host import libvirt_daemons
from provisioner.hypervisor import host_facts
from provisioner.language import msg
from provisioner.model.enums import AgentPort
from provisioner.model.lab import Guest, Lab
from provisioner.model.naming import Instance

MOST = 107  # bytes
_SHORT = 20  # characters of a domain's name (libvirt, src/conf/domain_conf.c, VIR_DOMAIN_SHORT_NAME_MAX)
_NUMBER = 99  # of a domain: they count up from 1 as long as the daemon runs
_AGENTS_MOVED = (9, 7)  # libvirt's first version that keeps agents' sockets in the folder of what runs


def check(session: Session, lab: Lab, instance: Instance) -> None:
    """Raises HypervisorError where a guest's sockets would have too long a path."""
    if not (session.is_session and session.choice.is_local):
        return
    version = tuple(int(part) for part in host_facts.versions(session.conn)["libvirt"].split("."))
    for guest in lab.top_level:
        for path in _paths(guest, instance, version):
            if len(os.fsencode(path)) > MOST:
                raise errors.HypervisorError(
                    msg(
                        "your own libvirt can't start {guest}: the path of a socket would have {count} "
                        "bytes, and {most} are allowed: {path}",
                        guest=guest.name,
                        count=len(os.fsencode(path)),
                        most=MOST,
                        path=path,
                    ),
                    hint=_hint(),
                )


def _paths(guest: Guest, instance: Instance, version: tuple[int, ...]) -> Iterator[Path]:
    """Of QEMU's monitor and of the guest's agent (libvirt, src/qemu/qemu_conf.c, src/qemu/qemu_domain.c)."""
    qemu = paths.libvirt_config_dir() / "qemu"
    short = f"{_NUMBER}-{instance.domain(guest.name)[:_SHORT]}"
    yield qemu / "lib" / f"domain-{short}" / "monitor.sock"
    if guest.agent is AgentPort.VIRTIO:
        before = qemu / "channel" / "target" / f"domain-{short}"
        since = paths.libvirt_run_dir() / "qemu" / "run" / "channel" / short
        yield (before if version < _AGENTS_MOVED else since) / "org.qemu.guest_agent.0"


def _hint() -> str:
    """Both folders are named anew: which of them is too long depends on libvirt's version."""
    folder = f"/var/tmp/u{os.geteuid()}"  # noqa: S108 - where it is somebody else's, mkdir fails
    once = [f"mkdir -m 700 {folder}"]
    if file := libvirt_daemons.pid_file(session=True):
        once.insert(0, f"kill $(cat {quote(file)})")
    return msg(
        "take the system's libvirt (sudo usermod -aG libvirt $USER, then log in again); or let yours keep "
        "its files in a shorter folder: {once}; then, in each terminal: {always}",
        once="; ".join(once),
        always=f"export XDG_CONFIG_HOME={folder} XDG_RUNTIME_DIR={folder}",
    )
