"""Finding labs, and copying them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import paths
from provisioner.errors import ConflictError, ImageError, InputError, LabFileError
from provisioner.images import registry
from provisioner.labfile import catalog
from provisioner.labfile.copy import copy_lab
from provisioner.language import Text
from provisioner.lifecycle import lab_files
from provisioner.model.lab import Lab

LAB = 'virtlab: 1\nname: first   # the name\ntitle: {en: One, ja: "一"}\nguests:\n  a: {profile: virtio}\n'


@pytest.fixture
def labs(tmp_path: Path) -> Path:
    folder = tmp_path / "labs"
    for name in ("first", "second"):
        (folder / name).mkdir(parents=True)
        (folder / name / "lab.yaml").write_text(LAB.replace("first", name), encoding="utf-8")
    (folder / "broken").mkdir()
    (folder / "broken/lab.yaml").write_text("title: [", encoding="utf-8")
    (folder / "odd/lab.yaml").mkdir(parents=True)
    (folder / "notes").mkdir()
    (folder / "reference.yaml").write_text(LAB)
    return folder


def test_entries(labs: Path) -> None:
    assert catalog.names(labs) == ["broken", "first", "odd", "second"]
    assert [(entry.name, entry.title) for entry in catalog.entries(labs)] == [
        ("broken", None),
        ("first", Text("One", "一")),
        ("odd", None),
        ("second", Text("One", "一")),
    ]


def test_a_lab_says_which_part_of_the_article_it_goes_with(labs: Path) -> None:
    file = labs / "first/lab.yaml"
    file.write_text(LAB.replace("guests:", "part: 6(3)\nguests:"), encoding="utf-8")
    (labs / "second/lab.yaml").write_text(LAB.replace("guests:", "part: 99\nguests:"), encoding="utf-8")
    parts = {entry.name: entry.part for entry in catalog.entries(labs)}
    assert parts == {"broken": None, "first": "6(3)", "odd": None, "second": None}


def test_no_catalogue(tmp_path: Path) -> None:
    assert catalog.entries(tmp_path / "none") == []


def test_find(labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "first").mkdir()
    (tmp_path / "first/lab.yaml").write_text(LAB)
    (tmp_path / "mine.yaml").write_text(LAB)
    assert catalog.find("first", labs) == (labs / "first/lab.yaml", "catalog:first")
    assert catalog.find("./first", labs) == (Path("first/lab.yaml"), str(tmp_path / "first/lab.yaml"))
    assert catalog.find("mine.yaml", labs) == (Path("mine.yaml"), str(tmp_path / "mine.yaml"))
    assert catalog.find("labs/second", labs) == (Path("labs/second/lab.yaml"), "catalog:second")
    assert catalog.find(str(labs / "second/lab.yaml"), labs)[1] == "catalog:second"
    assert catalog.find("labs/reference.yaml", labs)[1] == str(labs / "reference.yaml")


@pytest.mark.parametrize("lab", ["pipe.yaml", "/dev/null", "piped"])
def test_what_is_no_ordinary_file_is_told_as_such(
    lab: str, labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was said not to be there."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.yaml")
    (tmp_path / "piped").mkdir()
    os.mkfifo("piped/lab.yaml")
    with pytest.raises(InputError, match="is no ordinary file"):
        catalog.find(lab, labs)


@pytest.mark.parametrize(
    ("lab", "message"),
    [
        ("frist", 'there is no lab "frist" (did you mean "first"?)'),
        ("zzz", 'there is no lab "zzz" (known: broken, first, odd, second)'),
        ("./zzz", 'there is no file or folder "./zzz"'),
        ("zzz.yaml", 'there is no file or folder "zzz.yaml"'),
        ("labs/notes", 'the folder "labs/notes" holds no lab.yaml'),
        ("", 'there is no lab ""'),
        ("\0", "there is no lab"),
    ],
)
def test_find_nothing(
    labs: Path, tmp_path: Path, lab: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        catalog.find(lab, labs)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_copy_renames_and_keeps_all_else(labs: Path, tmp_path: Path, load_file: Callable[..., Lab]) -> None:
    (labs / "first/guides").mkdir()
    script = labs / "first/guides/run"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o555)
    target = tmp_path / "deep/my-lab"
    file = copy_lab(labs / "first", target)
    assert file == target / "lab.yaml"
    assert file.read_text(encoding="utf-8") == LAB.replace("first", "my-lab")
    assert load_file(file).name == "my-lab"
    assert os.access(target / "guides/run", os.X_OK)
    assert os.access(target / "guides/run", os.W_OK)
    assert [path.name for path in target.parent.iterdir()] == ["my-lab"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: first   # the name\n", "name: two   # the name\n"),
        ("name: 'first'\r\n", "name: two\r\n"),
        ('"name": "first"\n', '"name": two\n'),
        ("# 実験\nname: &n first\n", "# 実験\nname: &n two\n"),
        ("name:\n  first\n", "name:\n  two\n"),
        ("name:\n", "name:\n"),
        ("name: [first]\n", "name: [first]\n"),
        ("title: &n first\nname: *n\n", "title: &n first\nname: *n\n"),
    ],
)
def test_copy_changes_nothing_but_the_name(tmp_path: Path, old: str, new: str) -> None:
    source = tmp_path / "one"
    source.mkdir()
    (source / "lab.yaml").write_text("title: 題名\n" + old + "guests: {}\n", encoding="utf-8", newline="")
    file = copy_lab(source, tmp_path / "two")
    assert file.read_bytes().decode() == "title: 題名\n" + new + "guests: {}\n"


@pytest.mark.parametrize(
    ("folder", "written"),
    [
        ("1e3", '"1e3"'),
        ("my lab", "my-lab"),
        ("My_Lab.2", "my-lab-2"),
        ("-- x --", "x"),
        ("123", "first-123"),
        ("実験", "first-copy"),
        ("First", "first-copy"),  # a name made up is not the lab's, whose instance the copy would change
        ("a" * 40, "a" * 32),
        ("1" * 40, "first-copy"),
    ],
)
def test_copy_into_a_folder_with_an_odd_name(labs: Path, tmp_path: Path, folder: str, written: str) -> None:
    file = copy_lab(labs / "first", tmp_path / folder)
    assert file.read_text(encoding="utf-8") == LAB.replace("name: first", f"name: {written}")


def test_copy_into_an_empty_folder(labs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert copy_lab(labs / "first", tmp_path / "empty").is_file()


def test_copy_overwrites_nothing(labs: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("precious")
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "link"):
        with pytest.raises(ConflictError):
            copy_lab(labs / "first", tmp_path / name)
    assert (tmp_path / "full/mine").read_text() == "precious"


def test_copy_refuses_links_and_leaves_nothing(labs: Path, tmp_path: Path) -> None:
    (labs / "first/link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="symbolic link"):
        copy_lab(labs / "first", tmp_path / "target")
    (labs / "first/link").unlink()
    os.mkfifo(labs / "first/pipe")
    with pytest.raises(InputError, match="no ordinary file"):
        copy_lab(labs / "first", tmp_path / "target")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labs"]


def test_copy_refuses_what_is_no_lab(labs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no lab\.yaml"):
        copy_lab(labs / "notes", tmp_path / "target")
    with pytest.raises(InputError, match="lies inside"):
        copy_lab(labs / "first", labs / "first/copy")
    with pytest.raises(InputError):
        copy_lab(labs / "first", labs / "first/lab.yaml/below")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        copy_lab(labs / "first", tmp_path / "file/below")


def test_a_lab_is_read_though_a_recipe_that_it_does_not_use_is_wrong(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(root / "templates", templates)
    monkeypatch.setattr(paths, "templates_dir", lambda: templates)
    with (templates / "images/grub/image.yaml").open("a") as recipe:
        recipe.write("nonsense: 1\n")
    file = root / "labs/demo-paravirt/lab.yaml"
    assert lab_files.load(file, "catalog:demo-paravirt").name == "demo-paravirt"
    with pytest.raises(ImageError, match="unknown key nonsense"):
        _ = registry.get("grub", templates).spec
    with pytest.raises(LabFileError, match="notes"):
        lab_files.load(file, "catalog:demo-paravirt", ("full.image=notes",))
