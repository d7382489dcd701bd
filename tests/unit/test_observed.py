"""What one connection shows, sorted by whose it is."""

from __future__ import annotations

import dataclasses

from worlds import NOTHING, after, guest, lab

from provisioner.model.enums import GuestKind, Transport
from provisioner.model.lab import Guest
from provisioner.model.naming import Instance
from provisioner.model.observed import Observed, ObservedDoubtful, ObservedInner

MINE = after(lab(guest("one"), guest("two")))
OTHER = Instance("other", "demo")
DOUBTFUL = ObservedDoubtful(OTHER.volume("one", 0), OTHER, "one.disk0.qcow2", "volume")
BOTH = dataclasses.replace(MINE, doubtful=(DOUBTFUL,))


def test_nothing() -> None:
    assert NOTHING.instances() == []
    assert NOTHING.origin() is None
    assert NOTHING.domain("one") is None


def test_instances() -> None:
    mine = Instance("learner", "demo")
    assert BOTH.instances() == [mine], "a volume that nothing proves makes no instance"
    assert BOTH.of(mine) == MINE
    assert BOTH.of_owner("learner") == MINE
    assert BOTH.of(OTHER) == Observed((), (), doubtful=(DOUBTFUL,))
    assert BOTH.of_owner("other") == Observed((), (), doubtful=(DOUBTFUL,))
    assert BOTH.of_owner("learn") == NOTHING


def test_origin_and_domain() -> None:
    origin = MINE.origin()
    assert origin is not None
    assert (origin.user, origin.instance) == ("learner", "demo")
    assert dataclasses.replace(MINE, domains=()).origin() == origin  # its network tells it, too
    assert BOTH.of(OTHER).origin() is None
    one = MINE.domain("one")
    assert one is not None
    assert one.name == "virtlab.learner.demo.one"


def test_activity() -> None:
    domain = MINE.domains[0]
    active = {
        state: dataclasses.replace(domain, state=state).is_active
        for state in ("running", "paused", "stopping", "stopped", "crashed", "suspended", "unknown")
    }
    assert [state for state, is_active in active.items() if not is_active] == ["stopped", "crashed"]


def test_members_are_guests_and_those_inside_them() -> None:
    def inside(name: str, parent: str) -> Guest:
        return guest(name, kind=GuestKind.CONTAINER, parent=parent, transport=Transport.PARENT)

    observed = after(lab(guest("one"), inside("in", "one"), inside("deep", "in"), guest("two")))
    assert [member.label for member in observed.members()] == ["demo/one", "demo/in", "demo/deep", "demo/two"]
    deep = observed.member("deep")
    assert isinstance(deep, ObservedInner)
    assert (deep.parent.guest, deep.host.guest, deep.state) == ("in", "one", "running")
    assert deep.metadata.guest.name == "deep"
    assert (deep.metadata.accel, deep.metadata.addresses, deep.metadata.inner) == (
        deep.host.metadata.accel,
        (),
        (),
    )
    assert observed.member("three") is None
    stopped = dataclasses.replace(observed.domains[0], state="stopped")
    assert [member.is_active for member in stopped.members()] == [False, False, False]
