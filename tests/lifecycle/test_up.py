"""``up`` on the daemon in memory: undo, half-made states, the fallback from KVM, a connection that breaks."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from provisioner import errors
from provisioner.hypervisor.uris import SESSION
from provisioner.lifecycle import preparation
from provisioner.lifecycle.request import Request, locate
from provisioner.model.plan import Verb
from tests.fakes.daemon import failure
from tests.fakes.guests import OFF, PAUSED, RUNNING
from tests.fakes.world import TWO, World

NOTHING = {"domains": {}, "networks": {}, "filters": {}, "volumes": set()}
MakeWorld = Callable[..., World]


def test_a_lab_comes_up_and_goes(world: World) -> None:
    result = world.up()
    assert [guest.name for guest in result.guests] == ["one", "two"]
    assert all(guest.ready_after is not None for guest in result.guests)
    assert world.states() == {"one": RUNNING, "two": RUNNING}
    assert len(world.volumes()) == 2
    with world.unchanged():
        assert not world.prepare().plan.changes_something
        world.up()
    world.down()
    assert world.picture() == NOTHING


def test_guests_that_are_up_are_in_the_order_of_their_lab_file(world: World) -> None:
    names = ["zoe", "one", "adam"]
    world.up(
        "virtlab: 1\nname: pair\nguests:\n" + "".join(f"  {name}: {{profile: virtio}}\n" for name in names)
    )
    assert [domain.guest for domain in world.session.look().domains] == names


def test_the_name_of_an_instance_that_is_up_means_it_and_its_lab(world: World) -> None:
    world.up(instance="mine")
    request = Request("mine")
    target = locate(world.session, request)
    assert (target.instance.name, target.lab.name) == ("mine", "pair")
    assert not preparation.prepare(world.session, request, target).plan.changes_something
    with pytest.raises(errors.InputError, match='there is no lab "mine"'):
        locate(world.session, Request("mine", instance="other"))
    with pytest.raises(errors.InputError, match='there is no lab "nobody"'):
        locate(world.session, Request("nobody"))


def test_with_the_users_own_libvirt_no_network_is_made(world: World) -> None:
    world.session = world.session_of("learner", world.line, uri=SESSION)
    result = world.up(TWO.replace("isolated", "nat"))
    assert result.user_mode
    assert world.states() == {"one": RUNNING, "two": RUNNING}
    assert not world.daemon.networks
    (pool,) = world.daemon.pools.values()
    assert pool.path == world.session.pool_folder


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ("crashes", errors.GuestError, "pair/two stopped before it was ready: QEMU ended with an error"),
        ("silent", errors.NotReady, "pair/two was not ready after"),
    ],
)
def test_one_guest_that_fails_takes_all_of_the_run_back(
    world: World, behaviour: str, kind: type[errors.VirtlabError], words: str
) -> None:
    world.daemon.behaviours[world.domain("two")] = behaviour
    with pytest.raises(kind, match=words):
        world.up()
    assert world.picture() == NOTHING
    assert "note: taking back what this run made" in world.told.lines
    assert world.daemon.pools["virtlab"].volumes  # the image that was built stays


FULL = b"mkdir: can't create directory '/run': No space left on device\r\n" + b"/init: line\r\n" * 9
PANIC = b"[    0.9] Kernel panic - not syncing: System is deadlocked on memory\r\n" + b"at\r\n" * 20


@pytest.mark.parametrize(
    ("words", "timeout", "about"),
    [
        (FULL, 0.3, "pair/two was not ready after 0.30 s"),
        (PANIC, 60, "pair/two gave up while it started"),
    ],
)
def test_the_console_names_the_cause_and_the_hint_follows_it(
    world: World, words: bytes, timeout: float, about: str
) -> None:
    world.daemon.behaviours[world.domain("two")] = "silent"
    world.daemon.words[world.domain("two")] = words
    began = time.monotonic()
    with pytest.raises(errors.LacksMemory) as caught:
        world.up(timeout=timeout)
    assert time.monotonic() - began < 30
    assert caught.value.message.startswith(about)
    assert f"\n  | {words.splitlines()[0].decode()}\n  | ..." in caught.value.message
    assert caught.value.hint == "give it more memory: memory: in its lab file, or --set two.memory=..."


def test_more_time_for_one_that_only_has_not_answered(world: World) -> None:
    world.daemon.behaviours[world.domain("two")] = "silent"
    world.daemon.words[world.domain("two")] = b"virtlab: init 1.5\r\n"
    with pytest.raises(errors.NotReady, match="it last reported 'init'") as caught:
        world.up(timeout=0.3)
    assert caught.value.hint == (
        "give it more time with --timeout, or keep it to look at with --keep-on-failure"
    )


def test_no_more_time_for_a_kernel_that_has_ended(world: World) -> None:
    world.daemon.behaviours[world.domain("two")] = "silent"
    world.daemon.words[world.domain("two")] = b"Kernel panic - not syncing: No working init found.\r\n"
    with pytest.raises(errors.GuestError, match="gave up while it started") as caught:
        world.up(timeout=60)
    assert "--timeout" not in (caught.value.hint or "")


def test_what_failed_is_kept_where_that_was_asked_for(world: World) -> None:
    world.daemon.behaviours[world.domain("two")] = "silent"
    with pytest.raises(errors.NotReady):
        world.up(keep_on_failure=True)
    assert world.states() == {"one": RUNNING, "two": RUNNING}
    world.down()
    assert world.picture() == NOTHING


def test_what_was_there_before_stays_when_a_new_guest_fails(world: World) -> None:
    world.up(TWO.partition("  two:")[0])
    before = world.picture()["networks"]
    world.daemon.behaviours[world.domain("two")] = "crashes"
    with pytest.raises(errors.GuestError):
        world.up()
    assert world.states() == {"one": RUNNING}
    assert list(world.picture()["networks"]) == list(before)  # type: ignore[call-overload]
    assert world.volumes() == {world.instance.volume("one", 0)}


def test_a_guest_that_does_not_come_up_again_is_left_stopped(world: World) -> None:
    world.up()
    changed = TWO.replace("  two:\n    memory: 96 MiB", "  two:\n    memory: 128 MiB")
    world.daemon.domains[world.domain("two")].behaviour = "crashes"
    with pytest.raises(errors.GuestError):
        world.up(changed)
    assert world.states() == {"one": RUNNING, "two": OFF}
    assert len(world.volumes()) == 2
    assert "note: two is left stopped, as the lab file now has it" in world.told.lines


def test_both_errors_are_told(world: World) -> None:
    for guest in ("one", "two"):
        world.daemon.behaviours[world.domain(guest)] = "crashes"
    with pytest.raises(errors.SeveralErrors, match="2 guests did not come up") as caught:
        world.up()
    assert len(caught.value.causes) == 2
    assert world.picture() == NOTHING


def test_kvm_that_breaks_becomes_emulation(make_world: MakeWorld) -> None:
    world = make_world(kvm="breaks")
    result = world.up()
    for guest in result.guests:
        assert (guest.mark.accel, guest.mark.fell_back) == ("tcg", True)
        assert "Could not access KVM kernel module" in guest.mark.accel_why
    assert world.states() == {"one": RUNNING, "two": RUNNING}
    assert all(domain.root.get("type") == "qemu" for domain in world.daemon.domains.values())
    with world.unchanged():  # the fallback is kept, and KVM is not tried again
        world.up()


def test_kvm_that_libvirt_no_longer_offers_becomes_emulation(make_world: MakeWorld) -> None:
    world = make_world(kvm="works")
    prepared = world.prepare()
    assert {decision.accel for decision in prepared.decisions.values()} == {"kvm"}
    world.daemon.kvm = "absent"
    result = world.up()
    assert {guest.mark.accel for guest in result.guests} == {"tcg"}


def test_kvm_that_was_asked_for_does_not_become_emulation(make_world: MakeWorld) -> None:
    world = make_world(kvm="breaks")
    with pytest.raises(errors.SeveralErrors) as caught:
        world.up(accel="kvm")
    assert all("does not run with KVM" in cause.message for cause in caught.value.causes)
    assert world.picture() == NOTHING


def test_a_console_that_somebody_holds_says_nothing_about_kvm(make_world: MakeWorld) -> None:
    world = make_world(kvm="works")
    busy = failure("OPERATION_FAILED", "operation failed: Active console session exists for this domain")

    def refuse() -> None:
        raise busy

    world.daemon.on("domain.openConsole", refuse)
    with pytest.raises(errors.Busy):
        world.up()
    assert not any("KVM failed" in line for line in world.told.lines)
    assert world.picture() == NOTHING


def test_a_disk_that_is_gone_is_made_again(world: World) -> None:
    world.up()
    world.daemon.domains[world.domain("two")].state = OFF
    gone = world.instance.volume("two", 0)
    del world.daemon.pools["virtlab"].volumes[gone]
    world.up()
    assert world.states() == {"one": RUNNING, "two": RUNNING}
    assert gone in world.volumes()


def test_a_disk_whose_file_was_deleted_is_made_again(world: World) -> None:
    """Libvirt still lists its volume. While the guest runs, the plan says what is lost by a restart."""
    world.up()
    pool, name = world.daemon.pools["virtlab"], world.instance.volume("two", 0)
    pool.deleted.add(name)
    (step,) = world.prepare().plan.losses
    assert (step.name, step.verb) == ("two", Verb.RESTART)
    world.up()
    assert not pool.deleted
    assert not world.prepare().plan.changes_something
    world.daemon.domains[world.domain("two")].state = OFF
    pool.deleted.add(name)
    world.up()
    assert not pool.deleted
    assert world.states() == {"one": RUNNING, "two": RUNNING}


def test_a_disk_that_goes_while_the_guest_is_started(world: World) -> None:
    def take() -> None:
        for name in world.volumes():
            del world.daemon.pools["virtlab"].volumes[name]

    world.daemon.on("domain.createWithFlags", take)
    with pytest.raises(errors.VirtlabError) as caught:
        world.up()
    causes = caught.value.causes if isinstance(caught.value, errors.SeveralErrors) else [caught.value]
    assert any("Cannot access storage file" in cause.message for cause in causes)
    assert world.picture() == NOTHING


def test_a_connection_that_breaks_while_guests_boot(make_world: MakeWorld) -> None:
    world = make_world(kvm="works")
    world.daemon.on("domain.resume", world.line.cut)
    with pytest.raises(errors.SeveralErrors, match="not all of it could be taken back") as caught:
        world.up()
    assert caught.value.hint == "{virtlab} down pair"
    assert not any("KVM failed" in line for line in world.told.lines)
    assert any(line.startswith("note: not taken back: ") for line in world.told.lines)
    assert world.states()  # nobody could end them
    world.down()
    assert world.picture() == NOTHING


@pytest.mark.parametrize(
    "call",
    [
        "connect.networkDefineXML",
        "network.create",
        "connect.defineXMLFlags",
        "pool.createXML",
        "domain.createWithFlags",
        "connect.domainEventRegisterAny",
        "domain.openConsole",
        "domain.resume",
        "domain.agent",
    ],
)
@pytest.mark.parametrize("after", [0, 1])
def test_wherever_the_connection_breaks_down_cleans_up_and_up_goes_on(
    world: World, call: str, after: int
) -> None:
    world.daemon.on(call, world.line.cut, after=after)
    broken = call not in ("connect.networkDefineXML", "network.create") or not after  # there is one network
    if broken:
        with pytest.raises(errors.VirtlabError) as caught:
            world.up()
        if world.picture() != NOTHING:
            assert isinstance(caught.value, errors.SeveralErrors)
            assert caught.value.hint == "{virtlab} down pair"
            assert not any("can't list networks" in cause.message for cause in caught.value.causes)
        world.reconnect()
        world.up()
    assert broken == bool(world.states())
    world.down()
    assert world.picture() == NOTHING


def test_a_connection_that_breaks_before_anything_is_made(world: World) -> None:
    world.daemon.on("connect.storagePoolDefineXML", world.line.cut)
    with pytest.raises(errors.ConnectionFailed) as caught:
        world.up()
    assert caught.value.hint is None
    assert "type the same command again" in caught.value.usual_hint
    world.reconnect()
    assert world.picture() == NOTHING


def test_a_libvirt_that_has_lost_the_keeper_of_qemus_log(make_world: MakeWorld) -> None:
    world = make_world(kvm="works")

    def refuse() -> None:
        text = "Failed to connect socket to '/run/libvirt/virtlogd-sock': Connection refused"
        raise failure("SYSTEM_ERROR", text, domain="RPC")

    for after in (0, 1):
        world.daemon.on("domain.createWithFlags", refuse, after=after)
    with pytest.raises(errors.VirtlabError) as caught:
        world.up()
    causes = caught.value.causes if isinstance(caught.value, errors.SeveralErrors) else (caught.value,)
    assert all("virtlogd" in (cause.hint or "") for cause in causes)
    assert not any("KVM failed" in line for line in world.told.lines)
    assert world.picture() == NOTHING


def test_what_a_killed_run_left_is_finished(world: World) -> None:
    world.up()
    defined, paused = (world.daemon.domains[world.domain(name)] for name in ("one", "two"))
    defined.state, paused.state = OFF, PAUSED
    steps = {step.name: step.verb for step in world.prepare().plan.guests}
    assert steps == {"one": Verb.START, "two": Verb.START}
    world.up()
    assert world.states() == {"one": RUNNING, "two": RUNNING}


def test_a_paused_guest_that_fails_is_not_switched_off(world: World) -> None:
    world.up()
    one, two = (world.daemon.domains[world.domain(name)] for name in ("one", "two"))
    one.state, two.state, two.behaviour = OFF, PAUSED, "silent"
    with pytest.raises(errors.NotReady):
        world.up()
    assert world.states() == {"one": OFF, "two": RUNNING}


def test_a_domain_of_that_name_that_is_not_ours(world: World) -> None:
    name = world.domain("two")
    world.line.defineXMLFlags(f"<domain type='qemu'><name>{name}</name><uuid>1</uuid></domain>", 0)
    with world.unchanged(), pytest.raises(errors.ConflictError, match=f"there is a domain {name}"):
        world.up()


def test_a_domain_of_that_name_that_appears_meanwhile(world: World) -> None:
    name = world.domain("two")

    def appear() -> None:
        world.line.defineXMLFlags(f"<domain type='qemu'><name>{name}</name><uuid>1</uuid></domain>", 0)

    world.daemon.on("connect.networkDefineXML", appear)
    with pytest.raises(errors.HypervisorError, match="already exists with uuid 1"):
        world.up()
    assert world.states() == {"two": OFF}  # it stays, and nothing of ours does
    assert not world.volumes()
    assert not world.daemon.networks


@pytest.mark.parametrize("behaviour", ["answers", "silent"])
def test_a_run_that_is_cancelled_while_guests_boot(world: World, behaviour: str) -> None:
    world.daemon.behaviours[world.domain("two")] = behaviour
    world.daemon.on("domain.resume", world.cancelled.set, after=1)  # both are started then
    began = time.monotonic()
    with pytest.raises(errors.Cancelled):
        world.up(timeout=60.0)
    assert time.monotonic() - began < 5  # the guests are ended, and nobody waits for them
    assert world.picture() == NOTHING


@pytest.mark.parametrize("call", ["network.create", "stream.finish", "connect.defineXMLFlags"])
def test_a_run_that_is_cancelled_before(world: World, call: str) -> None:
    world.daemon.on(call, world.cancelled.set)
    with pytest.raises(errors.Cancelled):
        world.up()
    assert world.picture() == NOTHING


def test_a_run_that_a_signal_ends_while_an_image_is_uploaded(world: World) -> None:
    def interrupt() -> None:
        raise errors.Cancelled

    world.daemon.on("stream.send", interrupt)
    with pytest.raises(errors.Cancelled):
        world.up()
    assert world.picture() == NOTHING
    world.up()
    assert len(world.states()) == 2


def test_what_was_cancelled_is_kept_where_that_was_asked_for(world: World) -> None:
    world.daemon.on("domain.resume", world.cancelled.set)
    with pytest.raises(errors.Cancelled):
        world.up(keep_on_failure=True)
    assert len(world.states()) == 2


def test_an_instance_by_a_name_that_the_lab_had_is_told(world: World) -> None:
    """``up`` of a lab that was renamed made a second one, and said nothing of the first."""
    world.up()
    renamed = world.prepare(TWO.replace("name: pair", "name: couple"))
    assert (renamed.former, renamed.instance.name) == (("pair",), "couple")
    assert world.prepare().former == ()
    assert world.prepare(instance="other").former == ()  # --as
