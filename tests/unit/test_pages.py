"""What is said of labs that are up and of plans, as data and as pages."""

from __future__ import annotations

import dataclasses

import pytest
from worlds import NOTHING, after, guest, lab, make, network, origin, stopped

from provisioner import optional
from provisioner.accel import Decision
from provisioner.engine.launch import Launched
from provisioner.engine.up import Prepared, Request, Result
from provisioner.engine.usage import Usage
from provisioner.hypervisor.connection import Choice
from provisioner.lab.enums import GuestKind, Transport
from provisioner.lab.model import Interface, Lab
from provisioner.naming import Instance
from provisioner.plan import Verb
from provisioner.report import labs, status, up
from provisioner.seen import Seen, SeenVolume
from provisioner.stamp import Choices
from provisioner.units import MIB

HERE = Choice("qemu:///system", "you are root")
LAB = lab(guest("one"), guest("two", interfaces=(), disks=()))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTLAB_RUN_AS", raising=False)


def page(seen: Seen) -> str:
    return status.status_page(status.status_data(HERE, seen))


def test_nothing_is_up() -> None:
    assert status.status_data(HERE, NOTHING) == []
    assert page(NOTHING) == "nothing is up\nnext: virtlab list, then virtlab up LAB"


def test_status() -> None:
    seen = stopped(after(LAB), "two")
    subnet = seen.networks[0].stamp.subnet
    (entry,) = status.status_data(HERE, seen)
    assert {key: entry[key] for key in entry if key != "guests"} == {
        "instance": "demo",
        "lab": "demo",
        "file": "/labs/demo/lab.yaml",
        "owner": "learner",
        "connection": "qemu:///system",
        "accel_flag": None,
        "set": [],
        "with": [],
        "left_out": [],
        "networks": [{"name": "lab", "active": True, "subnet": subnet}],
        "leftovers": [],
    }
    one, two = entry["guests"]
    address = seen.domains[0].stamp.addresses[0]
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
    assert page(seen).splitlines() == [
        "GUEST     STATE    ACCELERATOR      MEMORY   ADDRESS",
        f"demo/one  running  emulation (TCG)  192 MiB  {address.address.partition('/')[0]}",
        "demo/two  stopped  emulation (TCG)  192 MiB  none",
    ]


def test_guests_of_guests_have_a_line() -> None:
    inner = guest("in", kind=GuestKind.CONTAINER, parent="one", transport=Transport.PARENT)
    lines = page(after(lab(guest("one"), inner))).splitlines()
    assert lines[2] == "demo/in   in one   container        192 MiB"


def test_what_guests_cost_is_told_where_it_was_watched() -> None:
    inner = guest("in", kind=GuestKind.CONTAINER, parent="one", transport=Transport.PARENT)
    seen = stopped(after(lab(guest("one", interfaces=()), guest("two", interfaces=()), inner)), "two")
    used = {seen.domains[0].name: Usage(3.04, 309 * MIB, 0.514)}
    (entry,) = found = status.status_data(HERE, seen, used)
    assert entry["guests"][0]["usage"] == {"over": 3.04, "resident": 309 * MIB, "processor": 0.514}
    assert status.status_page(found).splitlines() == [
        "GUEST     STATE    ACCELERATOR      MEMORY   RESIDENT  PROCESSOR  ADDRESS",
        "demo/one  running  emulation (TCG)  192 MiB  309 MiB   0.51       none",
        "demo/in   in one   container        192 MiB",
        "demo/two  stopped  emulation (TCG)  192 MiB                       none",
        "seen from the host for 3.04 s: memory in use by the guest's process, "
        "and its seconds of processor time in each second",
    ]


def test_what_flags_chose_is_told() -> None:
    seen = after(LAB)
    marked = dataclasses.replace(
        seen.domains[0].stamp.origin, choices=Choices("tcg", ("one.memory=1GiB", "two.video=vga"))
    )
    domains = tuple(
        dataclasses.replace(d, stamp=dataclasses.replace(d.stamp, origin=marked)) for d in seen.domains
    )
    last = page(dataclasses.replace(seen, domains=domains)).splitlines()[-1]
    assert last == "demo keeps --set one.memory=1GiB --set two.video=vga --accel tcg until it goes down"


def test_leftovers_are_told() -> None:
    instance = Instance("learner", "demo")
    volume = SeenVolume(instance.volume("gone", 0), instance, "gone.disk0.qcow2")
    only = Seen((), (), (volume,))
    (entry,) = status.status_data(HERE, only)
    assert (entry["lab"], entry["owner"], entry["leftovers"]) == (None, "learner", [volume.name])
    said = "demo: something is left of a run that did not end; virtlab down demo removes it"
    assert page(only) == said
    seen = after(LAB)
    beside = dataclasses.replace(seen, volumes=(*seen.volumes, volume))
    assert page(beside).splitlines()[-1] == said
    assert said not in page(seen)


def prepared(of: Lab, seen: Seen = NOTHING) -> Prepared:
    decision = Decision("tcg", "this host has no /dev/kvm")
    decisions = {guest.name: decision for guest in of.top_level}
    return Prepared(Request("demo"), of, origin(of), seen, decisions, make(of, seen), seconds=0.0)


def test_plan_page() -> None:
    assert up.plan_page(prepared(LAB), HERE) == (
        "demo on qemu:///system (you are root)\n"
        "create network lab: not there yet\n"
        "create one: not there yet\n"
        "create two: not there yet\n"
        "one, two: emulation (TCG): this host has no /dev/kvm"
    )


def test_plan_page_of_nothing_to_do() -> None:
    assert up.plan_page(prepared(LAB, after(LAB)), HERE) == (
        "demo on qemu:///system (you are root)\nnothing to do: it is as its file says"
    )


def test_changes_page() -> None:
    seen = after(lab(guest("one"), guest("gone"), networks=(network(), network("more"))))
    lost = SeenVolume("virtlab.learner.demo.x.disk0.qcow2", Instance("learner", "demo"), "x.disk0.qcow2")
    seen = dataclasses.replace(seen, volumes=(*seen.volumes, lost))
    now = lab(guest("one", memory=256 * MIB, interfaces=(Interface("lab", "e1000"),)))
    assert up.changes_page(make(now, seen)) == (
        "restart one: the lab file changed\n"
        "    memory: 192 MiB → 256 MiB\n"
        "    interfaces[0].model: virtio → e1000\n"
        "    this loses what is in its memory\n"
        "remove gone: the lab file no longer has it\n"
        "    this loses all that is on its disks and in its memory\n"
        "remove virtlab.learner.demo.x.disk0.qcow2: left over from a run that did not end"
    )


def test_plan_data() -> None:
    data = up.plan_data(prepared(LAB, stopped(after(LAB), "one")))
    assert (data["instance"], data["lab"]) == ("demo", "demo")
    kept = {"action": "keep", "reason": "as the lab file says", "changes": [], "loses": None}
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
            **emulated,
        },
        {"kind": "guest", "name": "two", **kept, **emulated},
    ]


def launched(seen: Seen, name: str, verb: Verb, ready: float | None) -> Launched:
    domain = seen.domain(name)
    assert domain is not None
    return Launched(name, verb, domain.stamp, LAB.guest(name), ready)


def test_up_page() -> None:
    seen = after(LAB)
    result = Result(LAB, origin(LAB), make(LAB), user_mode=False)
    result.guests = [launched(seen, "one", Verb.CREATE, 3.14159), launched(seen, "two", Verb.CREATE, None)]
    result.guests[0].phases, result.guests[0].boot = {"define": 0.12345}, {"init": 1.2}
    result.seconds = 4.56789
    address = seen.domains[0].stamp.addresses[0].address.partition("/")[0]
    assert up.up_page(result).splitlines() == [
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
    data = up.up_data(result)
    assert (data["seconds"], data["guests"][0]["ready_after"]) == (4.568, 3.142)
    assert data["guests"][0]["phases"] == {"define": 0.123}
    assert data["guests"][1]["ready_after"] is None


def test_up_page_where_nothing_was_to_do() -> None:
    seen = after(LAB)
    result = Result(LAB, origin(LAB), make(LAB, seen), user_mode=False)
    result.guests = [launched(seen, "one", Verb.KEEP, None), launched(seen, "two", Verb.KEEP, None)]
    lines = up.up_page(result).splitlines()
    assert lines[0] == "demo is up already, as its file says"
    assert lines[2].endswith("already")


def test_an_optional_guest_that_is_not_there_is_told_everywhere() -> None:
    two = lab(guest("one"), guest("extra", optional=True))
    seen = after(optional.chosen(two))
    left_out = Choices(left_out=("extra",))
    origin = dataclasses.replace(seen.domains[0].stamp.origin, choices=left_out)
    mark = dataclasses.replace(seen.domains[0].stamp, origin=origin)
    seen = dataclasses.replace(seen, domains=(dataclasses.replace(seen.domains[0], stamp=mark),))
    found = status.status_data(HERE, seen)
    assert found[0]["left_out"] == [{"name": "extra", "command": "virtlab up demo --with extra"}]
    told = "optional, and not up: virtlab up demo --with extra"
    assert f"demo/extra: {told}" in status.status_page(found).splitlines()
    page = labs.lab_page(two, "demo").splitlines()
    assert any(line.startswith("extra (optional) ") for line in page)
    assert page[-1] == "with all of it: virtlab up demo --with extra"
