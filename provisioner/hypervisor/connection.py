"""Which libvirt to talk to, and an open connection to it: all that virtlab asks of it and changes there.

Before a thing is removed or replaced, its own metadata and its name have to prove that it is virtlab's
(``reader.is_ours_domain``, ``reader.is_ours_network``). Anything else is left alone. Removing something that
is gone already is no error.
"""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import libvirt

from provisioner import errors, paths
from provisioner.hypervisor import domain, network, reader, storage
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.hypervisor.network import Network
from provisioner.hypervisor.storage import Pool
from provisioner.model.observed import Observed

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import RawConnection

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


class Connection:
    """An open connection to libvirt. Its methods raise HypervisorError and what is below it.

    ``handle`` is libvirt's own object, for the modules of this package alone.
    """

    __slots__ = ("handle",)

    def __init__(self, handle: RawConnection) -> None:
        self.handle = handle

    def close(self) -> None:
        """Closes the connection. Nothing that came from it can be used any more."""
        self.handle.close()

    def look(self, pool: Pool | None = None) -> Observed:
        """Everything that is virtlab's, of all users; with its volumes where a pool is given."""
        with translated("can't list what is there"):
            domains = [Domain(handle) for handle in self.handle.listAllDomains()]
            networks = [Network(handle) for handle in self.handle.listAllNetworks()]
            return reader.observed(domains, networks, [] if pool is None else pool.volume_names())

    def domain(self, name: str) -> Domain:
        """The domain of that name. Raises NotFound."""
        with translated(f"no domain {name}"):
            return Domain(self.handle.lookupByName(name))

    def define_domain(self, xml: str, *, validate: bool = False) -> Domain:
        """Defines or redefines a domain. With ``validate``, libvirt checks it against its schema first."""
        flags = libvirt.VIR_DOMAIN_DEFINE_VALIDATE if validate else 0
        with translated("libvirt does not take the definition"):
            return Domain(self.handle.defineXMLFlags(xml, flags))

    def require_ours(self, name: str) -> None:
        """Raises ConflictError where a domain of that name exists and does not prove to be virtlab's."""
        there, ours = self._find_domain(name)
        if there is not None and not ours:
            raise errors.ConflictError(
                f"there is a domain {name} that does not carry virtlab's mark: it is left alone",
                hint=f"look at it: virsh dumpxml {name}",
            )

    def remove_domain(self, name: str) -> bool:
        """Ends and undefines a domain of virtlab's. False where there was none, or it is not virtlab's."""
        there, ours = self._find_domain(name)
        if there is None or not ours:
            return False
        there.destroy()
        there.undefine()
        return True

    def _find_domain(self, name: str) -> tuple[Domain | None, bool]:
        """The domain of that name, and whether it proves to be virtlab's."""
        with translated(f"can't look up {name}"):
            try:
                there = Domain(self.handle.lookupByName(name))
            except libvirt.libvirtError as error:
                if code_of(error) in domain.GONE:
                    return None, False
                raise
            return there, reader.is_ours_domain(there)

    def network(self, name: str) -> Network:
        """The network of that name. Raises NotFound."""
        with translated(f"no network {name}"):
            return Network(self.handle.networkLookupByName(name))

    def create_network(self, xml: str) -> None:
        """Defines a network and starts it. Where it can't start, the definition is taken back."""
        with translated("libvirt does not take the network"):
            made = Network(self.handle.networkDefineXML(xml))
        made.start_or_undefine()

    def remove_network(self, name: str) -> bool:
        """Stops and undefines a network of virtlab's. False where there was none, or it is not virtlab's."""
        with translated(f"can't remove network {name}"):
            try:
                candidate = Network(self.handle.networkLookupByName(name))
            except libvirt.libvirtError as error:
                if code_of(error) in network.GONE:
                    return False
                raise
            return reader.is_ours_network(candidate) and candidate.remove()

    def subnets_in_use(self) -> list[str]:
        """The "address/prefix" of every IPv4 range that any network defines."""
        with translated("can't list networks"):
            return [text for handle in self.handle.listAllNetworks() for text in Network(handle).subnets()]

    def open_pool(self, xml: str, path: str) -> Pool:
        """virtlab's pool, made, built and started where needed.

        Raises ConflictError where a pool of that name lies somewhere else: it is not virtlab's.
        """
        return storage.open_pool(self.handle, xml, path)

    def our_pool(self, path: str) -> Pool | None:
        """virtlab's pool where it is defined. It is started where it is not active, as after a restart of the
        host.

        None where there is no pool of that name, or where it lies elsewhere and so is not virtlab's.
        """
        return storage.our_pool(self.handle, path)

    def active_pool(self) -> Pool | None:
        """The pool of virtlab's name where it is defined and active. Nothing is made or started."""
        return storage.active_pool(self.handle)

    def capabilities(self) -> str:
        """What the host and its QEMU can do, as libvirt's XML."""
        with translated("can't read libvirt's capabilities"):
            return self.handle.getCapabilities()

    def domain_capabilities(self, machine: str) -> str:
        """What a domain of that machine type can have, as libvirt's XML. Takes less than a millisecond.

        Raises HypervisorError where there is no such machine type.
        """
        with translated(f"can't read what libvirt offers to machine {machine}"):
            return self.handle.getDomainCapabilities(None, "x86_64", machine, None)


def connect(choice: Choice) -> Connection:
    """An open connection to libvirt.

    Raises ConnectionFailed or PermissionDenied, with what to do about it. libvirt's own printing
    of errors is switched off; no credential is ever asked for.
    """
    libvirt.registerErrorHandler(_ignore, None)
    try:
        return Connection(libvirt.open(choice.uri))
    except libvirt.libvirtError as error:
        doing = f"can't connect to {choice.uri} ({choice.why})"
        raise translate(error, doing, hint=_hint(choice, code_of(error))) from error


def _ignore(_context: object, _error: object) -> None:
    """Takes libvirt's errors and does nothing. Without such a function, libvirt prints each of them."""


def _hint(choice: Choice, code: int) -> str:
    if not choice.is_local:
        return f"try it with: virsh -c {choice.uri} list"
    if code in (
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
        libvirt.VIR_ERR_AUTH_CANCELLED,
    ) or (code == libvirt.VIR_ERR_INTERNAL_ERROR and os.geteuid() != 0 and not choice.is_session):
        # a daemon that finds no polkit to ask reports that as an internal error
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
