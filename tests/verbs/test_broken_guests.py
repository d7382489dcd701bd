"""Guests that are up and do not answer, or answer nonsense: every verb says so, soon, with the way back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import errors
from provisioner.backends import transports
from provisioner.hypervisor import agent
from provisioner.hypervisor.uris import SYSTEM
from provisioner.model.enums import AgentPort
from provisioner.observe.answering import Answer
from provisioner.report.terminal import status_page
from provisioner.store import results
from provisioner.teach.verdicts import Verdict
from provisioner.verbs import check, compare, in_guest, start_stop, status, up
from provisioner.verbs.up import Request
from tests.fakes.daemon import failure
from tests.fakes.guests import OFF, RUNNING
from tests.fakes.world import TWO, World
from tests.lifecycle.test_inside import NODE, inside

WAY_BACK = "start it anew: {virtlab} stop pair/two, then {virtlab} start pair/two"
OBSERVED = f"""{TWO}
observe:
  fine:
    title: {{en: It runs what it is told, ja: 実行する}}
    guests: [one, two]
    command: [say, fine]
    read: exit-code
    expect: {{is: ["0"]}}
"""
# how a guest is broken, and what its error says
BROKEN = [
    ("silent", "pair/two is up, and does not answer (guest agent, "),
    (
        "bare",
        "pair/two is up, and can't run commands any more: its programs are gone, or can't be started "
        "(setsid)",
    ),
    ("bytes", "pair/two: the guest agent answered "),
]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def bring_up(world: World, text: str = TWO, timeout: float = 60.0) -> object:
    def agree(question: str, *, why: str) -> bool:
        return bool(question and why)

    request = Request(world.lab(text), timeout=timeout)
    return up.up(request, SYSTEM, world.told, ask=agree, show_changes=lambda _: None)


def run(world: World) -> object:
    del world
    return in_guest.run("pair/two", ["true"], SYSTEM)


def start(world: World) -> object:
    return start_stop.start("pair", SYSTEM, world.told)


@pytest.mark.parametrize("verb", [run, start, bring_up])
@pytest.mark.parametrize(("behaviour", "told"), BROKEN)
def test_a_broken_guest_is_told_of_with_the_way_back(
    there: World, verb: Callable[[World], object], behaviour: str, told: str
) -> None:
    bring_up(there)
    there.daemon.domains[there.domain("two")].behaviour = behaviour
    began = time.monotonic()
    with there.unchanged(), pytest.raises(errors.Broken) as caught:
        verb(there)
    assert time.monotonic() - began < 20
    assert caught.value.message.startswith(told)
    assert caught.value.hint == WAY_BACK
    if verb is not run:
        assert "failed two: is up, and does not work" in there.told.lines
    start_stop.stop("pair/two", SYSTEM, there.told, timeout=0.4)
    assert there.states() == {"one": RUNNING, "two": OFF}
    there.daemon.domains[there.domain("two")].behaviour = "answers"
    start_stop.start("pair/two", SYSTEM, there.told)
    run(there)


@pytest.mark.parametrize("seconds", [0, 0.4])
def test_a_guest_that_goes_off_in_the_middle_is_not_called_broken(there: World, seconds: float) -> None:
    """Its agent ends some time before it is off."""
    bring_up(there)
    stored = there.daemon.domains[there.domain("two")]
    command, off = ["poweroff"], None
    if seconds:
        stored.behaviour, command = "silent", ["true"]
        off = threading.Timer(seconds, there.line.guest(stored.name).destroy)
        off.start()
    with pytest.raises(errors.GuestError) as caught:
        in_guest.run("pair/two", command, SYSTEM)
    assert caught.value.message == "pair/two has gone off; how the command ended was not seen"
    assert caught.value.hint == "{virtlab} start pair/two"
    if off:
        off.join()
    (seen,) = status.status([], SYSTEM, there.told.note)
    page = status_page.status_page(status_page.status_data([seen]))
    assert page.splitlines()[-1] == "pair/two is stopped; virtlab start pair/two"


@pytest.mark.parametrize(("behaviour", "told"), BROKEN)
def test_a_broken_guest_fails_no_check_and_is_told_of(
    there: World, state: None, behaviour: str, told: str
) -> None:
    del state
    bring_up(there, OBSERVED)
    there.daemon.domains[there.domain("two")].behaviour = behaviour
    checked = check.check("pair", SYSTEM).checked
    assert [each.verdict for each in checked.findings] == [Verdict.PASS, Verdict.UNASKED]
    assert checked.findings[1].why.startswith(told)
    assert (checked.remedies, checked.good) == ([WAY_BACK], False)
    compared = compare.compare("pair", SYSTEM, timeout=5)
    assert any(str(error).startswith(told) and error.hint == WAY_BACK for error in compared.problems)
    (seen,) = status.status([], SYSTEM, there.told.note, ask=True)
    assert seen.answers == {"pair/one": Answer.ANSWERS, "pair/two": Answer.SILENT}


def test_a_guest_that_still_starts_is_waited_for(there: World) -> None:
    bring_up(there)
    stored = there.daemon.domains[there.domain("two")]
    stored.behaviour, stored.live = "silent", {}  # as after a run that was killed before it answered
    with pytest.raises(errors.NotReady, match=r"pair/two was not ready after 0\.30 s"):
        bring_up(there, timeout=0.3)
    stored.behaviour = "answers"
    bring_up(there)
    assert there.line.guest(stored.name).metadata(2, "urn:virtlab:1:answered", 1)


def test_a_guest_that_answers_late_is_not_left_as_one_that_does_not(there: World) -> None:
    bring_up(there)

    def busy() -> None:
        raise failure("AGENT_UNRESPONSIVE", "Guest agent is not responding: guest agent didn't respond")

    there.daemon.on("domain.agent", busy)
    there.told.lines.clear()
    bring_up(there)
    (line,) = (line for line in there.told.lines if line.startswith("phase"))
    guest = line.split()[1].rstrip(":")
    assert line == f"phase {guest}: is up, and does not answer yet"
    assert [each for each in there.told.lines if each.startswith(f"done {guest}: answers after ")]


def test_a_line_that_is_silent_is_not_waited_for_as_long_as_a_command(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up(there)
    monkeypatch.setattr(agent, "SILENCE", 0.3)
    way = transports.agent(there.session, there.domain("two"), AgentPort.SERIAL, "pair/two")
    began = time.monotonic()
    with pytest.raises(errors.Broken, match="pair/two is up, and does not answer") as caught:
        way.run(["true"], timeout=60)
    assert time.monotonic() - began < 20
    assert caught.value.hint == WAY_BACK


def test_a_lab_that_is_stopped_fails_no_check(there: World, state: None) -> None:
    del state
    bring_up(there, OBSERVED)
    assert check.check("pair", SYSTEM).checked.good
    start_stop.stop("pair/two", SYSTEM, there.told, timeout=0.4)
    checked = check.check("pair", SYSTEM).checked
    assert [(each.verdict, each.why) for each in checked.findings] == [
        (Verdict.PASS, ""),
        (Verdict.UNASKED, "pair/two is stopped"),
    ]
    assert checked.remedies == ["{virtlab} start pair/two"]
    before = results.load("check", "pair", None)
    assert before is not None
    assert [each["verdict"] for each in before["findings"]] == ["pass", "unasked"]
    start_stop.stop("pair", SYSTEM, there.told, timeout=0.4)
    checked = check.check("pair", SYSTEM).checked
    assert {each.verdict for each in checked.findings} == {Verdict.UNASKED}
    assert (checked.remedies, checked.good) == (["{virtlab} start pair"], False)
    assert results.load("check", "pair", None) == before  # that nobody could be asked is no result


def test_guests_inside_others_are_asked_whether_they_run(there: World) -> None:
    bring_up(there, NODE)
    inside(there)["ve1"] = "stopped"
    (seen,) = status.status([], SYSTEM, there.told.note)
    assert seen.answers is None
    (seen,) = status.status([], SYSTEM, there.told.note, ask=True)
    assert seen.answers == {
        "pair/node": Answer.ANSWERS,
        "pair/ve1": Answer.STOPPED,
        "pair/ve2": Answer.ANSWERS,
        "pair/vm": Answer.ANSWERS,
    }
    there.daemon.domains[there.domain("node")].behaviour = "silent"
    (seen,) = status.status([], SYSTEM, there.told.note, ask=True)
    assert seen.answers == {
        "pair/node": Answer.SILENT,
        "pair/ve1": Answer.UNKNOWN,
        "pair/ve2": Answer.UNKNOWN,
        "pair/vm": Answer.ANSWERS,
    }


@pytest.mark.parametrize(
    ("guest", "behaviour"),
    [
        *((guest, "silent") for guest in ("vm", "ve1")),
        *((guest, "crashes") for guest in ("node", "vm")),
        ("vm", "bytes"),
        ("ve2", "fails"),
    ],
)
def test_what_was_taken_back_is_in_no_hint(there: World, guest: str, behaviour: str) -> None:
    name = guest if guest.startswith("ve") else there.domain(guest)
    there.daemon.behaviours[name] = behaviour
    with pytest.raises(errors.VirtlabError) as caught:
        bring_up(there, NODE, timeout=0.4)
    assert not there.states()
    found = caught.value.causes if isinstance(caught.value, errors.SeveralErrors) else [caught.value]
    for error in found:
        assert error.hint
        assert "--keep-on-failure" in error.hint
        assert "pair" not in error.hint
        assert "status" not in error.hint
