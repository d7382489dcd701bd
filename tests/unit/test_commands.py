"""Which commands of a lesson virtlab can vouch for."""

import pytest

from provisioner import paths
from provisioner.labfile import catalog, lesson
from provisioner.lifecycle import lab_files
from provisioner.teach import commands


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
