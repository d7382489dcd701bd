"""Which commands of a lesson virtlab can vouch for."""

from pathlib import Path

import pytest

from provisioner import paths
from provisioner.labfile import catalog, lesson
from provisioner.labfile.copy import copy_lab
from provisioner.lifecycle import lab_files
from provisioner.teach import commands
from provisioner.verbs import exercises


@pytest.mark.parametrize(
    "command",
    [
        "{virtlab} up --yes {lab}",
        "{virtlab} exec {lab}/host -- sh -c 'echo 1 >/proc/x; cat $(find /) | wc -c'",
        '{virtlab} exec {lab}/host -- grep "two words" /etc/motd',
        "{virtlab} exec {lab}/host -- sh -c id",
        r"printf 'ls\rset disk=(ata0)\r' | {virtlab} console {lab}/ide",
        "{virtlab} stop --timeout 5 {lab}/host",
        "{virtlab} exec -i {lab}/host -- rm --all -O x",
        "{virtlab} down {lab}",
        "{virtlab} up demo-xen --as {lab} --with more",
        "{virtlab} bench {lab} --quick",
        "{virtlab} report {lab}",
    ],
)
def test_verbs_and_commands_in_guests_are_harmless(command: str) -> None:
    assert commands.is_harmless(command)


@pytest.mark.parametrize(
    "command",
    [
        "curl https://example.org/x | sh",
        "{virtlab} status; rm -r ~",
        "{virtlab} status && sh x",
        "{virtlab} status | sh",
        "{virtlab} exec {lab}/host -- cat /x >~/.bashrc",
        "{virtlab} exec {lab}/host -- cat /x | sh",
        "{virtlab} exec {lab}/host -- $(sh x)",
        '{virtlab} exec {lab}/host -- "$(sh x)"',
        "{virtlab} exec {lab}/host -- `sh x`",
        "{virtlab} exec {lab}/host -- <(sh x)",
        "{virtlab} exec {lab}/host -- 'open",
        "{virtlab} exec {lab}/host & sh x",
        "{virtlab}x up",
        "./{virtlab} up",
        "sudo {virtlab} up {lab}",
        "LIBVIRT_DEFAULT_URI='qemu+ext:///system?command=/tmp/x' {virtlab} status",
        "{virtlab} -c 'qemu+ext:///system?command=/tmp/x' status",
        "{virtlab} status --connect='qemu+ext:///system?command=/tmp/x'",
        "{virtlab} up -yc 'qemu+ext:///system?command=/tmp/x' {lab}",
        "printf 'x' | sh",
        "printf 'x' | sh | {virtlab} console {lab}/ide",
        "printf '%s' $HOME | {virtlab} console {lab}/ide",
        "{virtlab} exec {lab}/host --\nsh x",
        "[ -d x ] || {virtlab} copy demo-guest-os x",
    ],
)
def test_what_does_anything_else_on_the_host_is_not(command: str) -> None:
    assert not commands.is_harmless(command)


@pytest.mark.parametrize(
    "command",
    [
        "{virtlab} up {lab} --trust",
        "{virtlab} up --trust {lab} --yes",
        "{virtlab} down --all",
        "{virtlab} down",
        "{virtlab} down demo-paravirt",
        "{virtlab} down {lab} demo-paravirt",
        "{virtlab} stop demo-paravirt/full",
        "{virtlab} exec demo-paravirt/full -- rm -r /root",
        "{virtlab} exec demo-paravirt/full -- echo {lab}/full",
        "{virtlab} up {lab} --yes --as demo-paravirt",
        "{virtlab} up {lab} --yes --as=demo-paravirt",
        "{virtlab} forget --all --yes",
        "{virtlab} report {lab} -O x.html",
        "{virtlab} report {lab} -Ox.html",
        "{virtlab} report {lab} --file=x.html",
        "{virtlab} bench {lab} --save x",
        "{virtlab} --install-completion",
    ],
)
def test_what_reaches_beyond_the_lab_is_not(command: str) -> None:
    """``solve`` of a stranger's lab said "To type: virtlab up LAB --trust" as if it were virtlab's advice."""
    assert not commands.is_harmless(command)


def test_virtlabs_own_lessons_say_what_they_like() -> None:
    entry = next(e for e in catalog.entries(paths.labs_dir()) if e.name == "demo-guest-os")
    lab = lab_files.load(*lab_files.locate(entry.name))
    told = lesson.load(lab)
    assert told is not None
    said = [command for exercise in told.exercises for command in exercise.solution.commands]
    assert any(not commands.is_harmless(command) for command in said)
    assert commands.author_of(lab).vouched(said)


def test_a_file_of_somebody_elses_has_an_author() -> None:
    file = paths.labs_dir() / "reference.yaml"
    author = commands.author_of(lab_files.load(*lab_files.locate(str(file))))
    assert author.file == str(file)
    assert not author.vouched(["{virtlab} status", "sh x"])
    assert author.vouched(["{virtlab} status"])


COPIED = {"demo-paravirt": (4, 5, 6), "demo-guest-os": (2, 3), "demo-vmware": (3,), "demo-xen": (3,)}


@pytest.mark.parametrize("name", COPIED)
def test_in_a_copy_the_lesson_is_virtlabs_and_speaks_of_that_copy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``solve`` called it a stranger's, and told to change the folder my-lab, whatever that was."""
    monkeypatch.chdir(tmp_path)
    copy_lab(paths.labs_dir() / name, Path("some lab"))
    file = Path("some lab/lab.yaml")
    file.write_text(file.read_text().replace("name: some-lab\n", "name: other\n", 1))
    for number in COPIED[name]:
        solved = exercises.solve("some lab", number, None)
        exercise, how = solved.step.exercise, solved.typed
        typed = [how.filled(each) for each in (*exercise.solution.commands, *exercise.solution.undo)]
        assert solved.author.vouched(exercise.solution.commands)
        assert [each for each in typed if each.startswith("{virtlab} up --yes 'some lab'")]
        assert "{virtlab} down other" in typed
        assert "my-" not in f"{typed} {how.text(exercise.task)} {list(map(how.text, exercise.hints))}"
        assert all("'some lab'/lab.yaml" in each for each in typed if "sed" in each)
        original = exercises.solve(name, number, None).typed
        made = [original.filled(each) for each in exercise.solution.commands]
        assert [each for each in made if f"|| {{virtlab}} copy {name} my-" in each]


def test_a_lesson_that_was_changed_is_a_strangers(tmp_path: Path) -> None:
    copied = copy_lab(paths.labs_dir() / "demo-paravirt", tmp_path / "mine")
    taught = copied.with_name("lesson.yaml")
    taught.write_bytes(taught.read_bytes().replace(b"rng: virtio/' {fold", b"rng: vIrtio/' {fold"))
    assert commands.author_of(lab_files.load(*lab_files.locate(str(copied)))).file == str(copied)
    taught.unlink()
    assert commands.author_of(lab_files.load(*lab_files.locate(str(copied)))).file == str(copied)
