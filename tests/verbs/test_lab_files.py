"""Verbs about lab files, which need no libvirt."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner import errors
from provisioner.cli import lab_commands
from provisioner.verbs import authoring, catalogue, in_guest, known_names

LAB = "virtlab: 1\nname: x\nguests:\n  a: {profile: virtio}\n"
LESSON = """\
virtlab-lesson: 1
name: x
concept: It is small.
exercises:
  - name: only
    title: The only one
    task: Do it.
    answer: {guest: a, fact: disk.drivers}
    solution: {text: Done.}
"""


def test_the_catalogue() -> None:
    assert known_names.labs() == [entry.name for entry in catalogue.labs()]
    assert known_names.products() == [product.name for product in catalogue.products()]
    first, *_ = known_names.products()
    assert [product.name for product in catalogue.products([first, first])] == [first]
    with pytest.raises(errors.InputError, match="there is no product"):
        catalogue.products(["no such"])


def test_a_verdict_for_each_lab_file(tmp_path: Path) -> None:
    (good := tmp_path / "good.yaml").write_text(LAB)
    (bad := tmp_path / "bad.yaml").write_text(f"{LAB}more: 1\n")
    first, second = authoring.validate([str(good), str(bad)])
    assert (first.given, first.good and first.good.name, first.wrong) == (str(good), "x", ())
    assert (second.given, second.lab) == (str(bad), None)
    (error,) = second.wrong
    assert "unknown key" in error.message


def test_a_lesson_is_checked_though_its_lab_file_is_wrong(tmp_path: Path) -> None:
    """Its mistakes came to light one run later."""
    (tmp_path / "lab.yaml").write_text(f"{LAB}more: 1\n")
    (tmp_path / "lesson.yaml").write_text(f"{LESSON}wrong: 1\n")
    (found,) = authoring.validate([str(tmp_path)])
    assert found.good is None
    of_lab, of_lesson = (error.message for error in found.wrong)
    assert 'unknown key "more"' in of_lab
    assert "lesson.yaml" in of_lesson
    assert 'unknown key "wrong"' in of_lesson


@pytest.mark.parametrize(
    ("lab", "told"),
    [
        (f"{LAB}more: 1\n", 'there is no guest "b"'),
        ("virtlab: 1\nname: x\nguests: 5\n", None),  # nobody knows which guests there are
        ("virtlab: 1\nname: [\n", None),
    ],
)
def test_the_guests_of_a_lesson_are_looked_up_where_the_lab_file_names_its_own(
    tmp_path: Path, lab: str, told: str | None
) -> None:
    (tmp_path / "lab.yaml").write_text(lab)
    (tmp_path / "lesson.yaml").write_text(LESSON.replace("guest: a", "guest: b"))
    (found,) = authoring.validate([str(tmp_path)])
    told_of_lesson = [error.message for error in found.wrong[1:]]
    assert [told in message for message in told_of_lesson] == [True] if told else told_of_lesson == []


@pytest.mark.parametrize(
    ("concept", "there", "missing"),
    [
        ("It is small.", [], ("guide.en.md",)),
        ("It is small.", ["guide.en.md"], ()),
        ("{en: It is small., ja: 小さい。}", ["guide.en.md"], ("guide.ja.md",)),
        ("{en: It is small., ja: 小さい。}", ["guide.en.md", "guide.ja.md"], ()),
    ],
)
def test_a_guide_that_a_lesson_lacks_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    concept: str,
    there: list[str],
    missing: tuple[str, ...],
) -> None:
    (tmp_path / "lab.yaml").write_text(LAB)
    (tmp_path / "lesson.yaml").write_text(LESSON.replace("It is small.", concept))
    for name in there:
        (tmp_path / name).write_text("# A guide")
    (found,) = authoring.validate([str(tmp_path)])
    assert (found.wrong, found.no_guide) == ((), missing)
    lab_commands.validate([str(tmp_path)])
    told = capsys.readouterr().err
    assert ("there is a lesson, and no" in told, "".join(missing) in told) == (bool(missing), True)


def test_a_lab_without_a_lesson_lacks_no_guide(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(LAB)
    (found,) = authoring.validate([str(tmp_path)])
    assert (found.wrong, found.no_guide) == ((), ())


def test_a_copy_is_a_lab(tmp_path: Path) -> None:
    copied = authoring.copy("demo-paravirt", tmp_path / "mine")
    assert authoring.show(str(copied.file)).name == "mine"
    with pytest.raises(errors.ConflictError):
        authoring.copy("demo-paravirt", tmp_path / "mine")


def test_optional_guests_of_a_lab_are_known() -> None:
    assert known_names.optional_guests("demo-paravirt") == ["vmware"]
    assert known_names.optional_guests("no such") == []


@pytest.mark.parametrize("label", ["lab", "lab/", "/guest", ""])
def test_a_guest_is_named_with_its_instance(label: str) -> None:
    with pytest.raises(errors.InputError, match="write LAB/GUEST"):
        in_guest.split(label)
