"""exec, compare and check as functions, on guests that answer but tell nothing of themselves."""

from __future__ import annotations

import pytest

from provisioner import errors
from provisioner.hypervisor.uris import SYSTEM
from provisioner.language import Language, said
from provisioner.store import results
from provisioner.verbs import check, compare, in_guest
from tests.fakes.world import TWO, World


@pytest.fixture
def up(there: World) -> World:
    there.up()
    return there


def test_a_command_in_a_guest(up: World) -> None:
    del up
    result = in_guest.run("pair/one", ["true"], SYSTEM)
    assert (result.exit_code, result.stdout, result.truncated) == (0, b"", False)


def test_input_is_read_only_when_the_guest_is_found(up: World) -> None:
    del up

    def nobody_reads() -> bytes:
        pytest.fail("it was read")

    for guest, kind in (("pair/three", errors.InputError), ("other/one", errors.NotFound)):
        with pytest.raises(kind):
            in_guest.run(guest, ["cat"], SYSTEM, read_input=nobody_reads)


def test_an_agent_that_answers_with_bytes_that_are_no_text(up: World) -> None:
    up.daemon.domains[up.domain("one")].behaviour = "bytes"
    with pytest.raises(errors.GuestError) as caught:
        in_guest.run("pair/one", ["true"], SYSTEM)
    told = "pair/one: the guest agent answered guest-exec with bytes that are no text: "
    assert caught.value.message.startswith(told)
    assert "\x1b" not in caught.value.message
    assert caught.value.hint == "start it anew: {virtlab} stop pair/one, then {virtlab} start pair/one"
    found = compare.compare("pair", SYSTEM, timeout=5)
    assert [told in problem for problem in map(str, found.problems)].count(True) == 1


def test_guests_that_should_have_told_something(up: World) -> None:
    found = compare.compare("pair", SYSTEM, timeout=5)
    assert isinstance(found, compare.Comparison)
    assert [one.guest for one in found.compared.inside] == ["one", "two"]
    assert len(found.problems) == 2
    assert found.concept is None
    assert results.load("compare", "pair", None) is None  # nothing to keep
    stacks = compare.stacks("pair", SYSTEM, timeout=5)
    assert [stack.guest for stack in stacks.stacks] == ["one", "two"]
    assert (stacks.instance, len(stacks.problems)) == ("pair", 2)
    assert up.states()


def test_what_a_lesson_says_names_the_lab(there: World) -> None:
    """``{lab}`` stood in the concept as it is written, and in notes on definitions."""
    changed = TWO.replace("  two:\n", "  two:\n    disks: [{bus: sata}]\n")
    there.up(changed, instance="n1")
    (there.folder / "lesson.yaml").write_text(
        "virtlab-lesson: 1\nname: pair\n"
        "concept: {en: 'In {lab}/one, by {virtlab} up {lab}.', ja: '{lab}/one'}\n"
        "notes: [{at: 'devices/disk/target@bus', text: 'Of {lab}.'}]\n"
    )
    found = compare.compare("n1", SYSTEM, timeout=5)
    assert isinstance(found, compare.Comparison)
    assert found.concept is not None
    assert found.concept.en == f"In n1/one, by {{virtlab}} up {there.folder / 'lab.yaml'} --as n1."
    assert found.concept.ja == "n1/one"
    notes = [each.note.en for each in compare.definitions("n1", SYSTEM).differences if each.note]
    assert "Of n1." in notes


@pytest.mark.parametrize(("count", "word"), [("true", "NUMBER"), ("false", "TEXT")])
def test_who_gives_no_answer_reads_the_question(there: World, count: str, word: str) -> None:
    """It was printed nowhere, and what was to be typed ended in three dots."""
    there.up(instance="n1")
    (there.folder / "lesson.yaml").write_text(
        "virtlab-lesson: 1\nname: pair\nconcept: C\nexercises:\n"
        "- {name: a, title: T, task: {en: 'Which disk has {lab}/one?', ja: '{lab}/oneのディスクは?'},"
        f" answer: {{guest: one, fact: disk.names, count: {count}}}, solution: {{text: S}}}}\n"
    )
    with pytest.raises(errors.InputError) as caught:
        check.check_step("n1", 1, None, SYSTEM)
    assert caught.value.message == "exercise 1 wants an answer:\nWhich disk has n1/one?"
    assert said(caught.value.message, Language.JA).endswith("\nn1/oneのディスクは?")
    assert caught.value.hint == f"{{virtlab}} check n1 --step 1 --answer {word}"


def test_definitions_side_by_side(up: World) -> None:
    del up
    found = compare.definitions("pair", SYSTEM)
    assert found.guests == ("one", "two")


def test_a_lab_that_says_nothing_can_not_be_checked(up: World) -> None:
    del up
    with pytest.raises(errors.VirtlabError, match="says nothing that could be checked"):
        check.check("pair", SYSTEM)
    with pytest.raises(errors.VirtlabError, match="has no exercises"):
        check.check_step("pair", 1, None, SYSTEM)
