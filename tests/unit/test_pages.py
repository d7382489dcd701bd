"""What is said of labs that are up and of plans, as data and as pages."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from worlds import NOTHING, after, disk, guest, lab, make, network, origin, stopped

from provisioner.backends.launch import Launched
from provisioner.language import Text
from provisioner.lifecycle.execution import Result
from provisioner.lifecycle.preparation import Prepared
from provisioner.lifecycle.request import Request
from provisioner.model import selection
from provisioner.model.accel import Decision
from provisioner.model.enums import GuestKind, Transport
from provisioner.model.lab import Interface, Lab
from provisioner.model.metadata import Choices
from provisioner.model.naming import Instance
from provisioner.model.observed import Observed, ObservedDoubtful, ObservedLater
from provisioner.model.plan import Verb
from provisioner.observe.answering import Answer
from provisioner.observe.usage import Usage
from provisioner.report.terminal import labs_page, status_page, up_page
from provisioner.units import MIB
from provisioner.verbs.status import InstanceStatus
from provisioner.verbs.up import Planned

HERE = "qemu:///system"
LAB = lab(guest("one"), guest("two", interfaces=(), disks=()))


def data(
    observed: Observed,
    used: Mapping[str, Usage] | None = None,
    stopped: Mapping[str, str] = MappingProxyType({}),
    answers: Mapping[str, Answer] | None = None,
) -> list[dict[str, Any]]:
    return status_page.status_data(
        [
            InstanceStatus(
                one,
                HERE,
                observed.of(one),
                "/pool",
                observed.of(one).lost_networks(),
                stopped,
                used or {},
                answers,
            )
            for one in observed.instances()
        ]
    )


def page(observed: Observed) -> str:
    return status_page.status_page(data(observed))


def test_nothing_is_up() -> None:
    assert data(NOTHING) == []
    assert page(NOTHING) == "nothing is up\nnext: virtlab list, then virtlab up LAB"


def test_status() -> None:
    observed = stopped(after(LAB), "two")
    subnet = observed.networks[0].metadata.subnet
    (entry,) = data(observed)
    assert {key: entry[key] for key in entry if key != "guests"} == {
        "instance": "demo",
        "lab": "demo",
        "file": "/labs/demo/lab.yaml",
        "owner": "learner",
        "connection": "qemu:///system",
        "pool_folder": "/pool",
        "accel_flag": None,
        "set": [],
        "with": [],
        "up": "virtlab up demo",
        "left_out": [],
        "networks": [{"name": "lab", "active": True, "subnet": subnet}],
        "lost_networks": [],
        "doubtful": [],
        "later": [],
    }
    one, two = entry["guests"]
    address = observed.domains[0].metadata.addresses[0]
    assert one["interfaces"] == [
        {
            "model": "virtio",
            "network": "lab",
            "mac": address.mac,
            "address": address.address,
            "gateway": address.gateway,
        }
    ]
    assert (one["state"], two["state"], two["interfaces"]) == ("running", "stopped", [])
    assert one["domain"] == "virtlab.learner.demo.one"
    assert page(observed).splitlines() == [
        "GUEST     STATE    ACCELERATOR      MEMORY   ADDRESS",
        f"demo/one  running  emulation (TCG)  192 MiB  {address.address.partition('/')[0]}",
        "demo/two  stopped  emulation (TCG)  192 MiB  none",
        "demo/two is stopped; virtlab start demo/two",
    ]


def test_a_lab_that_is_stopped_is_started_as_one() -> None:
    last = page(stopped(stopped(after(LAB), "one"), "two")).splitlines()[3:]
    assert last == ["demo: all guests are stopped; virtlab start demo"]


def test_guests_of_guests_have_a_line() -> None:
    inner = guest("in", kind=GuestKind.CONTAINER, parent="one", transport=Transport.PARENT)
    lines = page(after(lab(guest("one"), inner))).splitlines()
    assert lines[2] == "demo/in   not asked  container in one  192 MiB"
    assert lines[-1] == "demo: whether in run, their hosts know: virtlab status demo --ask"
    lines = page(stopped(after(lab(guest("one"), inner)), "one")).splitlines()
    assert lines[2].startswith("demo/in   stopped  container in one")


@pytest.mark.parametrize(
    ("answer", "state", "about"),
    [
        (Answer.ANSWERS, "running", None),
        (Answer.RUNNING, "running", None),
        (Answer.UNKNOWN, "not known", None),
        (Answer.STOPPED, "stopped", "demo/in is stopped; virtlab start demo/in"),
        (
            Answer.SILENT,
            "does not answer",
            "demo/in is up, and does not answer; start it anew: virtlab stop demo/in, "
            "then virtlab start demo/in",
        ),
    ],
)
def test_what_guests_answered(answer: Answer, state: str, about: str | None) -> None:
    inner = guest("in", kind=GuestKind.CONTAINER, parent="one", transport=Transport.PARENT)
    found = data(after(lab(guest("one"), inner)), answers={"demo/one": Answer.ANSWERS, "demo/in": answer})
    assert [found[0]["guests"][0]["answer"], found[0]["guests"][0]["inner"][0]["answer"]] == [
        "answers",
        str(answer),
    ]
    lines = status_page.status_page(found).splitlines()
    assert f"running{' ' * (len(state) - 7)}  emulation" in lines[1]
    assert f"{state}  container in one" in " ".join(lines[2].split("  ")) or state in lines[2]
    assert lines[3:] == ([about] if about else [])


def test_what_guests_cost_is_told_where_it_was_watched() -> None:
    inner = guest("in", kind=GuestKind.CONTAINER, parent="one", transport=Transport.PARENT)
    observed = stopped(after(lab(guest("one", interfaces=()), guest("two", interfaces=()), inner)), "two")
    used = {observed.domains[0].name: Usage(3.04, 309 * MIB, 0.514)}
    (entry,) = found = data(observed, used)
    assert entry["guests"][0]["usage"] == {"over": 3.04, "resident": 309 * MIB, "processor": 0.514}
    assert status_page.status_page(found).splitlines() == [
        "GUEST     STATE      ACCELERATOR       MEMORY   RESIDENT  PROCESSOR  ADDRESS",
        "demo/one  running    emulation (TCG)   192 MiB  309 MiB   0.51       none",
        "demo/in   not asked  container in one  192 MiB",
        "demo/two  stopped    emulation (TCG)   192 MiB                       none",
        "seen from the host for 3.04 s: memory in use by the guest's process, "
        "and its seconds of processor time in each second",
        "demo/two is stopped; virtlab start demo/two",
        "demo: whether in run, their hosts know: virtlab status demo --ask",
    ]


def test_what_flags_chose_is_told() -> None:
    observed = after(LAB)
    marked = dataclasses.replace(
        observed.domains[0].metadata.origin, choices=Choices("tcg", ("one.memory=1GiB", "two.video=vga"))
    )
    domains = tuple(
        dataclasses.replace(d, metadata=dataclasses.replace(d.metadata, origin=marked))
        for d in observed.domains
    )
    last = page(dataclasses.replace(observed, domains=domains)).splitlines()[-1]
    assert last == "demo keeps --set one.memory=1GiB --set two.video=vga --accel tcg until it goes down"


def test_what_a_later_version_made_is_told() -> None:
    instance = Instance("learner", "demo")
    later = tuple(
        ObservedLater(f"virtlab.learner.demo.{part.split()[1]}", instance, part, 3)
        for part in ("guest full", "network lab")
    )
    only = Observed((), (), later)
    (entry,) = data(only)
    assert entry["later"][0] == {"name": "virtlab.learner.demo.full", "part": "guest full", "format": 3}
    assert entry["guests"] == []
    assert page(only) == (
        "demo: made by a later version of virtlab: guest full (metadata in format 3), "
        "network lab (metadata in format 3); nothing of it is touched: "
        "update virtlab, or go on with the version that made it"
    )
    mixed = page(dataclasses.replace(after(LAB), later=later[:1])).splitlines()
    assert mixed[1].startswith("demo/one")
    assert mixed[-1].startswith("demo: made by a later version")


def test_what_a_run_that_did_not_end_left_is_told() -> None:
    only = dataclasses.replace(after(LAB), domains=())
    said = "demo: something is left of a run that did not end; to remove it: virtlab down demo"
    assert page(only) == said
    assert said not in page(after(LAB))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("running", "what is on it is lost when the guest stops"),
        ("stopped", "what is on it is lost"),
    ],
)
def test_a_disk_whose_file_was_deleted_is_told_with_the_verb_that_mends_it(state: str, told: str) -> None:
    observed = stopped(after(LAB), "one", state)
    one, two = observed.domains
    observed = dataclasses.replace(observed, domains=(dataclasses.replace(one, lost_disks=(0,)), two))
    assert data(observed)[0]["guests"][0]["lost_disks"] == [0]
    last = page(observed).splitlines()[-1]
    assert last == (
        f"demo/one: the file of disk 0 was deleted, and {told}; to make an empty one: virtlab up demo"
    )


def test_a_guest_that_qemu_paused_because_a_disk_is_full_is_no_guest_of_a_bench() -> None:
    observed = stopped(stopped(after(LAB), "one", "paused"), "two", "paused")
    one, two = observed.domains
    full = dataclasses.replace(observed, domains=(dataclasses.replace(one, out_of_space=True), two))
    assert page(full).splitlines()[-2:] == [
        "demo: one paused: there is no room for what it writes to its disk; to let it go on, free "
        "some space in /pool, then virtlab start demo",
        "demo: two paused, as a bench does for as long as it runs; to let them go on: virtlab start demo",
    ]


def test_a_guest_whose_qemu_was_stopped_is_told_with_what_lets_it_go_on() -> None:
    observed = after(LAB)
    found = data(observed, stopped={observed.domains[0].name: "kill -CONT 4711"})
    assert [guest["let_go_on"] for guest in found[0]["guests"]] == ["kill -CONT 4711", None]
    assert status_page.status_page(found).splitlines()[-1] == (
        "demo/one: its QEMU was stopped by a signal or a debugger, and nothing runs in the guest; "
        "kill -CONT 4711 lets it go on"
    )


def test_a_guest_that_is_cut_off_is_told_with_the_verb_that_mends_it() -> None:
    observed = after(LAB)
    one, two = observed.domains
    found = data(dataclasses.replace(observed, domains=(dataclasses.replace(one, cut_off=("lab",)), two)))
    assert [guest["cut_off"] for guest in found[0]["guests"]] == [["lab"], []]
    assert status_page.status_page(found).splitlines()[-1] == (
        "demo/one: cut off from network lab, which was stopped and started again; "
        "to start the guest anew: virtlab up demo"
    )


def test_scripts_see_what_only_looks_like_the_labs() -> None:
    instance = Instance("learner", "demo")
    name = "virtlab.learner.demo.one.disk7.qcow2"
    doubtful = ObservedDoubtful(name, instance, "one.disk7.qcow2", "volume")
    (entry,) = data(dataclasses.replace(after(LAB), doubtful=(doubtful,)))
    assert entry["doubtful"] == [{"kind": "volume", "name": name}]


@pytest.mark.parametrize(
    ("state", "there", "lost"),
    [
        ("running", "stopped", True),
        ("running", "gone", True),
        ("stopped", "stopped", False),
        ("stopped", "gone", True),
    ],
)
def test_a_network_that_somebody_took_away(state: str, there: str, lost: bool) -> None:
    observed = stopped(after(LAB), "one", state)
    (net,) = observed.networks
    networks = () if there == "gone" else (dataclasses.replace(net, active=False),)
    observed = dataclasses.replace(observed, networks=networks)
    assert data(observed)[0]["lost_networks"] == (["lab"] if lost else [])
    told = "demo: network lab is stopped or gone, and its guests are cut off; to bring it back, "
    assert (f"{told}and start them anew: virtlab up demo" in page(observed)) == lost


def prepared(of: Lab, observed: Observed = NOTHING) -> Prepared:
    decision = Decision("tcg", "this host has no /dev/kvm")
    decisions = {guest.name: decision for guest in of.top_level}
    return Prepared(Request("demo"), of, origin(of), observed, decisions, make(of, observed), seconds=0.0)


def test_plan_page() -> None:
    assert up_page.plan_page(Planned(prepared(LAB), HERE, "you are root")) == (
        "demo on qemu:///system (you are root)\n"
        "create network lab: not there yet\n"
        "create one: not there yet\n"
        "create two: not there yet\n"
        "one, two: emulation (TCG): this host has no /dev/kvm"
    )


def test_plan_page_of_nothing_to_do() -> None:
    assert up_page.plan_page(Planned(prepared(LAB, after(LAB)), HERE, "you are root")) == (
        "demo on qemu:///system (you are root)\nnothing to do: it is as its file says"
    )


def test_changes_page() -> None:
    observed = after(lab(guest("one"), guest("gone"), networks=(network(), network("more"))))
    now = lab(guest("one", memory=256 * MIB, interfaces=(Interface("lab", "e1000"),)))
    assert up_page.changes_page(make(now, observed)) == (
        "restart one: the lab file changed\n"
        "    memory: 192 MiB → 256 MiB\n"
        "    interfaces[0].model: virtio → e1000\n"
        "    this loses what is in its memory\n"
        "remove gone: the lab file no longer has it\n"
        "    this loses all that is on its disks and in its memory"
    )


def test_plan_data() -> None:
    data = up_page.plan_data(prepared(LAB, stopped(after(LAB), "one")))
    assert (data["instance"], data["lab"]) == ("demo", "demo")
    kept = {
        "action": "keep",
        "reason": "as the lab file says",
        "changes": [],
        "loses": None,
        "deleted_disks": [],
    }
    emulated = {"accel": "tcg", "accel_why": "this host has no /dev/kvm"}
    assert data["steps"] == [
        {"kind": "network", "name": "lab", **kept},
        {
            "kind": "guest",
            "name": "one",
            "action": "start",
            "reason": "it is stopped",
            "changes": [],
            "loses": None,
            "deleted_disks": [],
            **emulated,
        },
        {"kind": "guest", "name": "two", **kept, **emulated},
    ]


def test_changes_are_data() -> None:
    """They were ready-made text, such as "memory: 192 MiB → 256 MiB"."""
    bigger = dataclasses.replace(LAB.guest("one"), memory=256 * MIB, disks=(disk(bus="ide"), disk()))
    edited = dataclasses.replace(LAB, guests=(bigger, *LAB.guests[1:]))
    step = next(each for each in up_page.plan_data(prepared(edited, after(LAB)))["steps"] if each["changes"])
    assert (step["name"], step["action"]) == ("one", "restart")
    assert step["changes"][0] == {"place": "memory", "old": 192 * MIB, "new": 256 * MIB}
    assert step["changes"][1] == {"place": "disks[0].bus", "old": "virtio", "new": "ide"}
    assert (step["changes"][2]["place"], step["changes"][2]["old"]) == ("disks[1]", None)
    assert step["changes"][2]["new"]["bus"] == "virtio"
    page = up_page.changes_page(prepared(edited, after(LAB)).plan)
    assert "    memory: 192 MiB → 256 MiB\n    disks[0].bus: virtio → ide\n" in page
    json.dumps(step)


def test_a_lab_that_was_renamed_while_it_was_up_is_told() -> None:
    planned = Planned(dataclasses.replace(prepared(LAB), former=("old",)), "qemu:///system", "a test")
    told = "the lab was named old before, and that is still up, beside demo: virtlab down old"
    assert up_page.plan_page(planned).splitlines()[1] == told
    assert up_page.plan_data(planned.prepared)["former"] == ["old"]


def launched(observed: Observed, name: str, verb: Verb, ready: float | None) -> Launched:
    domain = observed.domain(name)
    assert domain is not None
    return Launched(name, verb, domain.metadata, LAB.guest(name), ready)


def test_up_page() -> None:
    observed = after(LAB)
    result = Result(LAB, origin(LAB), make(LAB), user_mode=False)
    result.guests = [
        launched(observed, "one", Verb.CREATE, 3.14159),
        launched(observed, "two", Verb.CREATE, None),
    ]
    result.guests[0].phases, result.guests[0].boot = {"define": 0.12345}, {"init": 1.2}
    result.seconds = 4.56789
    address = observed.domains[0].metadata.addresses[0].address.partition("/")[0]
    assert up_page.up_page(result).splitlines() == [
        "GUEST  MACHINE  ACCELERATOR      DISK    NETWORK  ADDRESS         READY",
        f"one    pc       emulation (TCG)  virtio  virtio   {address:14}  3.14 s",
        "two    pc       emulation (TCG)  none    none     none            -",
        "emulation (TCG): this host has no /dev/kvm",
        "",
        "next:",
        "  virtlab compare demo      # the guests beside each other, from inside",
        "  virtlab console demo/two  # sit at a guest",
        "  virtlab down demo         # take it away",
    ]
    data = up_page.up_data(result)
    assert (data["seconds"], data["guests"][0]["ready_after"]) == (4.568, 3.142)
    assert data["guests"][0]["phases"] == {"define": 0.123}
    assert data["guests"][1]["ready_after"] is None


def test_up_page_where_nothing_was_to_do() -> None:
    observed = after(LAB)
    described = dataclasses.replace(LAB, description=Text("What it is."))
    result = Result(described, origin(LAB), make(LAB, observed), user_mode=False)
    result.guests = [launched(observed, "one", Verb.KEEP, None), launched(observed, "two", Verb.KEEP, None)]
    assert "\nnext:\n" in up_page.up_page(result)
    result.is_new = False
    lines = up_page.up_page(result).splitlines()
    assert lines[0] == "demo is up already, as its file says"
    assert lines[2].endswith("already")
    assert not {"What it is.", "next:"} & set(lines)  # its reader knows both from the first time


def test_an_optional_guest_that_is_not_there_is_told_everywhere() -> None:
    two = lab(guest("one"), guest("extra", optional=True))
    observed = after(selection.chosen(two))
    left_out = Choices(left_out=("extra",))
    origin = dataclasses.replace(observed.domains[0].metadata.origin, choices=left_out)
    mark = dataclasses.replace(observed.domains[0].metadata, origin=origin)
    observed = dataclasses.replace(
        observed, domains=(dataclasses.replace(observed.domains[0], metadata=mark),)
    )
    found = data(observed)
    assert found[0]["left_out"] == [{"name": "extra", "command": "virtlab up demo --with extra"}]
    told = "optional, and not up: virtlab up demo --with extra"
    assert f"demo/extra: {told}" in status_page.status_page(found).splitlines()
    page = labs_page.lab_page(two, "demo").splitlines()
    assert any(line.startswith("extra (optional) ") for line in page)
    assert page[-1] == "with all of it: virtlab up demo --with extra"
