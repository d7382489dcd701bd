"""Into a guest through the one that hosts it, over a parent that really runs commands, or lies."""

from __future__ import annotations

from pathlib import Path

import pytest
from parent_peers import Liar, Shell

from provisioner import errors
from provisioner.transport import parent
from provisioner.transport.parent import INNER, ParentTransport
from provisioner.transport.result import Result


@pytest.fixture
def host(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def inside(host: Shell) -> ParentTransport:
    parent.start(host, "in", b"name=in\n", 10)
    return ParentTransport(host, "in")


def test_a_command_runs_inside(host: Shell, inside: ParentTransport) -> None:
    script = 'cat; pwd; echo "$1" >&2; exit 3'
    result = inside.run(["sh", "-c", script, "sh", "a  b*"], input=b"given\n")
    assert (result.exit_code, result.stdout) == (3, f"given\n{host.folder}/in\n".encode())
    assert result.stderr == b"a  b*\n"
    assert inside.label == "lab/in"


def test_output_is_bounded_by_the_way_to_the_parent(inside: ParentTransport) -> None:
    result = inside.run(["sh", "-c", "yes | head -c 1000"], max_output=10)
    assert (len(result.stdout), result.truncated) == (10, True)


def test_a_guest_in_a_guest_in_a_guest(host: Shell, inside: ParentTransport) -> None:
    parent.start(inside, "deep", b"", 10)
    deep = ParentTransport(inside, "deep")
    assert deep.run(["pwd"]).stdout == f"{host.folder}/in/deep\n".encode()
    assert parent.states(inside, 5) == {"deep": "running"}
    parent.stop(inside, "deep", 5)
    with pytest.raises(errors.GuestError, match="lab/deep can't be reached: deep does not run"):
        deep.run(["pwd"])


@pytest.mark.parametrize("content", [b"", b"text\n", bytes(range(256)) * 300])
def test_files_go_in_and_come_out(host: Shell, inside: ParentTransport, content: bytes) -> None:
    remote = str(host.folder / "in" / "file")
    inside.push(content, remote, mode=0o640)
    assert Path(remote).stat().st_mode & 0o777 == 0o640
    assert inside.pull(remote, max_bytes=100_000) == content


def test_a_file_that_is_too_long_or_not_there(host: Shell, inside: ParentTransport) -> None:
    remote = str(host.folder / "in" / "file")
    inside.push(b"x" * 100, remote)
    with pytest.raises(errors.TooMuch, match=r"lab/in: .* has more than 10 B"):
        inside.pull(remote, max_bytes=10)
    with pytest.raises(errors.GuestError, match="lab/in: can't read /none/at/all"):
        inside.pull("/none/at/all", max_bytes=10)


def test_what_takes_too_long_is_named(inside: ParentTransport) -> None:
    with pytest.raises(
        errors.GuestError, match=r"^lab/in: sleep was still running after .* and was stopped$"
    ):
        inside.run(["sleep", "20"], timeout=0.3)


def test_a_guest_that_was_stopped_is_not_reached(inside: ParentTransport) -> None:
    inside.shutdown()
    with pytest.raises(errors.GuestError, match="in does not run") as caught:
        inside.run(["true"])
    assert caught.value.hint == "{virtlab} start lab/in"


def test_a_command_may_end_with_125_itself(inside: ParentTransport) -> None:
    assert inside.run(["sh", "-c", "echo out; echo err >&2; exit 125"]).exit_code == 125


def liar(tmp_path: Path, code: int, out: bytes = b"", err: bytes = b"") -> Liar:
    return Liar(tmp_path, lambda: Result(code, None, out, err, False))


def test_a_parent_without_the_program(tmp_path: Path) -> None:
    host = liar(tmp_path, 127, err=f"sh: {INNER}: not found\n".encode())
    for act in (
        lambda: ParentTransport(host, "in").run(["true"]),
        lambda: parent.start(host, "in", b"", 1),
        lambda: parent.states(host, 1),
    ):
        with pytest.raises(errors.GuestError, match=f"lab/host can't run guests: its image has no {INNER}"):
            act()


@pytest.mark.parametrize("code", [126, 127])
def test_a_command_that_is_not_found_is_not_taken_for_the_program(inside: ParentTransport, code: int) -> None:
    script = f"echo {INNER}: not found >&2; exit {code}"
    assert inside.run(["sh", "-c", script]).exit_code == code


def test_what_a_hostile_parent_says_is_one_harmless_line(tmp_path: Path) -> None:
    host = liar(tmp_path, 1, err=b"first\n\x1b[2J\x1b]0;owned\x07" + b"A" * 10_000)
    with pytest.raises(errors.GuestError) as caught:
        parent.start(host, "in", b"", 1)
    assert len(caught.value.message) <= 320
    assert caught.value.message.isprintable()


def test_states_are_not_believed_where_they_make_no_sense(tmp_path: Path) -> None:
    told = b"in running\nout stopped\nodd flying\n\xff\xfe\n\n a b c\nlast running extra\n"
    assert parent.states(liar(tmp_path, 0, told), 1) == {"in": "running", "out": "stopped"}


def test_a_start_that_never_ends_is_not_ready(host: Shell) -> None:
    host.script.write_text("sleep 20\n")
    with pytest.raises(errors.NotReady, match="it did not answer within"):
        parent.start(host, "in", b"", 0.3)
