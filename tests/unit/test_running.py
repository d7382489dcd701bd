"""Which running lab is meant: by name, by the folder or file that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds import guest as sample_guest

from provisioner import errors
from provisioner.backends import session
from provisioner.lifecycle import running
from provisioner.model.metadata import GuestMetadata, Origin
from provisioner.model.naming import Instance
from provisioner.model.observed import Observed, ObservedDomain, ObservedLater


class Choice:
    uri = "test:///default"


class Connection:
    """A session on which labs are up."""

    choice = Choice()
    is_session = False

    def __init__(self, *domains: ObservedDomain, later: tuple[ObservedLater, ...] = ()) -> None:
        self._seen = Observed(domains, (), later)

    def look(self, *, volumes: bool = True) -> Observed:
        return self._seen


def domain(instance: str, guest: str, file: str = "/labs/x/lab.yaml") -> ObservedDomain:
    mark = GuestMetadata(Origin("me", instance, "x", "x", file), sample_guest(guest), "tcg", "", False, {})
    return ObservedDomain(f"virtlab.me.{instance}.{guest}", Instance("me", instance), guest, "running", mark)


def given(monkeypatch: pytest.MonkeyPatch, *sessions: Connection) -> None:
    @contextmanager
    def everywhere(_flag: Any, **how: object) -> Iterator[list[Any]]:
        yield list(sessions)

    monkeypatch.setattr(running, "everywhere", everywhere)
    monkeypatch.setattr(session, "everywhere", everywhere)


def test_a_lab_by_its_name_without_the_clones_of_its_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    guests = (domain("demo", "full"), domain("demo", "full.clone"), domain("demo", "virtio"))
    given(monkeypatch, Connection(*guests, domain("other", "one")))
    with running.lab_up(None, "demo") as (_, instance, found):
        assert instance == Instance("me", "demo")
        assert [item.guest for item in found] == ["full", "virtio"]


@pytest.mark.parametrize(
    "target", ["mine", "./mine", "mine/", "mine/lab.yaml", "{here}/mine", "gone/lab.yaml"]
)
def test_a_lab_by_its_folder_or_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "lab.yaml").touch()
    monkeypatch.chdir(tmp_path)
    folder = "gone" if "gone" in target else "mine"
    given(
        monkeypatch, Connection(domain("a", "one", str(tmp_path / folder / "lab.yaml")), domain("b", "one"))
    )
    with running.lab_up(None, target.format(here=tmp_path)) as (_, instance, _guests):
        assert instance.name == "a"


def test_a_name_goes_before_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "lab.yaml").touch()
    monkeypatch.chdir(tmp_path)
    given(monkeypatch, Connection(domain("a", "one", str(tmp_path / "b" / "lab.yaml")), domain("b", "one")))
    with running.lab_up(None, "b") as (_, instance, _guests):
        assert instance.name == "b"


@pytest.mark.parametrize(
    ("target", "kind", "told"),
    [
        ("demo/full", errors.InputError, "names one guest"),
        ("demo/none", errors.NotFound, "no lab 'demo/none' of yours is up"),
        ("nothing", errors.NotFound, "no lab 'nothing' of yours is up"),
        ("/gone/lab.yaml", errors.NotFound, "no lab of yours from /gone/lab.yaml is up"),
    ],
)
def test_what_is_not_up(
    monkeypatch: pytest.MonkeyPatch, target: str, kind: type[errors.VirtlabError], told: str
) -> None:
    given(monkeypatch, Connection(domain("demo", "full")))
    with pytest.raises(kind, match=told) as caught, running.lab_up(None, target):
        pass
    assert caught.value.hint
    assert "demo" in caught.value.hint


def test_on_two_connections_it_is_asked_which(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, Connection(domain("demo", "full")), Connection(domain("demo", "full")))
    with pytest.raises(errors.Ambiguous, match="demo on test"), running.lab_up(None, "demo"):
        pass


LAB = "virtlab: 1\nname: mine\nguests:\n  one: {profile: virtio}\n"


def hint_for(target: str) -> str | None:
    with pytest.raises(errors.NotFound) as caught, running.lab_up(None, target):
        pass
    return caught.value.hint


def test_a_lab_that_is_not_up_is_to_be_brought_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (folder := tmp_path / "my lab").mkdir()
    (folder / "lab.yaml").write_text(LAB)
    for up in ((), (domain("demo", "full"),)):
        given(monkeypatch, Connection(*up))
        assert hint_for("demo-kvm") == "{virtlab} up demo-kvm"
        assert hint_for(str(folder)) == f"{{virtlab}} up '{folder}'"
    given(monkeypatch, Connection())
    assert hint_for("no-lab") == "nothing is up; see which labs there are: {virtlab} list"


def test_a_lab_that_is_up_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    up = domain("second", "full")
    up = replace(
        up, metadata=replace(up.metadata, origin=replace(up.metadata.origin, source="catalog:demo-kvm"))
    )
    given(monkeypatch, Connection(up))
    assert hint_for("demo-kvm") == "it is up under another name: second"


def test_a_folder_that_was_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(LAB)
    up = domain("mine", "one", "/gone/lab.yaml")
    up = replace(up, metadata=replace(up.metadata, origin=replace(up.metadata.origin, lab="mine")))
    given(monkeypatch, Connection(up))
    told = (
        "mine is up, from /gone/lab.yaml, which is gone; if that was moved here: {virtlab} down mine, then "
    )
    assert hint_for(str(tmp_path)) == f"{told}{{virtlab}} up {tmp_path}"
    with pytest.raises(errors.InputError, match="the file that mine came from is gone") as caught:
        running.lab_of([up])
    assert caught.value.hint == ("move it back, or {virtlab} down mine, then {virtlab} up NEW-PLACE")


@pytest.mark.parametrize("find", [running.lab_up, session.instance_up])
def test_what_a_later_version_made_is_not_given_to_a_verb(monkeypatch: pytest.MonkeyPatch, find: Any) -> None:
    later = ObservedLater("virtlab.me.demo.full", Instance("me", "demo"), "guest full", 3)
    given(monkeypatch, Connection(domain("demo", "virtio"), domain("other", "one"), later=(later,)))
    told = r"demo was made by a later version of virtlab: guest full \(metadata in format 3\)"
    with pytest.raises(errors.ConflictError, match=told), find(None, "demo"):
        pass
    with find(None, "other") as (_, instance, *_guests):
        assert instance.name == "other"
