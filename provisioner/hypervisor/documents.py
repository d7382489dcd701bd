"""Definitions as libvirt keeps them."""

from __future__ import annotations

from typing import Any

import libvirt

from provisioner.hypervisor.failures import translated


def definition(conn: Any, name: str) -> str:
    """The XML that a domain starts from; of one that is no longer defined, the XML that it runs with.

    Raises NotFound where there is none of that name.
    """
    with translated(f"can't read the definition of {name}"):
        return str(conn.lookupByName(name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
