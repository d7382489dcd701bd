"""What the papers name is there: files, folders, functions, and a line for each room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioner.images import parts, recipe
from tests.unit.test_rooms import PACKAGE, ROOMS

PROJECT = Path(__file__).parents[2]
PAPERS = [
    "README.md",
    "CONTRIBUTING.md",
    *(str(f.relative_to(PROJECT)) for f in sorted(PROJECT.glob("docs/**/*.md"))),
]
_CODE = re.compile(r"`([^`\s]+)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
# a path, perhaps with the name of something that its file defines
_PATH = re.compile(r"(\.?[a-z][\w.-]*(?:/[\w.-]+)*/?)(?::([A-Za-z_]\w*))?")
_PLACEHOLDER = re.compile(r"[A-Z]{3,}|…|\*")
_TOPS = {path.name for path in PROJECT.iterdir()} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}


def text(paper: str) -> str:
    """A paper without its blocks of code."""
    return re.sub(r"^```.*?^```", "", (PROJECT / paper).read_text(encoding="utf-8"), flags=re.M | re.S)


def named(paper: str) -> list[tuple[str, str]]:
    """Each path that a paper names, and what of it; "" for the whole."""
    found = []
    for word in _CODE.findall(text(paper)):
        match = _PATH.fullmatch(word)
        if match is None or "/" not in match[1] or match[1].split("/")[0] not in _TOPS:
            continue
        if not _PLACEHOLDER.search(match[1].replace("CONTRIBUTING", "").replace("README", "")):
            found.append((match[1], match[2] or ""))
    return sorted(set(found))


def is_there(path: str, name: str) -> bool:
    """Whether there is that path, and its file defines that name."""
    places = [place for place in (PROJECT / path, PACKAGE / path) if place.exists()]
    if not places or not name:
        return bool(places)
    source = places[0].read_text(encoding="utf-8")
    return bool(re.search(rf"^(?:def|class) {name}\b|^{name}\b.*=", source, re.M))


@pytest.mark.parametrize("paper", PAPERS)
def test_what_a_paper_names_is_there(paper: str) -> None:
    assert [f"{path}:{name}" for path, name in named(paper) if not is_there(path, name)] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_its_links_lead_somewhere(paper: str) -> None:
    folder = (PROJECT / paper).parent
    missing = [link for link in _LINK.findall(text(paper)) if not (folder / link).exists()]
    assert not missing


def test_the_papers_name_what_they_are_about() -> None:
    """That the paths are found at all."""
    assert len(named("docs/architecture.md")) > 40
    assert ("provisioner/model/naming.py", "Instance") in named("docs/architecture.md")
    assert len(named("CONTRIBUTING.md")) > 20


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "__main__"])
def test_each_room_has_its_line(room: str) -> None:
    line = f"| `{room}/` |" if (PACKAGE / room).is_dir() else f"`provisioner/{room}.py`"
    assert line in (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")


def test_the_rooms_stand_in_their_order() -> None:
    rows = re.findall(r"^\| `([a-z]+)/` \|", text("docs/architecture.md"), re.M)
    assert rows == [room for room in reversed(ROOMS) if (PACKAGE / room).is_dir()]


KEYS_OF_IMAGES = {"extends"}.union(*recipe._KINDS.values(), recipe._LOADER, parts._KEYS)


@pytest.mark.parametrize("key", sorted(KEYS_OF_IMAGES))
def test_the_page_of_images_explains_each_key(key: str) -> None:
    assert f"`{key}`" in text("docs/images.md")


def test_the_index_has_every_decision() -> None:
    folder = PROJECT / "docs/decisions"
    listed = re.findall(r"^\d+\. \[.*\]\((\S+)\)$", (folder / "README.md").read_text(encoding="utf-8"), re.M)
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))
    for number, name in enumerate(listed, 1):
        assert (folder / name).read_text(encoding="utf-8").startswith(f"# {number}. ")
