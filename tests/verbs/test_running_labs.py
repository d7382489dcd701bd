"""up, plan, status, start, stop and down as functions: results, questions and progress."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from provisioner import errors
from provisioner.hypervisor.uris import SYSTEM
from provisioner.lifecycle.execution import Result
from provisioner.model.plan import Plan
from provisioner.verbs import down, in_guest, page, start_stop, status, up
from provisioner.verbs.up import Request
from tests.fakes.daemon import failure
from tests.fakes.guests import OFF, RUNNING
from tests.fakes.world import TWO, World

BIGGER = TWO.replace("  one:\n    memory: 96 MiB", "  one:\n    memory: 128 MiB")


class Person:
    """Answers questions, and keeps them and the changes that were shown."""

    def __init__(self, *, agrees: bool = True) -> None:
        self.agrees = agrees
        self.heard: list[tuple[str, str]] = []
        self.seen: list[Plan] = []

    def __call__(self, question: str, *, why: str) -> bool:
        self.heard.append((question, why))
        return self.agrees


def bring_up(world: World, text: str = TWO, person: Person | None = None) -> Result:
    person = person or Person()
    request = Request(world.lab(text), timeout=0.4)
    return up.up(request, SYSTEM, world.told, ask=person, show_changes=person.seen.append)


def test_a_lab_comes_up_is_seen_and_goes(there: World) -> None:
    person = Person()
    result = bring_up(there, person=person)
    assert [guest.name for guest in result.members] == ["one", "two"]
    assert (person.heard, person.seen) == ([], [])
    assert there.told.lines[0] == "note: connection: qemu:///system (--connect)"
    (one,) = status.status(["pair"], SYSTEM, there.told.note)
    assert (one.instance, one.uri, dict(one.usage)) == (there.instance, SYSTEM, {})
    assert [domain.guest for domain in one.observed.domains] == ["one", "two"]
    gone = down.down(["pair", "other"], SYSTEM, there.told)
    assert gone == down.Down(("pair",), ("other",), ())
    assert status.status([], SYSTEM, there.told.note) == []


def test_a_plan_changes_nothing(there: World) -> None:
    with there.unchanged():
        planned = up.plan(Request(there.lab()), SYSTEM)
    assert planned.prepared.plan.changes_something
    assert (planned.uri, planned.uri_reason) == (SYSTEM, "--connect")


def test_a_plan_says_that_no_range_is_free(there: World) -> None:
    """It said "create network lab", which up then refused."""
    there.host.taken = [IPv4Network(text) for text in ("192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8")]
    with there.unchanged(), pytest.raises(errors.HypervisorError, match="no range of addresses is free"):
        up.plan(Request(there.lab()), SYSTEM)


def test_a_person_is_asked_before_something_is_lost(there: World) -> None:
    bring_up(there)
    person = Person(agrees=False)
    with there.unchanged(), pytest.raises(errors.Declined, match="nothing was changed"):
        bring_up(there, BIGGER, person)
    assert person.heard == [("Go on?", "one: what is lost does not come back")]
    assert [step.name for step in person.seen[0].guests if step.changes_something] == ["one"]
    bring_up(there, BIGGER, Person())
    assert there.states() == {"one": RUNNING, "two": RUNNING}


def test_nobody_is_asked_where_nothing_changes(there: World) -> None:
    bring_up(there)
    person = Person(agrees=False)
    result = bring_up(there, person=person)
    assert not result.plan.changes_something
    assert (person.heard, person.seen) == ([], [])


def test_guests_stop_and_start(there: World) -> None:
    bring_up(there)
    assert start_stop.stop("pair/two", SYSTEM, there.told, timeout=0.4).loses_files
    assert there.states() == {"one": RUNNING, "two": OFF}
    start_stop.start("pair", SYSTEM, there.told, timeout=0.4)
    assert there.states() == {"one": RUNNING, "two": RUNNING}


@pytest.mark.parametrize("target", ["other", "other/one"])
def test_what_is_not_up_is_not_found(there: World, target: str) -> None:
    with pytest.raises(errors.NotFound, match="no lab 'other' of yours is up"):
        start_stop.start(target, SYSTEM, there.told)
    with pytest.raises(errors.NotFound, match="no lab 'other' of yours is up"):
        status.status(["other"], SYSTEM, there.told.note)


def test_down_goes_on_after_an_instance_that_fails(there: World) -> None:
    bring_up(there)
    person = Person()
    second = Request(there.lab(), instance="second", timeout=0.4)
    up.up(second, SYSTEM, there.told, ask=person, show_changes=person.seen.append)

    def refuse() -> None:
        raise failure("OPERATION_FAILED", "operation failed: it does not end")

    there.daemon.on("domain.destroy", refuse)
    result = down.down([], SYSTEM, there.told, every=True)
    assert (result.gone, result.not_up) == (("second",), ())
    (problem,) = result.problems
    assert "it does not end" in problem.message
    assert down.down([], SYSTEM, there.told) == down.Down(("pair",), (), ())
    assert down.down([], SYSTEM, there.told) == down.Down((), (), ())


def test_which_instances_go_is_said_once(there: World) -> None:
    with pytest.raises(errors.InputError, match="name labs, or say --all"):
        down.down(["pair"], SYSTEM, there.told, every=True)


def test_a_volume_whose_name_is_no_text_hinders_nobody(there: World) -> None:
    bring_up(there)
    stored = there.daemon.pools["virtlab"].volumes
    stored["virtlab.learner.pair.one.disk\udcff.qcow2"] = next(iter(stored.values()))
    (one,) = status.status([], SYSTEM, there.told.note)
    assert one.instance == there.instance
    assert down.down(["pair"], SYSTEM, there.told).gone == ("pair",)
    assert list(there.volumes()) == ["virtlab.learner.pair.one.disk\udcff.qcow2"]


@pytest.mark.parametrize("mark", ["none", "forged"])
def test_what_only_looks_like_virtlabs_is_said_and_left_alone(there: World, mark: str) -> None:
    bring_up(there)
    name = there.domain("one")
    stored = there.daemon.domains[name]
    if mark == "none":
        stored.xml = stored.xml.replace("metadata>", "metadatum>")
    else:
        stored.xml = stored.xml.replace('"kind":"machine"', '"kind":"container"')
    kept = (stored.xml, stored.state)
    told = (
        f"the domain {name} has a name like virtlab's, and no metadata that proves it: it is left alone "
        f"(see: virsh dumpxml {name})"
    )
    (one,) = status.status([], SYSTEM, there.told.note)
    assert [domain.guest for domain in one.observed.domains] == ["two"]
    start_stop.start("pair", SYSTEM, there.told)
    start_stop.stop("pair", SYSTEM, there.told)
    assert there.told.lines.count(f"note: {told}") == 3
    for verb in (lambda: in_guest.run("pair/one", ["true"], SYSTEM), lambda: bring_up(there)):
        with pytest.raises(errors.VirtlabError, match="is left alone"):
            verb()
    assert page.report("pair", SYSTEM, there.told).is_up
    down.down(["pair"], SYSTEM, there.told)
    assert there.told.lines.count(f"note: {told}") == 4
    assert set(there.daemon.domains) == {name}
    assert (stored.xml, stored.state) == kept
    assert there.volumes() == {volume for volume in there.volumes() if volume.startswith(name)} != set()
    there.daemon.pools["virtlab"].volumes.clear()
    there.daemon.filters.clear()  # which that domain still had
    with pytest.raises(errors.NotFound, match="is left alone"):
        start_stop.start("pair", SYSTEM, there.told)
