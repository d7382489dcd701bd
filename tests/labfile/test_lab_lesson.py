"""Lessons: read beside their labs, and each bad one beside the exact text that it gives."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from provisioner import paths
from provisioner.errors import InputError, LabFileError
from provisioner.labfile import catalog, lesson, lesson_spec, observation_spec, schema
from provisioner.labfile.lesson import Answer, Lesson
from provisioner.labfile.value_groups import Many, Names, Record, TextOrRecord
from provisioner.labfile.value_types import Kind
from provisioner.language import Language, said
from provisioner.model.lab import Expectation, How, Lab
from provisioner.teach import learning

Load = Callable[..., Lab]
CORPUS = sorted((Path(__file__).parent / "bad-lessons").glob("*.yaml"))
LAB = "virtlab: 1\nname: small\nguests:\n  one: {profile: virtio}\n  two: {profile: emulated}\n"
LESSON = """
virtlab-lesson: 1
name: small
concept: It is small.
exercises:
  - name: only
    title: The only one
    task: Do it.
    answer: {guest: two, fact: disk.drivers}
    solution: {text: Done.}
"""


@pytest.fixture
def beside(tmp_path: Path, load_file: Load) -> Callable[[str], Lesson | None]:
    """Load a lesson from its text, beside a lab of the guests one and two."""

    def loaded(text: str) -> Lesson | None:
        (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
        (tmp_path / "lesson.yaml").write_text(text, encoding="utf-8")
        return lesson.load(load_file(tmp_path / "lab.yaml"))

    return loaded


@pytest.mark.parametrize("name", ["lesson.yaml", "guide.en.md"])
def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path, load_file: Load, name: str) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "lab"
    secret.write_text("root: secret", encoding="utf-8")
    folder.mkdir()
    (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
    (folder / name).symlink_to(secret)
    lab = load_file(folder / "lab.yaml")
    with pytest.raises(InputError, match="not the lab's"):
        lesson.load(lab) if name == "lesson.yaml" else learning.guide(lab, Language.EN)
    assert learning.guide_in(lab, Language.JA) is None


def test_a_lab_file_that_is_a_link_out_of_its_folder_is_not_read(tmp_path: Path) -> None:
    """What the link leads to was parsed, and printed in the list of mistakes."""
    secret, folder = tmp_path / "secret", tmp_path / "lab"
    secret.write_text("root: secret", encoding="utf-8")
    folder.mkdir()
    (folder / "lab.yaml").symlink_to(secret)
    (folder / "other.yml").symlink_to("../secret")
    for target in (folder, folder / "lab.yaml", folder / "other.yml"):
        with pytest.raises(InputError, match="is a link to a file that is not the lab's"):
            catalog.find(str(target), tmp_path / "labs")
    (folder / "real.yaml").write_text(LAB, encoding="utf-8")
    (folder / "inside.yaml").symlink_to("real.yaml")
    (tmp_path / "elsewhere").symlink_to(folder)  # a link to the whole folder is the user's own way to it
    for target in (folder / "inside.yaml", tmp_path / "elsewhere/real.yaml"):
        assert catalog.find(str(target), tmp_path / "labs")[0] == target


def test_a_pipe_beside_the_lab_is_no_guide(tmp_path: Path, load_file: Load) -> None:
    (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    os.mkfifo(tmp_path / "guide.ja.md")
    assert learning.guide_in(load_file(tmp_path / "lab.yaml"), Language.JA) is None


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_bad_lesson_gives_exactly_this(
    file: Path, regenerate: bool, tmp_path: Path, load_file: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lab.yaml").write_text(LAB)
    shutil.copy(file, "lesson.yaml")
    with pytest.raises(LabFileError) as caught:
        lesson.load(load_file(Path("lab.yaml")))
    text = "".join(f"{line}\n" for line in caught.value.problems)
    expected = file.with_suffix(".txt")
    if regenerate:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert caught.value.hint


def test_small_lesson(beside: Callable[[str], Lesson | None]) -> None:
    found = beside(LESSON)
    assert found
    (exercise,) = found.exercises
    assert exercise.answer == Answer("two", "disk.drivers", "", False)
    assert (exercise.hints, exercise.check, exercise.solution.commands) == ((), (), ())


def test_a_lab_without_a_lesson(load_text: Callable[..., Lab]) -> None:
    assert lesson.load(load_text(LAB)) is None


def test_a_lesson_belongs_to_lab_yaml_only(tmp_path: Path, load_file: Load) -> None:
    (tmp_path / "other.yaml").write_text(LAB)
    (tmp_path / "lesson.yaml").write_text("no lesson at all")
    assert lesson.load(load_file(tmp_path / "other.yaml")) is None


def test_up_does_not_read_the_lesson(tmp_path: Path, load_file: Load) -> None:
    (tmp_path / "lab.yaml").write_text(LAB)
    (tmp_path / "lesson.yaml").write_text("broken: [")
    assert load_file(tmp_path / "lab.yaml").name == "small"


def test_demo_paravirt_has_six_exercises_in_both_languages(root: Path, load_file: Load) -> None:
    lab = load_file(root / "labs/demo-paravirt/lab.yaml")
    found = lesson.load(lab)
    assert found
    assert len(found.exercises) == 6
    texts = [found.concept, *(note.text for note in found.notes), *(each.text for each in found.literature)]
    for exercise in found.exercises:
        assert 2 <= len(exercise.hints) <= 3
        assert exercise.solution.commands
        texts += [exercise.title, exercise.task, *exercise.hints, exercise.solution.text]
        texts += [item.title for item in exercise.check]
    texts += [text for item in lab.observe for text in (item.title, item.why) if text]
    assert all(said(text, Language.JA) != said(text, Language.EN) for text in texts)


@pytest.mark.parametrize("name", catalog.names(paths.labs_dir()))
def test_a_command_of_a_lesson_is_a_line_of_its_own(name: str, load_file: Load) -> None:
    """Prose behind a command was taken for a part of it, and full stops were pasted with it."""
    found = lesson.load(load_file(paths.labs_dir() / name / "lab.yaml"))
    assert found
    for exercise in found.exercises:
        for words in (exercise.task, *exercise.hints, exercise.solution.text):
            for line in "\n".join(said(words, language) for language in Language).split("\n"):
                command = line.startswith("{virtlab} ")
                assert line.count("{virtlab}") == command, line
                assert line == line.strip()
                assert not (command and line.endswith((".", ",", ";", "。", "、"))), line
                assert not (command and re.search("[ぁ-ん]", line)), line


def test_observations_of_a_lab(load_text: Callable[..., Lab]) -> None:
    lab = load_text(
        LAB
        + """
observe:
  first:
    title: One
    guests: [one, two]
    command: [sh, -c, "true"]
    read: exit-code
    expect: {is: 0}
  second:
    title: Two
    guests: [two]
    fact: paravirtual.devices
    expect: {is: none}
    needs: [tcg]
  third:
    title: Three
    guests: [one]
    fact: disk.names
    expect: {is: [vda, 1]}
"""
    )
    first, second, third = lab.observe
    assert (first.command, first.read, first.guests) == (("sh", "-c", "true"), "exit-code", ("one", "two"))
    assert first.expect == Expectation(How.IS, ("0",))
    assert (second.expect, second.needs) == (Expectation(How.IS, ()), ("tcg",))
    assert third.expect.values == ("vda", "1")


@pytest.mark.parametrize("text", ["observe.a.guests.0=one", "observe.a.expect.is=x", "observe={}"])
def test_what_is_expected_can_not_be_set(load_text: Callable[..., Lab], text: str) -> None:
    with pytest.raises(LabFileError, match="what a lab expects can't be set"):
        load_text(LAB, [text])


def test_reference_is_valid_and_covers_every_key(root: Path, tmp_path: Path, load_file: Load) -> None:
    shutil.copy(root / "labs/reference.yaml", tmp_path / "lab.yaml")
    shutil.copy(root / "labs/reference-lesson.yaml", tmp_path / "lesson.yaml")
    assert lesson.load(load_file(tmp_path / "lab.yaml"))
    text = (tmp_path / "lesson.yaml").read_text(encoding="utf-8")

    def names(kind: Kind) -> set[str]:
        if isinstance(kind, Record):
            return {key.name for key in kind.keys}.union(*(names(key.kind) for key in kind.keys))
        if isinstance(kind, Many | Names):
            return set() if kind is observation_spec.OBSERVATIONS else names(kind.kind)
        return names(kind.record) if isinstance(kind, TextOrRecord) else set()

    assert {name for name in names(lesson_spec.LESSON) if f"{name}:" not in text} == set()


def test_schema_takes_the_good_and_refuses_the_bad(root: Path) -> None:
    built = schema.lesson_schema()
    Draft202012Validator.check_schema(built)
    validator = Draft202012Validator(built)
    for good in ("labs/reference-lesson.yaml", "labs/demo-paravirt/lesson.yaml"):
        validator.validate(yaml.safe_load((root / good).read_text(encoding="utf-8")))
    for bad in ("unknown-keys", "values"):
        data = yaml.safe_load((root / f"tests/labfile/bad-lessons/{bad}.yaml").read_text(encoding="utf-8"))
        assert list(validator.iter_errors(data)), bad
    lab = Draft202012Validator(schema.json_schema())
    for item in ("typo", "unknown-fact", "both", "two-words", "no-word"):
        whole = yaml.safe_load((root / "tests/labfile/bad/observe.yaml").read_text(encoding="utf-8"))
        whole["observe"] = {item: whole["observe"][item]}
        assert list(lab.iter_errors(whole)), item
