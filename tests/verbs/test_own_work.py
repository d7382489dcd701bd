"""Progress and results that are kept: seen, and forgotten, by the lab that they belong to."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from provisioner import errors, paths
from provisioner.cli import completion, work_commands
from provisioner.labfile import catalog
from provisioner.report.terminal import text
from provisioner.report.terminal.data import Output
from provisioner.store import progress_file, results
from provisioner.store.progress_file import Progress
from provisioner.verbs import Language, own_work
from provisioner.verbs.own_work import Forgotten

LAB = "demo-paravirt"
DONE = Progress(frozenset({"find-the-driver", "count-the-devices"}), {"find-the-driver": 2})


class Person:
    """Agrees or not, and keeps what was asked."""

    def __init__(self, *, agrees: bool = True) -> None:
        self.agrees = agrees
        self.heard: list[str] = []

    def __call__(self, question: str, *, why: str) -> bool:
        self.heard.append(why)
        return self.agrees


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of the lab, of an instance and of a copy of it, and of another lab; and some progress."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "my-lab"
    shutil.copytree(paths.labs_dir() / LAB, copy)
    results.save("check", LAB, f"catalog:{LAB}", {})
    results.save("compare", "n1", f"catalog:{LAB}", {})
    results.save("check", "my-lab", str(copy / "lab.yaml"), {})
    results.save("check", "xen", "catalog:demo-xen", {})
    progress_file.save(LAB, DONE)
    progress_file.save("demo-xen", Progress(frozenset({"pause-a-domain"})))
    return tmp_path / "state/virtlab"


def runs(target: str) -> list[str]:
    return sorted(run.instance for run in own_work.work(target).runs)


def test_a_lab_is_listed_once_with_its_instances_and_copies() -> None:
    everything = {each.target: each for each in own_work.all_work()}
    assert sorted(everything) == catalog.names(paths.labs_dir())
    mine = everything[LAB]
    assert (mine.passed, len(mine.exercises)) == (2, 6)
    assert {(run.instance, run.is_copy) for run in mine.runs} == {
        (LAB, False),
        ("n1", False),
        ("my-lab", True),
    }
    assert everything["demo-kvm"].runs == ()


def test_it_is_found_by_every_name_that_it_has() -> None:
    assert runs(LAB) == [LAB, "my-lab", "n1"]
    for target in ("my-lab", "./my-lab", str(Path("my-lab/lab.yaml").resolve())):
        found = own_work.work(target)
        assert (found.target, found.part, [run.instance for run in found.runs]) == (LAB, target, ["my-lab"])
    assert runs("n1") == ["n1"]
    shutil.rmtree("my-lab")
    assert runs("my-lab") == ["my-lab"], "its results can be forgotten when its file is gone"
    with pytest.raises(errors.InputError, match='there is no lab "nobody"') as caught:
        own_work.work("nobody")
    assert "{virtlab} progress" in (caught.value.hint or "")


def test_progress_in_a_lesson_that_nobody_finds_can_be_forgotten() -> None:
    """A lab of one's own is known by its results, and a checked exercise leaves none."""
    progress_file.save("mine", Progress(frozenset({"one"})))
    (found,) = (each for each in own_work.all_work() if each.target == "mine")
    assert (found.lesson_name, found.progress.passed) == ("mine", {"one"})
    assert own_work.forget(["mine"], Person()) == Forgotten(("mine",))
    assert progress_file.lessons() == [LAB, "demo-xen"]


def test_a_lab_is_begun_anew() -> None:
    person = Person()
    lost = own_work.forget([LAB], person)
    assert (lost.lessons, sorted(run.instance for run in lost.runs)) == ((LAB,), [LAB, "my-lab", "n1"])
    (why,) = person.heard
    assert f"the progress in {LAB} (2 of 6 exercises passed)" in why
    assert "my-lab" in why
    assert progress_file.load(LAB) == Progress()
    assert runs(LAB) == []
    assert runs("demo-xen") == ["xen"]
    assert progress_file.load("demo-xen").passed
    assert own_work.forget([LAB], person) == Forgotten()
    assert len(person.heard) == 1, "nobody is asked where nothing is kept"


@pytest.mark.parametrize(("progress", "left"), [(True, [LAB, "my-lab", "n1"]), (False, [])])
def test_only_one_of_both_is_forgotten(progress: bool, left: list[str]) -> None:
    own_work.forget([LAB], Person(), progress=progress, kept_results=not progress)
    assert runs(LAB) == left
    assert progress_file.load(LAB) == (Progress() if progress else DONE)


def test_the_progress_in_one_exercise() -> None:
    lost = own_work.forget([LAB], Person(), step=1)
    assert lost == Forgotten((LAB,), "find-the-driver")
    assert progress_file.load(LAB) == Progress(frozenset({"count-the-devices"}))
    with pytest.raises(errors.InputError, match="there is no exercise 7"):
        own_work.forget([LAB], Person(), step=7)


@pytest.mark.parametrize("target", ["my-lab", "n1"])
def test_of_a_copy_and_of_an_instance_only_results_go(target: str) -> None:
    for how in ({"step": 1}, {"kept_results": False}):
        with pytest.raises(errors.InputError, match=f"it is that of {LAB}") as caught:
            own_work.forget([target], Person(), **how)  # type: ignore[arg-type]
        assert caught.value.hint == f"{{virtlab}} forget {LAB} --progress"
    own_work.forget([target], Person())
    assert progress_file.load(LAB) == DONE
    assert target not in runs(LAB)


def test_every_lesson_is_called_like_its_lab() -> None:
    """``hint`` says so where all exercises are passed."""
    everything = own_work.all_work()
    assert [each.lesson_name for each in everything] == [each.target for each in everything]


def test_all_of_it(kept: Path) -> None:
    (kept / "results/broken.check.json").write_text("{")
    own_work.forget([], Person(), every=True)
    assert [file for file in kept.rglob("*") if file.is_file()] == []


def test_who_does_not_agree_keeps_it() -> None:
    with pytest.raises(errors.Declined):
        own_work.forget([], Person(agrees=False), every=True)
    assert progress_file.load(LAB) == DONE
    assert runs(LAB) == [LAB, "my-lab", "n1"]


@pytest.mark.parametrize("language", list(Language))
def test_what_is_printed(capsys: pytest.CaptureFixture[str], language: Language) -> None:
    work_commands.progress(lang=language)
    told = capsys.readouterr().out
    assert "virtlab forget LAB" in told
    assert ("2 of 6" if language is Language.EN else "6問中2問") in told
    work_commands.progress(LAB, lang=language)
    told = capsys.readouterr().out
    assert str(Path("my-lab/lab.yaml").resolve()) in told.replace("\n", "")
    assert f"virtlab forget {LAB}" in told
    work_commands.forget(["n1"], yes=True, lang=language)
    assert "n1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "instance"), [(LAB, LAB), ("n1", "n1"), ("my-lab", "my-lab"), ("./my-lab", "my-lab")]
)
def test_the_exercises_and_the_next_task_are_shown(
    capsys: pytest.CaptureFixture[str], target: str, instance: str
) -> None:
    """An instance under a name of its own showed no exercises, and nothing showed a task."""
    work_commands.progress(target)
    told = capsys.readouterr().out
    assert "The driver behind the disk" in told
    assert "Exercise 3: " in told
    assert f"\n  virtlab check {instance} --step 3\n" in told.replace("./bootstrap virtlab", "virtlab")
    assert f"virtlab hint {target} --step 3" in told


def test_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    work_commands.progress(LAB, output=Output.JSON)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["lab"], told["passed"]) == (LAB, 2)
    assert [each["passed"] for each in told["exercises"]] == [True, True, False, False, False, False]
    assert {run["instance"] for run in told["results"]} == {LAB, "n1", "my-lab"}
    work_commands.forget([LAB], yes=True, output=Output.NAME)
    assert set(capsys.readouterr().out.split()) == {LAB, "n1", "my-lab"}


def test_what_names_nothing_or_too_much() -> None:
    for how in (
        {},
        {"lab": [LAB], "every": True},
        {"every": True, "step": 1},
        {"lab": [LAB, "n1"], "step": 1},
    ):
        with pytest.raises(errors.InputError):
            work_commands.forget(**how)  # type: ignore[arg-type]
    with pytest.raises(errors.ConfirmationNeeded):
        work_commands.forget([LAB])


def test_the_shell_completes_what_is_kept() -> None:
    assert completion.kept("my") == ["my-lab"]
    assert completion.kept("demo-para") == [LAB]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("locale", "asked"), [("C.UTF-8", "Forget it? [y/N]"), ("ja_JP.UTF-8", "消去しますか? [y/N]")]
)
def test_who_says_no_at_a_terminal_is_asked_in_their_language_and_sent_nowhere(
    monkeypatch: pytest.MonkeyPatch, locale: str, asked: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    screen = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    monkeypatch.setattr("sys.stderr", screen)
    with pytest.raises(errors.Declined) as caught:
        work_commands.forget([LAB])
    assert asked in screen.getvalue()
    text.problem(caught.value)
    assert "virtlab doctor" not in screen.getvalue()
