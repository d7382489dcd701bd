"""What up decides to do, without anything being there."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import NOTHING, after, disk, guest, lab, make, network, origin, ranges, stopped, told

from provisioner.errors import ConflictError, InputError
from provisioner.language import Text
from provisioner.model import naming, plan
from provisioner.model.enums import GuestKind, NetworkMode, Transport
from provisioner.model.lab import Guest, Interface, Lab, Processor
from provisioner.model.metadata import Choices
from provisioner.model.plan import Plan, Verb
from provisioner.units import MIB

ONE = lab(guest("one"))


def verbs(made: Plan) -> dict[str, str]:
    return {s.name: str(s.verb) for s in (*made.networks, *made.guests, *made.inner)}


def test_from_nothing() -> None:
    made = make(lab(guest("one"), guest("two")))
    assert verbs(made) == {"lab": "create", "one": "create", "two": "create"}
    assert made.changes_something
    assert not made.losses
    assert {s.reason for s in made.guests} == {"not there yet"}


def test_nothing_to_do() -> None:
    made = make(ONE, after(ONE))
    assert verbs(made) == {"lab": "keep", "one": "keep"}
    assert not made.changes_something


def test_on_a_session_connection_there_are_no_networks() -> None:
    made = make(ONE, session=True)
    assert verbs(made) == {"one": "create"}
    assert not make(ONE, after(ONE, session=True), session=True).changes_something


@pytest.mark.parametrize("state", ["stopped", "crashed", "paused"])
def test_a_guest_that_is_off_starts(state: str) -> None:
    step = make(ONE, stopped(after(ONE), "one", state)).guest("one")
    assert (step.verb, step.reason, step.loses) == (Verb.START, f"it is {state}", None)


@pytest.mark.parametrize("state", ["running", "suspended", "stopping", "unknown"])
def test_a_guest_that_is_there_stays(state: str) -> None:
    assert make(ONE, stopped(after(ONE), "one", state)).guest("one").verb is Verb.KEEP


@pytest.mark.parametrize(
    ("changes", "verb", "lines"),
    [
        ({"memory": 256 * MIB}, "restart", ("memory: 192 MiB → 256 MiB",)),
        ({"processor": Processor(2, "auto")}, "restart", ("processor.count: 1 → 2",)),
        (
            {"processor": Processor(1, "auto", {"aes": "disable"})},
            "restart",
            ("processor.features.aes: none → disable",),
        ),
        ({"kernel_args": ("debug",)}, "restart", ("kernel_args[0]: none → debug",)),
        ({"disks": (disk(bus="ide"),)}, "restart", ("disks[0].bus: virtio → ide",)),
        (
            {"disks": (disk(), disk())},
            "restart",
            ("disks[1]: none → bus virtio, size 64 MiB, cache writeback",),
        ),
        ({"disks": (disk(128 * MIB),)}, "replace", ("disks[0].size: 64 MiB → 128 MiB",)),
        ({"disks": (disk(image="notes"),)}, "replace", ("disks[0].image: none → notes",)),
        ({"disks": ()}, "replace", ("disks[0]: bus virtio, size 64 MiB, cache writeback → none",)),
        ({"title": Text("Other")}, "update", ("title: none → en Other",)),
        ({"transport": Transport.NONE}, "update", ("transport: agent → none",)),
        ({"profile": "mine"}, "update", ("profile: virtio → mine",)),
    ],
)
def test_an_edit(changes: dict[str, object], verb: str, lines: tuple[str, ...]) -> None:
    step = make(lab(guest("one", **changes)), after(ONE)).guest("one")
    assert (str(step.verb), told(step)) == (verb, lines)
    assert step.reason == "the lab file changed"
    losses = {
        "restart": "what is in its memory",
        "replace": "all that is on its disks and in its memory",
        "update": None,
    }
    assert step.loses == losses[verb]
    assert step.changes_something


def test_an_edit_of_a_stopped_guest_loses_no_memory() -> None:
    observed = stopped(after(ONE), "one")
    restart = make(lab(guest("one", memory=256 * MIB)), observed)
    assert (restart.guest("one").verb, restart.losses) == (Verb.RESTART, ())
    replaced = make(lab(guest("one", disks=())), observed).guest("one")
    assert replaced.loses == "all that is on its disks"
    titled = make(lab(guest("one", title=Text("x"))), observed).guest("one")
    assert (titled.verb, told(titled)) == (Verb.START, ("title: none → en x",))


def test_guests_and_networks_that_the_file_no_longer_has() -> None:
    observed = after(lab(guest("one"), guest("two", interfaces=(Interface("more", "e1000"),)), networks=NETS))
    made = make(ONE, observed)
    assert verbs(made) == {"lab": "keep", "more": "remove", "one": "keep", "two": "remove"}
    assert made.guest("two").loses == "all that is on its disks and in its memory"


NETS = (network("lab"), network("more", NetworkMode.ISOLATED))


def test_a_network_that_nobody_uses_is_not_made() -> None:
    assert verbs(make(lab(guest("one"), networks=NETS))) == {"lab": "create", "one": "create"}
    none = lab(guest("one", interfaces=()))
    assert verbs(make(none)) == {"one": "create"}


def test_a_network_made_anew_restarts_the_guests_on_it() -> None:
    both = (Interface("lab", "virtio"), Interface("more", "virtio"))
    before = lab(guest("one"), guest("two", interfaces=both), networks=NETS)
    nets = (network("lab"), network("more", NetworkMode.NAT))
    made = make(dataclasses.replace(before, networks=nets), after(before))
    assert verbs(made) == {"lab": "keep", "more": "replace", "one": "keep", "two": "restart"}
    assert made.guest("two").reason == "its network more was not there or is made anew"
    assert [step.name for step in made.losses] == ["two"]
    assert told(made.networks[1]) == ("mode: isolated → nat",)


def test_a_networks_title_is_no_reason_to_make_it_anew() -> None:
    named = lab(guest("one"), networks=(network(title=Text("The office")),))
    assert verbs(make(named, after(ONE))) == {"lab": "keep", "one": "keep"}


def test_a_stopped_network_starts() -> None:
    observed = after(ONE)
    observed = dataclasses.replace(
        observed, networks=tuple(dataclasses.replace(n, active=False) for n in observed.networks)
    )
    assert make(ONE, observed).networks[0].verb is Verb.START


@pytest.mark.parametrize(
    ("state", "verb", "loses"),
    [("running", Verb.RESTART, "what is in its memory and on that disk"), ("stopped", Verb.START, None)],
)
def test_a_disk_whose_file_was_deleted(state: str, verb: Verb, loses: str | None) -> None:
    observed = stopped(after(ONE), "one", state)
    (domain,) = observed.domains
    lost = dataclasses.replace(domain, lost_disks=(0,))
    step = make(ONE, dataclasses.replace(observed, domains=(lost,))).guest("one")
    assert (step.verb, step.loses) == (verb, loses)
    assert (step.changes, step.emptied) == ((), (0,))


def hosted(name: str, parent: str, **changes: object) -> Guest:
    return guest(name, kind=GuestKind.CONTAINER, parent=parent, transport=Transport.PARENT, **changes)


def test_guests_of_guests_start_in_what_starts() -> None:
    nest = lab(guest("one"), hosted("in", "one"), hosted("deep", "in"))
    made = make(nest)
    assert verbs(made) == {"lab": "create", "one": "create", "in": "start", "deep": "start"}
    assert made.inner[1].reason == "inside in, once that answers"
    assert [g.name for g in plan.inner_guests(nest, "one")] == ["in", "deep"]
    observed = after(nest)
    kept = make(nest, observed)
    assert not kept.changes_something
    assert verbs(kept) == {"lab": "keep", "one": "keep", "in": "leave", "deep": "leave"}
    bigger = lab(guest("one"), hosted("in", "one", memory=MIB), hosted("deep", "in"))
    step = make(bigger, observed).guest("one")
    assert (step.verb, told(step)) == (Verb.RESTART, ("inner[0].memory: 192 MiB → 1 MiB",))
    titled = lab(guest("one"), hosted("in", "one", title=Text("x")), hosted("deep", "in"))
    assert make(titled, observed).guest("one").verb is Verb.UPDATE
    assert make(lab(guest("one"), hosted("in", "one")), observed).guest("one").verb is Verb.RESTART


def test_a_guest_that_moves_into_another_goes() -> None:
    observed = after(lab(guest("one"), guest("two")))
    made = make(lab(guest("one"), hosted("two", "one")), observed)
    assert {(s.name, s.verb) for s in made.guests} == {("one", Verb.RESTART), ("two", Verb.REMOVE)}


def test_another_accelerator_restarts_the_guest() -> None:
    made = plan.make(ONE, origin(ONE), after(ONE), {"one": "kvm"}, session=False)
    assert made.guest("one").verb is Verb.RESTART
    assert told(made.guest("one")) == ("accelerator: tcg → kvm",)
    assert made.guest("one").loses == "what is in its memory"


def test_a_choice_that_changes_nothing_else_is_only_written_down() -> None:
    chosen = dataclasses.replace(origin(ONE), choices=Choices("tcg", ("one.memory=192MiB",)))
    made = plan.make(ONE, chosen, after(ONE), {"one": "tcg"}, session=False)
    assert made.guest("one").verb is Verb.UPDATE
    assert told(made.guest("one")) == ("choices: none → --accel tcg --set one.memory=192MiB",)
    assert made.losses == ()


def test_another_file_of_the_same_name_is_a_conflict() -> None:
    instance = origin(ONE).key
    plan.check_origin(instance, ONE, NOTHING)
    plan.check_origin(instance, ONE, after(ONE))
    with pytest.raises(ConflictError, match=r"made from /labs/demo/lab\.yaml") as caught:
        plan.check_origin(instance, dataclasses.replace(ONE, source="/home/learner/lab.yaml"), after(ONE))
    assert caught.value.hint is not None
    assert "--as" in caught.value.hint
    assert "{virtlab} down demo" in caught.value.hint


def test_a_guest_that_is_not_in_a_plan() -> None:
    with pytest.raises(KeyError):
        make(ONE).guest("nobody")


def test_addresses_stay_when_the_file_changes() -> None:
    before = lab(guest("one"), guest("two"), guest("three"))
    observed = after(before)
    had = plan.addresses(before, origin(before), observed, ranges(before, observed))
    now = lab(guest("three"), guest("new"), guest("one"))
    have = plan.addresses(now, origin(now), observed, ranges(now, observed))
    assert [have["one"], have["three"]] == [had["one"], had["three"]]
    everything = [a.address for own in (*had.values(), have["new"]) for a in own]
    assert len(set(everything)) == 4


def test_addresses_are_the_lowest_free_ones_in_file_order() -> None:
    two = guest("two", interfaces=(Interface("lab", "e1000"), Interface("more", "e1000")))
    some = lab(guest("one"), two, networks=NETS)
    nets: plan.Ranges = {
        "lab": (ipaddress.IPv4Network("192.168.140.0/24"), "192.168.140.1"),
        "more": (ipaddress.IPv4Network("192.168.141.0/24"), None),
    }
    found = plan.addresses(some, origin(some), NOTHING, nets)
    assert [(a.network, a.address, a.gateway) for own in found.values() for a in own] == [
        ("lab", "192.168.140.11/24", "192.168.140.1"),
        ("lab", "192.168.140.12/24", "192.168.140.1"),
        ("more", "192.168.141.11/24", None),
    ]


def test_an_interface_that_moves_gets_an_address_of_its_new_network() -> None:
    before = lab(guest("one"), guest("two"), networks=NETS)
    now = lab(guest("one", interfaces=(Interface("more", "virtio"),)), guest("two"), networks=NETS)
    observed = after(before)
    found = plan.addresses(now, origin(now), observed, ranges(now, observed))
    assert found["one"][0].network == "more"
    assert found["one"][0].gateway is None
    assert found["two"] == observed.domains[1].metadata.addresses


def test_a_network_that_becomes_isolated_has_no_gateway_any_more() -> None:
    now = lab(guest("one"), networks=(network("lab", NetworkMode.ISOLATED),))
    observed = after(ONE)
    (address,) = plan.addresses(now, origin(now), observed, ranges(now, observed))["one"]
    assert address == dataclasses.replace(observed.domains[0].metadata.addresses[0], gateway=None)


def test_another_range_means_other_addresses() -> None:
    nets: plan.Ranges = {"lab": (ipaddress.IPv4Network("192.168.254.0/24"), "192.168.254.1")}
    (address,) = plan.addresses(ONE, origin(ONE), after(ONE), nets)["one"]
    assert address.address == "192.168.254.11/24"


def test_more_interfaces_than_addresses() -> None:
    crowd = lab(*(guest(f"g{i}", interfaces=(Interface("lab", "virtio"),) * 8) for i in range(15)))
    with pytest.raises(InputError, match=r"network lab has more interfaces than addresses for them \(117\)"):
        plan.addresses(crowd, origin(crowd), NOTHING, ranges(crowd))


def test_user_mode_addresses() -> None:
    (address,) = plan.addresses(ONE, origin(ONE), NOTHING, ranges(ONE, session=True))["one"]
    assert (address.address, address.gateway) == ("10.0.2.11/24", "10.0.2.2")


NAMES = st.sampled_from(["a", "b", "c", "a-b"])
LABS = st.builds(
    lambda guests, mode: lab(*guests, networks=(network("lab", mode), network("more"))),
    st.lists(
        st.builds(
            guest,
            NAMES,
            memory=st.sampled_from([64 * MIB, 128 * MIB]),
            title=st.sampled_from([None, Text("x"), Text("y", "あ")]),
            disks=st.lists(st.builds(disk, st.sampled_from([MIB, 2 * MIB])), max_size=3).map(tuple),
            interfaces=st.lists(
                st.builds(Interface, st.sampled_from(["lab", "more"]), st.just("virtio")), max_size=3
            ).map(tuple),
            processor=st.builds(
                Processor,
                st.just(1),
                st.just("auto"),
                st.dictionaries(st.sampled_from(["aes", "svm"]), st.sampled_from(["require", "disable"])),
            ),
        ),
        max_size=4,
        unique_by=lambda g: g.name,
    ),
    st.sampled_from(list(NetworkMode)),
)


@settings(deadline=None, max_examples=50)
@given(LABS, st.booleans())
def test_a_second_plan_is_empty(of: Lab, session: bool) -> None:
    assert not make(of, after(of, session=session), session=session).changes_something


@settings(deadline=None, max_examples=50)
@given(st.lists(LABS, min_size=2, max_size=4), st.booleans())
def test_after_any_edits_a_second_plan_is_empty(labs: list[Lab], session: bool) -> None:
    observed = NOTHING
    for of in labs:
        observed = after(of, observed, session=session)
        made = make(of, observed, session=session)
        assert not any(s.changes_something for s in made.guests)
        # titles of networks aside, which are no reason to make one anew
        assert not any(s.changes_something for s in made.networks)
        given_out = [(a.network, a.address) for d in observed.domains for a in d.metadata.addresses]
        assert len(given_out) == len(set(given_out))
        assert {d.guest for d in observed.domains} == {g.name for g in of.top_level}


@settings(deadline=None, max_examples=50)
@given(LABS, LABS)
def test_whatever_is_lost_is_said(before: Lab, now: Lab) -> None:
    observed = after(before)
    made = make(now, observed)
    for step in made.guests:
        if step.verb in (Verb.RESTART, Verb.REPLACE, Verb.REMOVE):
            assert step in made.losses
        if step.verb in (Verb.KEEP, Verb.CREATE, Verb.UPDATE):
            assert step.loses is None
    assert [s.name for s in made.guests if s.verb is not Verb.REMOVE] == [g.name for g in now.top_level]


def test_a_clone_that_a_bench_left_behind_goes_and_nobody_is_asked() -> None:
    of = lab(guest("full"), guest("virtio"))
    observed = after(of)
    full = observed.domain("full")
    assert full is not None
    name = naming.clone("full")
    mark = dataclasses.replace(full.metadata, guest=name)
    instance = full.instance
    left = dataclasses.replace(full, name=instance.domain(name), guest=name, metadata=mark)
    made = make(of, dataclasses.replace(observed, domains=(*observed.domains, left)))
    assert [(s.verb, s.name) for s in made.guests if s.changes_something] == [(Verb.REMOVE, "full.clone")]
    assert not made.losses
