"""Domains of libvirt's test driver with virtlab's metadata on them, or other text."""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import escape

import libvirt

from provisioner.model import naming
from provisioner.model.metadata import GuestMetadata, Origin
from provisioner.model.naming import Instance
from tests.unit.worlds import guest as sample_guest

MINE = Instance("learner", "demo")
Define = Callable[..., libvirt.virDomain]


def guest_metadata(guest: str = "one", user: str = "learner", instance: str = "demo") -> GuestMetadata:
    of = sample_guest(guest, disks=(), interfaces=())
    origin = Origin(user, instance, "demo", "catalog:demo", '/labs/<demo> & "co"/ラボ.yaml')
    return GuestMetadata(origin, of, "tcg", "asked for", False, {"tiny": "tiny.0.1.learner"})


def domain_xml(name: str, mark: str | None) -> str:
    """A domain of the test driver; ``mark`` is the text in virtlab's element."""
    element = (
        ""
        if mark is None
        else f'<metadata><virtlab:stamp xmlns:virtlab="{naming.METADATA_URI}">{escape(mark)}</virtlab:stamp>'
        "</metadata>"
    )
    rest = "<memory>4096</memory><os><type>hvm</type></os>"
    return f"<domain type='test'><name>{name}</name>{element}{rest}</domain>"
