"""libvirt's test driver: each connection has a world of its own, which ends with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from marked import MINE, Define, domain_xml, guest_metadata

from provisioner.hypervisor.connection import Connection
from provisioner.model import metadata

NODE = """<node><cpu>
<mhz>1000</mhz><model>test</model><active>1</active>
<nodes>1</nodes><sockets>1</sockets><cores>1</cores><threads>1</threads>
</cpu><memory>8388608</memory></node>"""


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    node = tmp_path / "node.xml"
    node.write_text(NODE)
    opened = Connection(libvirt.open(f"test://{node}"))
    yield opened
    opened.close()


@pytest.fixture
def define(conn: Connection) -> Define:
    """Defines a domain, by default virtlab.learner.demo.one with its own metadata, and starts it."""

    def defined(
        name: str = MINE.domain("one"),
        mark: str | None = metadata.dumps(guest_metadata()),
        *,
        running: bool = True,
    ) -> libvirt.virDomain:
        dom = conn.handle.defineXMLFlags(domain_xml(name, mark), 0)
        if running:
            dom.create()
        return dom

    return defined
