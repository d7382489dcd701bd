"""A session: a connection, the host behind it, and the user."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from provisioner import errors, paths
from provisioner.backends import cut_off
from provisioner.host.local_host import Host, LocalHost, user_name
from provisioner.host.unknown_host import UnknownHost
from provisioner.hypervisor import connection, events, uris
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.storage import Pool
from provisioner.hypervisor.uris import Choice
from provisioner.language import joined, msg
from provisioner.model import naming
from provisioner.model.observed import Observed


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection. ``owner`` is the slug of the user whose labs it is about."""

    conn: Connection
    choice: Choice
    host: Host
    user: str

    @property
    def owner(self) -> str:
        return naming.owner_slug(self.user)

    @property
    def is_session(self) -> bool:
        return self.choice.is_session

    @property
    def pool_folder(self) -> str:
        """The folder of virtlab's pool on the hypervisor's host."""
        return str(paths.session_pool_dir() if self.is_session else paths.SYSTEM_POOL_DIR)

    def instance(self, name: str) -> naming.Instance:
        return naming.Instance(self.owner, name)

    def lock_name(self, instance: str) -> str:
        """The name of the lock that is held by whoever works on an instance."""
        return f"{instance} on {self.choice.uri}"

    def look(self, *, volumes: bool = True) -> Observed:
        """Everything that this user's labs have on this connection. Where the pool's folder can't be read,
        nothing is told of volumes."""
        observed = self.conn.look(self.readable_pool() if volumes else None).of_owner(self.owner)
        return observed if self.is_session else cut_off.marked(self.conn, self.host, observed)

    def pool(self) -> Pool | None:
        """virtlab's storage pool on this connection, where there is one.

        Raises PoolAway where its folder can't be read.
        """
        return self.conn.our_pool(self.pool_folder)

    def readable_pool(self) -> Pool | None:
        """The same, and None where its folder can't be read."""
        try:
            return self.pool()
        except errors.PoolAway:
            return None

    def require_qemu(self, domain: str, label: str) -> None:
        """Raises QemuStopped where the QEMU of that domain does not run on. Where it can't be looked at, or
        there is none, nothing is raised."""
        pid = self.host.stopped_qemus([domain]).get(domain)
        if pid is not None:
            raise errors.QemuStopped(
                msg(
                    "{label}: its QEMU, process {pid}, was stopped by a signal or a debugger, "
                    "and nothing runs in the guest",
                    label=label,
                    pid=pid,
                ),
                hint=msg(
                    "let it go on: {command}; or switch it off: {virtlab} stop --timeout 0 {guest}",
                    command=self.let_go_on(pid),
                    guest=shlex.quote(label),
                ),
            )

    def let_go_on(self, pid: int) -> str:
        """The command that lets a QEMU go on that a signal stopped."""
        sudo = "" if self.is_session or os.geteuid() == 0 else "sudo "
        return f"{sudo}kill -CONT {pid}"

    def images_in_use(self) -> set[str] | None:
        """The images (``naming.ImageSet.text``) that guests of all users of this connection use.

        None where that is not known, because a later virtlab made one of the guests.
        """
        everything = self.conn.look()
        if everything.later:
            return None
        return {text for guest in everything.domains for text in guest.metadata.images.values()}


@contextmanager
def opened(
    choice: Choice,
    *,
    with_events: bool = False,
    patience: float | None = None,
    cancelled: threading.Event | None = None,
) -> Iterator[Session]:
    """A session on that connection. ``with_events`` where guests will be waited for or talked to.

    ``patience`` are the seconds that libvirt may be silent, where those of ``calls.PATIENCE`` are too long.
    Where ``cancelled`` is set, silence is not waited for.
    """
    if with_events:
        events.ensure_running()
    conn = connection.connect(choice, patience=patience, cancelled=cancelled)
    try:
        host: Host = LocalHost() if choice.is_local else UnknownHost()
        yield Session(conn, choice, host, user_name())
    finally:
        conn.close()


@contextmanager
def everywhere(
    flag: str | None,
    *,
    with_events: bool = False,
    tell: Callable[[str], None] | None = None,
    patience: float | None = None,
    cancelled: threading.Event | None = None,
) -> Iterator[list[Session]]:
    """A session on each connection that this user's labs may be on, the preferred one first.

    ``tell`` is called about each that can't be reached. Where none can, the first error is raised.
    ``patience``, ``cancelled``: as of ``opened``.
    """
    how = partial(opened, with_events=with_events, patience=patience, cancelled=cancelled)
    with ExitStack() as stack:
        sessions, problems = [], []
        for choice in uris.everywhere(flag):
            try:
                sessions.append(stack.enter_context(how(choice)))
            except errors.HypervisorError as error:
                if choice.asked_for:
                    raise
                problems.append(error)
        if not sessions:
            raise problems[0]
        if tell is not None:
            for problem in problems:
                tell(msg("not looked at: {message}", message=problem.message))
        yield sessions


@contextmanager
def instance_up(
    flag: str | None,
    name: str,
    *,
    patience: float | None = None,
    cancelled: threading.Event | None = None,
) -> Iterator[tuple[Session, naming.Instance]]:
    """The session and the instance of that name, on whichever connection it is.

    Raises NotFound where there is none, Ambiguous where several connections have one, and ConflictError
    where a later virtlab made it. ``patience``, ``cancelled``: as of ``opened``.
    """
    with everywhere(flag, with_events=True, patience=patience, cancelled=cancelled) as sessions:
        looks = [(session, session.look()) for session in sessions]
        matches = [
            (session, instance, observed)
            for session, observed in looks
            for instance in observed.instances()
            if name == instance.name
        ]
        if not matches:
            doubts = joined("", (observed.doubts(name) for _, observed in looks))
            raise errors.NotFound(
                msg("no lab {name} of yours is up{doubts}", name=repr(name), doubts=doubts),
                hint=_way_to(name),
            )
        if len(matches) > 1:
            listed = joined(
                ", ", (msg("{name} on {uri}", name=i.name, uri=s.choice.uri) for s, i, _ in matches)
            )
            raise errors.Ambiguous(
                msg("which one: {listed}?", listed=listed), hint=msg("name its connection with -c")
            )
        session, instance, observed = matches[0]
        observed.check_version(instance)
        yield session, instance


def _way_to(name: str) -> str:
    """What to type where nothing of that name is up: by its name alone, only a lab of virtlab's is found."""
    from provisioner.labfile import catalog  # only here: status must be quick

    there = "{virtlab} status"
    if name not in catalog.names(paths.labs_dir()):
        return msg("see what is up: {there}", there=there)
    return msg("bring it up: {virtlab} up {name}; or see what is: {there}", name=name, there=there)
