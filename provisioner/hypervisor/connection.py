"""An open connection to libvirt: all that virtlab asks of it and changes there.

Before a thing is removed or replaced, its own metadata and its name have to prove that it is virtlab's
(``reader.ours_domain``, ``reader.is_ours_network``, ``reader.filter_of``). Anything else is left alone.
Removing something that is gone already is no error.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import libvirt

from provisioner import errors
from provisioner.hypervisor import domain, net_filter, network, reader, remedies, storage
from provisioner.hypervisor.calls import PATIENCE, Calls, guarded, within
from provisioner.hypervisor.domain import Domain
from provisioner.hypervisor.failures import code_of, printable, translate, translated
from provisioner.hypervisor.network import Network
from provisioner.hypervisor.storage import Pool
from provisioner.hypervisor.uris import Choice
from provisioner.language import msg
from provisioner.model.observed import Observed, ObservedDomain
from provisioner.model.ranges import Taken

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import RawConnection

_LEAST_PATIENCE = 5.0  # seconds, however little time the user gives: a busy daemon may need some
_REMOTE_PATIENCE = 120.0
_CLOSE_SECONDS = 2.0


class Connection:
    """An open connection to libvirt. Its methods raise HypervisorError and what is below it.

    ``handle`` is libvirt's own object, for the modules of this package alone.
    """

    __slots__ = ("_calls", "handle")

    def __init__(self, handle: RawConnection, calls: Calls | None = None) -> None:
        self._calls = calls or Calls()
        self.handle = guarded(handle, self._calls)

    def close(self) -> None:
        """Closes the connection. Nothing that came from it can be used any more.

        One with a call that was given up stays open until this process ends: closing it would wait for that.
        """
        if self._calls.is_whole:
            with suppress(errors.HypervisorError):
                within(self.handle, _CLOSE_SECONDS).close()

    def look(self, pool: Pool | None = None) -> Observed:
        """Everything that is virtlab's, of all users; with its volumes where a pool is given."""
        with translated(msg("can't list what is there")):
            filters = net_filter.every(self.handle)
            domains = [Domain(handle) for handle in self.handle.listAllDomains()]
            networks = [Network(handle) for handle in self.handle.listAllNetworks()]
            return reader.observed(domains, networks, pool, filters)

    def domain(self, name: str) -> Domain:
        """The domain of that name. Raises NotFound."""
        with translated(msg("no domain {name}", name=name)):
            return Domain(self.handle.lookupByName(name))

    def define_domain(self, xml: str, *, validate: bool = False) -> Domain:
        """Defines or redefines a domain. With ``validate``, libvirt checks it against its schema first."""
        flags = libvirt.VIR_DOMAIN_DEFINE_VALIDATE if validate else 0
        with translated(msg("libvirt does not take the definition")):
            return Domain(self.handle.defineXMLFlags(xml, flags))

    def require_ours(self, name: str) -> None:
        """Raises ConflictError where a domain of that name exists and does not prove to be virtlab's."""
        there, mark = self._find_domain(name)
        if there is not None and mark is None:
            raise errors.ConflictError(
                msg(
                    "there is a domain {name} that does not carry virtlab's mark: it is left alone", name=name
                ),
                hint=msg("look at it: virsh dumpxml {name}", name=name),
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
        with translated(msg("can't look up {name}", name=name)):
            try:
                there = Domain(self.handle.lookupByName(name))
            except libvirt.libvirtError as error:
                if code_of(error) in domain.GONE:
                    return None, None
                raise
            return there, reader.ours_domain(there)

    def network(self, name: str) -> Network:
        """The network of that name. Raises NotFound."""
        with translated(msg("no network {name}", name=name)):
            return Network(self.handle.networkLookupByName(name))

    def create_network(self, xml: str) -> None:
        """Defines a network and starts it. Where it can't start, the definition is taken back."""
        with translated(msg("libvirt does not take the network")):
            made = Network(self.handle.networkDefineXML(xml))
        made.start_or_undefine()

    def remove_network(self, name: str) -> bool:
        """Stops and undefines a network of virtlab's. False where there was none, or it is not virtlab's."""
        with translated(msg("can't remove network {name}", name=name)):
            try:
                candidate = Network(self.handle.networkLookupByName(name))
            except libvirt.libvirtError as error:
                if code_of(error) in network.GONE:
                    return False
                raise
            return reader.is_ours_network(candidate) and candidate.remove()

    def bridges(self) -> frozenset[str]:
        """The names of the bridges of all networks that have one of their own."""
        with translated(msg("can't list networks")):
            networks = [Network(handle) for handle in self.handle.listAllNetworks()]
        return frozenset(bridge for network in networks if (bridge := network.bridge_of_its_own()))

    def define_filter(self, xml: str, name: str) -> None:
        """Makes a filter of that name say what the definition says. Running guests that have it follow.

        Raises ConflictError where there is one that does not prove to be virtlab's.
        """
        there = net_filter.find(self.handle, name)
        if there is not None and reader.filter_of(there) is None:
            raise errors.ConflictError(
                msg("there is a filter {name} that is not virtlab's: it is left alone", name=name),
                hint=msg("look at it: virsh nwfilter-dumpxml {name}", name=name),
            )
        if there is None or not there.says(xml):
            with translated(
                msg("libvirt does not take the filter that keeps guests from this host"),
                hint=msg(
                    "install libvirt's driver for network filters (libvirt-daemon-driver-nwfilter); or, "
                    "where you trust the lab, let its guests reach this host: --trust"
                ),
            ):
                self.handle.nwfilterDefineXML(xml)

    def filter_says(self, name: str, xml: str) -> bool:
        """Whether there is a filter of that name, with the rules of that definition."""
        there = net_filter.find(self.handle, name)
        return there is not None and there.says(xml)

    def remove_filter(self, name: str) -> bool:
        """Removes a filter of virtlab's. False where there was none, or it is not virtlab's.

        Raises HypervisorError while a running guest has it.
        """
        there = net_filter.find(self.handle, name)
        return there is not None and reader.filter_of(there) is not None and there.remove()

    def ranges_in_use(self) -> list[Taken]:
        """Every IPv4 range that any network defines."""
        with translated(msg("can't list networks")):
            networks = [Network(handle) for handle in self.handle.listAllNetworks()]
        return [Taken(subnet, msg("network {name}", name=n.name)) for n in networks for subnet in n.subnets()]

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
        with translated(msg("can't read libvirt's capabilities")):
            return self.handle.getCapabilities()

    def domain_capabilities(self, machine: str) -> str:
        """What a domain of that machine type can have, as libvirt's XML. Takes less than a millisecond.

        Raises HypervisorError where there is no such machine type.
        """
        with translated(msg("can't read what libvirt offers to machine {machine}", machine=machine)):
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
                raise translate(
                    error, msg("can't ask libvirt for processor feature {feature}", feature=feature)
                ) from error
            return False
        return True


def connect(
    choice: Choice, *, patience: float | None = None, cancelled: threading.Event | None = None
) -> Connection:
    """An open connection to libvirt's QEMU driver.

    Raises ConnectionFailed or PermissionDenied, with what to do about it, and InputError where the URI leads
    to another hypervisor, or is root's session, which is the system's libvirt by another name. libvirt's own
    printing of errors is switched off; no credential is ever asked for. ``patience``, ``cancelled``: how long
    libvirt may be silent, see ``Calls``.
    """
    libvirt.registerErrorHandler(_ignore, None)
    if choice.is_session and choice.is_local and os.geteuid() == 0:
        raise errors.InputError(
            msg(
                "{uri} ({why}) is the system's libvirt: root has no session of its own",
                uri=choice.uri,
                why=choice.why,
            ),
            hint=remedies.another(choice),
        )
    calls = Calls(
        f"libvirt ({choice.uri})",
        partial(remedies.silent, choice),
        patience=_patience(choice, patience),
        cancelled=cancelled,
    )
    try:
        raw = calls.make(partial(libvirt.open, choice.uri))
        calls.ask = partial(_open_and_close, choice.uri) if choice.is_local else raw.getLibVersion
        driver = calls.make(raw.getType)
    except libvirt.libvirtError as error:
        doing = msg("can't connect to {uri} ({why})", uri=choice.uri, why=choice.why)
        raise translate(error, doing, hint=remedies.unreachable(choice, code_of(error))) from error
    conn = Connection(raw, calls)
    if driver != "QEMU":
        conn.close()
        raise errors.InputError(
            msg(
                "{uri} ({why}) leads to libvirt's driver {driver}, and labs need QEMU",
                uri=choice.uri,
                why=choice.why,
                driver=printable(driver),
            ),
            hint=remedies.another(choice),
        )
    return conn


def _patience(choice: Choice, wanted: float | None) -> float:
    """How long a daemon may be silent. Over SSH somebody may have to type a password first."""
    if not choice.is_local:
        return _REMOTE_PATIENCE
    return PATIENCE if wanted is None else min(PATIENCE, max(_LEAST_PATIENCE, wanted))


def _open_and_close(uri: str) -> None:
    libvirt.open(uri).close()


def _ignore(_context: object, _error: object) -> None:
    """Takes libvirt's errors and does nothing. Without such a function, libvirt prints each of them."""
