"""Changing what libvirt has: domains, networks, volumes, the pool. Each function does one thing.

None of them decides what should exist. Those that remove look at the stamp first: what does not
prove that it is virtlab's is left alone. Removing what is gone already is no error.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import libvirt

from provisioner import errors
from provisioner.hypervisor import reader
from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.model import naming

_GONE = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_NO_STORAGE_VOL)
_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)


def define_domain(conn: Any, xml: str, *, validate: bool = False) -> Any:
    """Defines or redefines a domain. ``validate`` has libvirt check it against its schema, too."""
    flags = libvirt.VIR_DOMAIN_DEFINE_VALIDATE if validate else 0
    with translated("libvirt does not take the definition"):
        return conn.defineXMLFlags(xml, flags)


def require_ours(conn: Any, name: str) -> None:
    """Raises ConflictError where a domain of that name exists and does not prove to be virtlab's."""
    with translated(f"can't look up {name}"):
        try:
            dom = conn.lookupByName(name)
        except libvirt.libvirtError as error:
            if code_of(error) in _GONE:
                return
            raise
        ours = reader.is_ours_domain(dom)
    if not ours:
        raise errors.ConflictError(
            f"there is a domain {name} that does not carry virtlab's mark: it is left alone",
            hint=f"look at it: virsh dumpxml {name}",
        )


def domain(conn: Any, name: str) -> Any:
    """The domain of that name. Raises NotFound."""
    with translated(f"no domain {name}"):
        return conn.lookupByName(name)


def is_active(dom: Any) -> bool:
    """Whether a domain runs or is paused."""
    with translated(f"can't look at {dom.name()}"):
        return bool(dom.isActive())


def start_paused(dom: Any) -> None:
    """Starts a domain with its processors stopped, so that its console can be attached to first."""
    with translated(f"QEMU does not start {dom.name()}"):
        dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


def resume(dom: Any) -> None:
    """Lets a paused domain run."""
    with translated(f"can't resume {dom.name()}"):
        dom.resume()


def power_button(dom: Any) -> None:
    """Asks the guest's system to shut down, as the button of a machine does."""
    with translated(f"can't press the power button of {dom.name()}"):
        dom.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)


def destroy(dom: Any) -> None:
    """Ends a domain at once; one that is not running stays as it is."""
    try:
        dom.destroy()
    except libvirt.libvirtError as error:
        if code_of(error) not in (*_GONE, libvirt.VIR_ERR_OPERATION_INVALID):
            raise translate(error, f"can't end {dom.name()}") from error


def remove_domain(conn: Any, name: str) -> bool:
    """Ends and undefines a domain of ours. False where there was none, or it is not ours."""
    with translated(f"can't look up {name}"):
        try:
            dom = conn.lookupByName(name)
        except libvirt.libvirtError as error:
            if code_of(error) in _GONE:
                return False
            raise
        if not reader.is_ours_domain(dom):
            return False
    destroy(dom)
    try:
        dom.undefineFlags(_UNDEFINE)
    except libvirt.libvirtError as error:
        if code_of(error) not in _GONE:
            raise translate(error, f"can't undefine {name}") from error
    return True


def create_network(conn: Any, xml: str) -> None:
    """Defines a network and starts it. Where it can't start, the definition is taken back."""
    with translated("libvirt does not take the network"):
        net = conn.networkDefineXML(xml)
    try:
        net.create()
    except libvirt.libvirtError as error:
        if code_of(error) == libvirt.VIR_ERR_OPERATION_INVALID and net.isActive():
            return
        failure = translate(error, f"can't start network {net.name()}")
        with suppress(libvirt.libvirtError):
            net.undefine()
        raise failure from error


def start_network(conn: Any, name: str) -> None:
    """Starts a defined network."""
    with translated(f"can't start network {name}"):
        net = conn.networkLookupByName(name)
        if not net.isActive():
            net.create()


def remove_network(conn: Any, name: str) -> bool:
    """Stops and undefines a network of ours. False where there was none, or it is not ours."""
    try:
        net = conn.networkLookupByName(name)
        if not reader.is_ours_network(net):
            return False
        if net.isActive():
            net.destroy()
        net.undefine()
    except libvirt.libvirtError as error:
        if code_of(error) in _GONE:
            return False
        raise translate(error, f"can't remove network {name}") from error
    return True


def set_network_hosts(conn: Any, name: str, hosts: Sequence[tuple[str, str, str]]) -> None:
    """Has a network know exactly these (MAC address, name, address), running and as defined.

    By DHCP the address follows from the MAC address, by DNS from the name.
    """
    import xml.etree.ElementTree as ET
    from xml.sax.saxutils import escape, quoteattr

    with translated(f"can't update network {name}"):
        net = conn.networkLookupByName(name)
        root = ET.fromstring(net.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))  # noqa: S314
        leases = {
            (h.get("mac") or "", h.get("name") or "", h.get("ip") or "")
            for h in root.iterfind("ip/dhcp/host")
        }
        names = {(h.findtext("hostname") or "", h.get("ip") or "") for h in root.iterfind("dns/host")}
        _exchange(
            net,
            libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
            [f"<host mac={quoteattr(mac)}/>" for mac, *_ in leases - set(hosts)],
            [
                f"<host mac={quoteattr(mac)} name={quoteattr(guest)} ip={quoteattr(address)}/>"
                for mac, guest, address in hosts
                if (mac, guest, address) not in leases
            ],
        )
        wanted = [(guest, address) for _, guest, address in hosts]
        _exchange(
            net,
            libvirt.VIR_NETWORK_SECTION_DNS_HOST,
            [f"<host ip={quoteattr(address)}/>" for _, address in names - set(wanted)],
            [
                f"<host ip={quoteattr(address)}><hostname>{escape(guest)}</hostname></host>"
                for guest, address in wanted
                if (guest, address) not in names
            ],
        )


def _exchange(net: Any, section: int, old: Sequence[str], new: Sequence[str]) -> None:
    """Takes entries out of a section of a network, and puts others in."""
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    if net.isActive():
        flags |= libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE
    for entry in old:
        net.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, section, -1, entry, flags)
    for entry in new:
        net.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, section, -1, entry, flags)


def subnets_in_use(conn: Any) -> list[str]:
    """The "address/prefix" of every IPv4 network that any libvirt network defines."""
    import xml.etree.ElementTree as ET

    found = []
    with translated("can't list networks"):
        for net in conn.listAllNetworks():
            try:
                text = net.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
            except libvirt.libvirtError as error:
                if code_of(error) in _GONE:
                    continue
                raise
            for ip in ET.fromstring(text).iter("ip"):  # noqa: S314 - libvirt's own output
                if ip.get("family", "ipv4") == "ipv4" and ip.get("address"):
                    found.append(f"{ip.get('address')}/{ip.get('prefix') or ip.get('netmask') or 24}")
    return found


def open_pool(conn: Any, xml: str, path: str) -> Any:
    """virtlab's pool, made, built and started where needed.

    Raises ConflictError where a pool of that name lies somewhere else: it is not ours.
    """
    doing = f"can't open storage pool {naming.POOL} in {path}"
    with translated(doing):
        try:
            pool = conn.storagePoolLookupByName(naming.POOL)
        except libvirt.libvirtError as error:
            if code_of(error) != libvirt.VIR_ERR_NO_STORAGE_POOL:
                raise
            pool = _define_pool(conn, xml)
        target = _folder(pool)
        if target != path:
            raise errors.ConflictError(
                f"there is a storage pool {naming.POOL} in {target}, which is not virtlab's (that is {path})",
                hint=f"give that one another name: virsh pool-edit {naming.POOL}",
            )
        if not pool.isActive():
            try:
                pool.build()
                pool.create()
            except libvirt.libvirtError as error:
                # somebody else may have started it in between
                if not pool.isActive():
                    raise translate(error, doing) from error
        return pool


def our_pool(conn: Any, path: str) -> Any | None:
    """virtlab's pool where it is defined, started if need be (it is not, after a restart of the host).

    None where there is no pool of that name, or it lies elsewhere: then it is not ours.
    """
    try:
        pool = conn.storagePoolLookupByName(naming.POOL)
        if _folder(pool) != path:
            return None
        if not pool.isActive():
            pool.create()
    except libvirt.libvirtError as error:
        if code_of(error) == libvirt.VIR_ERR_NO_STORAGE_POOL:
            return None
        raise translate(error, f"can't open storage pool {naming.POOL}") from error
    return pool


def _folder(pool: Any) -> str:
    """The folder of a dir pool. No XML parser is loaded for it: status would wait for that."""
    match = re.search(r"<path>(.*?)</path>", pool.XMLDesc())
    return html.unescape(match.group(1)) if match else ""


def _define_pool(conn: Any, xml: str) -> Any:
    try:
        return conn.storagePoolDefineXML(xml)
    except libvirt.libvirtError:
        # somebody else may have defined it in between
        return conn.storagePoolLookupByName(naming.POOL)


def pool_path(pool: Any) -> str:
    """The folder of a pool, as the hypervisor's host calls it."""
    with translated("can't read the storage pool"):
        return _folder(pool)


def create_volume(pool: Any, name: str, xml: str) -> None:
    """Makes a volume. One of that name that is there already is replaced: the name says that it is ours."""
    with translated(f"can't make volume {name}"):
        try:
            pool.createXML(xml)
        except libvirt.libvirtError as error:
            if code_of(error) != libvirt.VIR_ERR_STORAGE_VOL_EXIST:
                raise
            pool.storageVolLookupByName(name).delete()
            pool.createXML(xml)


def remove_volume(pool: Any, name: str) -> bool:
    """Deletes a volume of virtlab's pool. False where there is none."""
    try:
        pool.storageVolLookupByName(name).delete()
    except libvirt.libvirtError as error:
        if code_of(error) in _GONE:
            return False
        raise translate(error, f"can't delete volume {name}") from error
    return True
