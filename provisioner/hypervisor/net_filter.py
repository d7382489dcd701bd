"""A filter of libvirt's (nwfilter): rules that it keeps for every card of a guest that names them.

Nothing here checks whether a filter is virtlab's. ``Connection`` does, before it replaces or removes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libvirt

from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.language import msg

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import RawConnection, RawFilter

GONE = (libvirt.VIR_ERR_NO_NWFILTER,)


class NetFilter:
    """One filter. Its methods raise HypervisorError. ``handle`` is for the modules of this package alone."""

    __slots__ = ("handle", "name", "uuid")

    def __init__(self, handle: RawFilter) -> None:
        self.handle = handle
        self.name: str = handle.name()
        self.uuid: str = handle.UUIDString()

    def says(self, xml: str) -> bool:
        """Whether it has the rules of that definition, in the same order. libvirt keeps their values as they
        were given (tried with 9.0)."""
        with translated(msg("can't read filter {name}", name=self.name)):
            try:
                return _rules(self.handle.XMLDesc()) == _rules(xml)
            except libvirt.libvirtError as error:
                if code_of(error) in GONE:
                    return False
                raise

    def remove(self) -> bool:
        """Removes it. False where it was gone already.

        Raises HypervisorError while a running guest has it.
        """
        try:
            self.handle.undefine()
        except libvirt.libvirtError as error:
            if code_of(error) in GONE:
                return False
            raise translate(error, msg("can't remove filter {name}", name=self.name)) from error
        return True


def _rules(xml: str) -> list[tuple[dict[str, str], list[tuple[str, dict[str, str]]]]]:
    import xml.etree.ElementTree as ET

    return [
        (rule.attrib, [(match.tag, match.attrib) for match in rule])
        for rule in ET.fromstring(xml).iterfind("rule")  # noqa: S314 - libvirt's own output, and ours
    ]


def find(conn: RawConnection, name: str) -> NetFilter | None:
    """The filter of that name, where there is one."""
    with translated(msg("can't look up filter {name}", name=name)):
        try:
            return NetFilter(conn.nwfilterLookupByName(name))
        except libvirt.libvirtError as error:
            if code_of(error) in (*GONE, libvirt.VIR_ERR_NO_SUPPORT):
                return None
            raise


def every(conn: RawConnection) -> list[NetFilter]:
    """All filters. Empty where this libvirt has none, as a user's own, or does not reach what keeps them."""
    try:
        return [NetFilter(handle) for handle in conn.listAllNWFilters()]
    except libvirt.libvirtError:
        return []  # a line that is broken shows with whatever is asked next
