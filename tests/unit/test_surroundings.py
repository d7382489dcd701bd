"""What a program can't help: outputs that are closed or full, names that are too long, and the like."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import Forked

from provisioner import errors

PROJECT = Path(__file__).resolve().parents[2]
TOO_LONG = "a" * 256
TOO_DEEP = "/".join(["b" * 200] * 25)
FULL = "error: standard output can't be written to: No space left on device\nnext: make room there"


def run(command: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Runs a line of the shell in which ``virtlab`` is this one."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "VIRTLAB": f"{sys.executable} -m provisioner"}
    return subprocess.run(
        ["sh", "-c", command.replace("virtlab", "$VIRTLAB")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("verb", ["list", "schema", "--help", "guide demo-paravirt", "report --all -O -"])
def test_a_full_output_is_said(verb: str) -> None:
    ended = run(f"virtlab {verb} >/dev/full")
    assert ended.returncode == 1
    assert ended.stderr.startswith(FULL)


def test_what_stands_before_a_failure_may_not_fit_either() -> None:
    ended = run("virtlab validate demo-paravirt no-such-lab >/dev/full")
    assert ended.returncode == 1
    assert 'there is no lab "no-such-lab"' in ended.stderr
    assert FULL in ended.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_closed_one_is_one_that_nobody_reads(closed: str) -> None:
    ended = run(f"virtlab list {closed}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (ended.stdout == "") == (" >&-" in f" {closed}")
    ended = run(f"virtlab show no-such-lab {closed}")
    assert ended.returncode == 2
    assert ended.stdout == ""


def test_an_output_that_does_not_block_gets_everything() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen(
        [sys.executable, "-m", "provisioner", "report", "--all", "-O", "-"], cwd=PROJECT, stdout=write
    ) as process:
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            assert stream.read().rstrip().endswith(b"</html>")
    assert process.returncode == 0


@pytest.fixture(scope="module")
def forked() -> Iterator[Forked]:
    made = Forked([sys.executable], {**os.environ, "PYTHONPATH": str(PROJECT)}, PROJECT)
    yield made
    made.close()


@pytest.mark.parametrize("name", [TOO_LONG, f"./{TOO_LONG}", f"{TOO_LONG}.yaml", f"{TOO_LONG}/x", TOO_DEEP])
@pytest.mark.parametrize("verb", ["show", "render", "copy demo-paravirt"])
def test_a_name_that_no_file_can_have(forked: Forked, verb: str, name: str, tmp_path: Path) -> None:
    command = [*verb.split(), name]
    ended = forked.run(command, given=b"", timeout=60, env=os.environ, cwd=tmp_path)
    said = ended.stderr.decode()
    assert ended.returncode == 2
    assert "File name too long" in said
    assert "next: give a name of at most 255 bytes, and a path of at most 4095" in said
    assert len(said) < 400
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["copy demo-kvm x", "report --all -O x.html"])
def test_a_current_folder_that_is_gone(verb: str, tmp_path: Path) -> None:
    ended = run(f"mkdir x; cd x; rmdir ../x; virtlab {verb}", tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == "error: the current folder is gone\nnext: go to one that is there: cd\n"


def test_what_is_no_text_is_refused() -> None:
    ended = run("virtlab status -c \"qemu$(printf '\\377')\"")
    assert ended.returncode == 2
    assert "not in UTF-8, and libvirt takes nothing else: qemu\\udcff" in ended.stderr


def test_a_home_of_nobody_is_a_name_like_any_other() -> None:
    ended = run("virtlab show '~no-such-user/lab.yaml'")
    assert ended.returncode == 2
    assert "there is no file or folder" in ended.stderr


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), errors.VirtlabError, "No space left on device"),
        (OSError(errno.EMFILE, "Too many", "/x"), errors.VirtlabError, "/x: Too many"),
        (OSError(errno.ENAMETOOLONG, "Too long", "a" * 300), errors.InputError, "a" * 80 + "...: Too long"),
        (MemoryError(), errors.VirtlabError, "there is not enough memory"),
    ],
)
def test_what_the_system_refuses_is_said(
    error: BaseException, kind: type[errors.VirtlabError], message: str
) -> None:
    told = errors.of_surroundings(error)
    assert type(told) is kind
    assert told.message == message
    assert told.hint


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad file descriptor"), ValueError(), KeyError("x")])
def test_what_may_be_a_mistake_of_ours_is_none(error: BaseException) -> None:
    assert errors.of_surroundings(error) is None
