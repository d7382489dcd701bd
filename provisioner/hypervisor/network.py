"""A network of libvirt, and what can be done to it.

Nothing here checks whether a network is virtlab's. ``Connection`` does, before it removes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import libvirt

from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.language import msg

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    from provisioner.hypervisor.binding import RawNetwork

GONE = (libvirt.VIR_ERR_NO_NETWORK,)


class Network:
    """One network. Its methods raise HypervisorError, or NotFound where it is gone.

    ``handle`` is libvirt's own object, for the modules of this package alone.
    """

    __slots__ = ("handle", "name")

    def __init__(self, handle: RawNetwork) -> None:
        self.handle = handle
        self.name: str = handle.name()

    @property
    def bridge(self) -> str:
        """The name of its bridge on the host."""
        with translated(msg("can't read network {name}", name=self.name)):
            return self.handle.bridgeName()

    def bridge_of_its_own(self) -> str | None:
        """The name of its bridge; None where it has none, or is gone."""
        try:
            return self.handle.bridgeName()
        except libvirt.libvirtError:
            return None

    def start(self) -> None:
        """Starts it, unless it is active."""
        with translated(msg("can't start network {name}", name=self.name)):
            if not self.handle.isActive():
                self.handle.create()

    def start_or_undefine(self) -> None:
        """Starts it. Where that fails, its definition is taken back before the error is raised."""
        try:
            self.handle.create()
        except libvirt.libvirtError as error:
            if code_of(error) == libvirt.VIR_ERR_OPERATION_INVALID and self.handle.isActive():
                return
            failure = translate(error, msg("can't start network {name}", name=self.name))
            with suppress(libvirt.libvirtError):
                self.handle.undefine()
            raise failure from error

    def remove(self) -> bool:
        """Stops it and removes its definition. False where it was gone already."""
        try:
            self._stop()
            self.handle.undefine()
        except libvirt.libvirtError as error:
            if code_of(error) in GONE:
                return False
            raise translate(error, msg("can't remove network {name}", name=self.name)) from error
        return True

    def _stop(self) -> None:
        """Stops it, unless somebody has, or does so meanwhile."""
        try:
            self.handle.destroy()
        except libvirt.libvirtError as error:
            if code_of(error) != libvirt.VIR_ERR_OPERATION_INVALID:
                raise

    def subnets(self) -> list[IPv4Network]:
        """The IPv4 ranges that it defines. Empty where it is gone."""
        import xml.etree.ElementTree as ET
        from ipaddress import IPv4Network

        try:
            text = self.handle.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
        except libvirt.libvirtError as error:
            if code_of(error) in GONE:
                return []
            raise translate(error, msg("can't read network {name}", name=self.name)) from error
        return [
            IPv4Network(f"{ip.get('address')}/{ip.get('prefix') or ip.get('netmask') or 24}", strict=False)
            for ip in ET.fromstring(text).iter("ip")  # noqa: S314 - libvirt's own output
            if ip.get("family", "ipv4") == "ipv4" and ip.get("address")
        ]

    def set_hosts(self, hosts: Sequence[tuple[str, str, str]]) -> None:
        """Makes these (MAC address, name, address) the only hosts that it knows, now and at its next start.

        Its DHCP server gives the address for a MAC address, and its DNS server gives it for a name.
        """
        import xml.etree.ElementTree as ET
        from xml.sax.saxutils import escape, quoteattr

        with translated(msg("can't update network {name}", name=self.name)):
            root = ET.fromstring(self.handle.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))  # noqa: S314
            leases = {
                (h.get("mac") or "", h.get("name") or "", h.get("ip") or "")
                for h in root.iterfind("ip/dhcp/host")
            }
            names = {(h.findtext("hostname") or "", h.get("ip") or "") for h in root.iterfind("dns/host")}
            self._exchange(
                libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                [f"<host mac={quoteattr(mac)}/>" for mac, *_ in leases - set(hosts)],
                [
                    f"<host mac={quoteattr(mac)} name={quoteattr(guest)} ip={quoteattr(address)}/>"
                    for mac, guest, address in hosts
                    if (mac, guest, address) not in leases
                ],
            )
            wanted = [(guest, address) for _, guest, address in hosts]
            self._exchange(
                libvirt.VIR_NETWORK_SECTION_DNS_HOST,
                [f"<host ip={quoteattr(address)}/>" for _, address in names - set(wanted)],
                [
                    f"<host ip={quoteattr(address)}><hostname>{escape(guest)}</hostname></host>"
                    for guest, address in wanted
                    if (guest, address) not in names
                ],
            )

    def _exchange(self, section: int, old: Sequence[str], new: Sequence[str]) -> None:
        """Takes entries out of a section, and puts others in."""
        flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
        if self.handle.isActive():
            flags |= libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE
        for entry in old:
            self.handle.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, section, -1, entry, flags)
        for entry in new:
            self.handle.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, section, -1, entry, flags)
