"""Verbs as a page or the command line calls them, on the daemon in memory."""

from __future__ import annotations

import pytest

from provisioner.backends import session
from provisioner.hypervisor import connection, events
from provisioner.hypervisor.connection import Connection
from tests.fakes import libvirtd
from tests.fakes.world import World
from tests.lifecycle.conftest import make_world, world

__all__ = ["make_world", "there", "world"]


@pytest.fixture
def there(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, which is also what verbs find when they open a connection."""
    monkeypatch.setattr(connection, "connect", lambda _, **how: Connection(libvirtd.connect(world.daemon)))
    monkeypatch.setattr(events, "ensure_running", lambda: None)
    monkeypatch.setattr(session, "LocalHost", lambda: world.host)
    monkeypatch.setattr(session, "user_name", lambda: world.user)
    return world
