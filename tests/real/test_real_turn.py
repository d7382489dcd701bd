"""Work in real clones that do what they should not: each task is bounded, others keep their results."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from driver import Virtlab
from silent import Silent

from provisioner import errors
from provisioner.backends.session import opened
from provisioner.cancellation import Cancellation
from provisioner.hypervisor.uris import Choice
from provisioner.measure import turns
from provisioner.measure.clone import Clone, Clones
from provisioner.measure.turns import Reading, Task


def task(name: str, script: str, answer: str = "echo done", limit: float = 20.0) -> Task:
    return Task(name, script, answer, limit)


GOOD = task("good", "sleep 0.3", "echo number 5; echo done")


@pytest.fixture(scope="module", params=["emulated", "virtio"])
def original(request: pytest.FixtureRequest, system_account: Virtlab) -> Iterator[str]:
    """A lab of one guest that is up for all tests, each of which has a clone of its own to spoil."""
    name = system_account.name()
    system_account("up", str(system_account.lab(request.param)), "--as", name).ended(0)
    yield name
    system_account("down", name).ended(0)
    assert not system_account.traces(name)


@pytest.fixture
def clone(original: str, system_account: Virtlab) -> Iterator[Clone]:
    with opened(Choice(system_account.uri, "a test"), with_events=True) as session:
        instance = session.instance(original)
        clones = Clones(session, instance, Silent(), Cancellation(), 60.0)
        try:
            clones.make(session.look().of(instance).domains)
            assert not clones.failed
            yield clones.running["one"]
        finally:
            clones.remove()


def turn(clone: Clone, *tasks: Task) -> dict[str, Reading | errors.GuestError]:
    turns.install(clone, tasks)
    return turns.turn(clone, tasks, {})


def test_what_each_bad_task_does_to_the_others(clone: Clone) -> None:
    began = time.monotonic()
    found = turn(
        clone,
        task("hangs", "sleep 1000 & sleep 1000", limit=2),
        task("fails", "printf 'no \\033[31mgood\\n' >&2; exit 3"),
        task("floods", "head -c 200000 /dev/zero | tr '\\0' x >/dev/ttyS0"),
        task("talks", "head -c 300000 /dev/zero", "head -c 300000 /dev/zero | tr '\\0' y"),
        task("loops", "while :; do :; done", limit=2),
        GOOD,
    )
    assert time.monotonic() - began < 60
    assert "more than 2 seconds" in str(found["hangs"])
    assert "more than 2 seconds" in str(found["loops"])
    assert str(found["fails"]) == "no \\e[31mgood"
    floods, talks, good = found["floods"], found["talks"], found["good"]
    assert isinstance(floods, Reading)
    assert floods.answer.strip() == b"done"
    assert isinstance(talks, Reading)
    assert len(talks.answer) < 5000
    assert isinstance(good, Reading)
    assert good.answer.split() == [b"number", b"5", b"done"]
    assert 0.3 <= good.seconds < 5
    # nothing that hung is left to disturb the next turn
    left = clone.transport.run(["sh", "-c", "ps | grep -c '[s]leep 1000'"])
    assert left.stdout.strip() == b"0"


def test_one_whose_marks_never_come_ends_in_time(clone: Clone) -> None:
    silent = task("silent", "rm /dev/ttyS0; mknod /dev/ttyS0 c 1 3", limit=1)
    found = turn(clone, silent)["silent"]
    assert "marks" in str(found)


def test_one_without_its_agent_ends_in_time(clone: Clone) -> None:
    began = time.monotonic()
    with pytest.raises((errors.GuestError, errors.HypervisorError)):
        turn(clone, task("mute", "mv /usr/sbin/qemu-ga /gone; killall qemu-ga", limit=5))
    assert time.monotonic() - began < 60


def test_one_that_powers_off_says_so(clone: Clone) -> None:
    with pytest.raises(errors.GuestError, match="stopped in the middle"):
        turn(clone, task("off", "poweroff -f; sleep 20", limit=30))
