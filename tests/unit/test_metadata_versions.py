"""What another version of virtlab wrote: an earlier one is read, and what a later one made is left alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from worlds import NOTHING, after, guest, lab

from provisioner import errors
from provisioner.backends import choose, inner, launch
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.labfile.loader import load
from provisioner.labfile.rules import Images
from provisioner.lifecycle import remove
from provisioner.listener import Listener
from provisioner.model import metadata, naming, plan, selection
from provisioner.model.lab import Guest, Lab
from provisioner.model.metadata import FORMAT, GuestMetadata, LaterFormat, NetworkMetadata
from provisioner.model.observed import Observed, ObservedDomain, ObservedLater, ObservedNetwork
from provisioner.model.plan import Verb

PROFILES = Path(__file__).parents[2] / "templates/profiles"
# A folder for each format, in it one for each lab: what virtlab wrote on its guests and networks, and the lab
# file that they were made from, without its observations. A sample is never changed.
SAMPLES = Path(__file__).parent / "metadata_samples"
LABS = sorted(path for path in SAMPLES.glob("format-*/*"))
NOBODY = cast(Listener, None)  # who would be told of progress
ADDED_LATER = ("optional", "features", "hyperv", "kvm")  # to a guest of format 1


def lab_of(sample: Path, choices: metadata.Choices) -> Lab:
    names = ("tiny", "grub", "xen", "xen-domu", "kvm", "vz", "hosted", "grub-timed", "consolidation")
    images = Images(boot=names, disk=("notes",))
    loaded = load(sample / "lab.yaml", source="test:sample", profiles=PROFILES, images=images)
    return selection.settled(loaded, choices, (), ())[0]


def observed(sample: Path, change: Callable[[dict[str, Any]], None] = lambda data: None) -> Observed:
    """What libvirt would show of the sample, each guest running; ``change`` alters what is written on it."""
    domains, networks = [], []
    for file in sorted(sample.glob("*.json")):
        data = json.loads(file.read_text())
        change(data)
        read = metadata.loads(json.dumps(data))
        instance = read.origin.key
        if isinstance(read, NetworkMetadata):
            name = read.network.name
            networks.append(ObservedNetwork(instance.network(name), instance, name, True, read))
        else:
            name = read.guest.name
            domains.append(ObservedDomain(instance.domain(name), instance, name, "running", read))
    return Observed(tuple(domains), tuple(networks), ())


def planned(sample: Path, there: Observed) -> plan.Plan:
    origin = there.origin()
    assert origin is not None
    accels = {domain.guest: domain.metadata.accel for domain in there.domains}
    of = lab_of(sample, origin.choices)
    return plan.make(of, origin, there, accels, session=not there.networks)


@pytest.mark.parametrize("sample", LABS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_an_earlier_version_made_is_read_and_kept(sample: Path) -> None:
    there = observed(sample)
    guests = tuple(d for d in there.domains if not naming.is_clone(d.guest))
    steps = planned(sample, dataclasses.replace(there, domains=guests))
    assert {step.verb for step in (*steps.networks, *steps.guests)} == {Verb.KEEP}
    assert not steps.changes_something
    for domain in guests:
        assert domain.metadata.guest == lab_of(sample, domain.metadata.origin.choices).guest(domain.guest)
        assert metadata.loads(metadata.dumps(domain.metadata)) == domain.metadata


def test_every_kind_of_what_is_written_is_among_the_samples() -> None:
    assert {path.parent.name for path in LABS} == {f"format-{number}" for number in range(1, FORMAT)}
    members = [member for sample in LABS for member in observed(sample).members()]
    assert {member.metadata.guest.kind for member in members} == {"machine", "xen", "nested", "container"}
    assert any(naming.is_clone(member.guest) for member in members)


def test_a_clone_of_format_1_has_its_own_name() -> None:
    there = observed(SAMPLES / "format-1/demo-paravirt")
    (clone,) = (domain for domain in there.domains if naming.is_clone(domain.guest))
    full = there.domain("full")
    assert full is not None
    assert clone.metadata.guest == dataclasses.replace(full.metadata.guest, name=clone.guest)
    step = planned(SAMPLES / "format-1/demo-paravirt", there).guest(clone.guest)
    assert (step.verb, step.loses) == (Verb.REMOVE, None)


def test_keys_that_format_1_got_later_may_be_missing() -> None:
    def older(data: dict[str, Any]) -> None:
        for of in (data["definition"], *data.get("inner", ())):
            for key in ADDED_LATER:
                of.pop(key, None)
        for key in ("guests", "left_out"):
            del data["origin"]["choices"][key]

    sample = SAMPLES / "format-1/demo-xen"
    assert not planned(sample, observed(sample, older)).changes_something


def test_a_key_that_only_a_later_version_knows_restarts_nothing() -> None:
    def newer(data: dict[str, Any]) -> None:
        for of in (data, data["origin"], data["definition"], *data.get("inner", ())):
            of["later"] = {"any": ["thing"]}

    sample = SAMPLES / "format-1/demo-xen"
    assert not planned(sample, observed(sample, newer)).changes_something


@pytest.mark.parametrize("sample", LABS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_an_earlier_version_made_starts(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Guest] = []

    def await_ready(_domain: Any, guest: Guest, *_rest: Any, **_more: Any) -> None:
        started.append(guest)

    def ensure(_host: str, _way: Any, guests: list[Guest], *_rest: Any, **_more: Any) -> list[Any]:
        started.extend(guests)
        return []

    monkeypatch.setattr(launch, "await_ready", await_ready)
    monkeypatch.setattr(inner, "ensure", ensure)
    session = cast(Session, SimpleNamespace(conn=SimpleNamespace(domain=lambda name: name)))
    there = observed(sample)
    for domain in there.domains:
        stopped = dataclasses.replace(domain, state="stopped")
        choose.backend(session, stopped).start(NOBODY, timeout=1, cancelled=Cancellation())
    assert started == [member.metadata.guest for member in there.members()]


def test_a_later_format_is_told_from_what_is_no_metadata() -> None:
    text = metadata.dumps(after(lab(guest("one"))).domains[0].metadata)
    for number in (FORMAT + 1, 99):
        with pytest.raises(LaterFormat) as caught:
            metadata.loads(text.replace(f'"format":{FORMAT}', f'"format":{number}'))
        assert caught.value.number == number
    with pytest.raises(LaterFormat):  # nothing else of it is looked at
        metadata.loads(json.dumps({"format": FORMAT + 1}))


MINE = naming.Instance("learner", "demo")
LATER = ObservedLater(MINE.domain("one"), MINE, "guest one", FORMAT + 1)


class Untouchable:
    """A session on which nothing may be done but looking."""

    def __init__(self, seen: Observed) -> None:
        self.conn = None
        self._seen = seen

    def pool(self) -> None:
        return None

    def look(self) -> Observed:
        return self._seen


@pytest.mark.parametrize("beside", [NOTHING, after(lab(guest("one"), guest("two")))], ids=["alone", "beside"])
def test_nothing_of_an_instance_of_a_later_version_is_taken_down(beside: Observed) -> None:
    session = cast(Session, Untouchable(dataclasses.replace(beside, later=(LATER,))))
    with pytest.raises(errors.ConflictError) as caught:
        remove.take_down(session, MINE, NOBODY, Cancellation())
    assert caught.value.message == (
        "demo was made by a later version of virtlab: "
        f"guest one (metadata in format {FORMAT + 1}); nothing of it is touched"
    )
    assert caught.value.hint == "update virtlab, or go on with the version that made it"
    assert caught.value.exit_code == 1


def test_another_instance_is_not_held_up_by_it() -> None:
    other = naming.Instance("learner", "other")
    seen = Observed((), (), (LATER,))
    assert seen.instances() == [MINE]
    assert seen.of(other) == NOTHING
    assert seen.of_owner("learner") == seen
    seen.check_version(other)
    with pytest.raises(errors.ConflictError):
        seen.check_version(MINE)
    assert remove.chosen([cast(Session, Untouchable(seen))], ["demo"], every=False)[0][1] == MINE


def test_a_round_trip_keeps_the_types() -> None:
    read = metadata.loads(metadata.dumps(after(lab(guest("one"))).domains[0].metadata))
    assert isinstance(read, GuestMetadata)
    assert isinstance(read.guest, Guest)
