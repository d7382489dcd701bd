"""An open connection to libvirt: all that virtlab asks of it and changes there.

Before a thing is removed or replaced, its own metadata and its name have to prove that it is virtlab's
(``reader.ours_domain``, ``reader.is_ours_network``). Anything else is left alone. Removing something that
is gone already is no error.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import libvirt

from provisioner import errors
from provisioner.hypervisor import domain, network, reader, storage
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.hypervisor.network import Network
from provisioner.hypervisor.storage import Pool
from provisioner.hypervisor.uris import SESSION, SYSTEM, Choice
from provisioner.model.observed import Observed, ObservedDomain
from provisioner.model.ranges import Taken

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import RawConnection


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
            return reader.observed(domains, networks, pool)

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
        there, mark = self._find_domain(name)
        if there is not None and mark is None:
            raise errors.ConflictError(
                f"there is a domain {name} that does not carry virtlab's mark: it is left alone",
                hint=f"look at it: virsh dumpxml {name}",
            )

    def remove_domain(self, name: str, pool: Pool | None) -> bool:
        """Ends a domain of virtlab's, deletes the volumes of its disks, and undefines it.

        The definition goes last: its metadata is what proves whose the volumes are. False where there was no
        such domain, or it is not virtlab's.
        """
        there, mark = self._find_domain(name)
        if there is None or mark is None:
            return False
        there.destroy()
        if pool is not None:
            for volume in mark.volumes:
                pool.remove_volume(volume)
        there.undefine()
        return True

    def _find_domain(self, name: str) -> tuple[Domain | None, ObservedDomain | None]:
        """The domain of that name, and what it tells where it proves to be virtlab's."""
        with translated(f"can't look up {name}"):
            try:
                there = Domain(self.handle.lookupByName(name))
            except libvirt.libvirtError as error:
                if code_of(error) in domain.GONE:
                    return None, None
                raise
            return there, reader.ours_domain(there)

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

    def ranges_in_use(self) -> list[Taken]:
        """Every IPv4 range that any network defines."""
        with translated("can't list networks"):
            networks = [Network(handle) for handle in self.handle.listAllNetworks()]
        return [Taken(subnet, f"network {n.name}") for n in networks for subnet in n.subnets()]

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

    def knows_feature(self, feature: str) -> bool:
        """Whether libvirt knows a processor feature of that name. Takes less than a millisecond.

        libvirt has no list of them. It compares a processor that has the feature with the host's, and
        refuses one that it does not know, as it does when a guest is started (tried with libvirt 9.0).
        """
        processor = (
            "<cpu match='exact'><model fallback='forbid'>qemu64</model>"
            f"<feature policy='require' name='{feature}'/></cpu>"
        )
        try:
            self.handle.compareHypervisorCPU(None, "x86_64", None, "qemu", processor, 0)
        except libvirt.libvirtError as error:
            if code_of(error) not in (libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_CONFIG_UNSUPPORTED):
                raise translate(error, f"can't ask libvirt for processor feature {feature}") from error
            return False
        return True


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
