"""What the programs share that run guests inside a guest, in the shells that run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import worlds

from provisioner import paths
from provisioner.images import recipe, recipe_files
from provisioner.images.recipe import KernelSpec
from provisioner.model import kinds
from provisioner.transport import parent

IMAGES = paths.templates_dir() / "images"
SHARED = IMAGES / recipe_files.SHARED / "guests-inside.sh"
PAGE = (Path(__file__).parents[2] / "docs" / "guests-inside.md").read_text("utf-8")
PROGRAMS = {"nested": "kvm/inner", "xen": "xen/inner", "container": "shared/containers"}
BESIDE = "/usr/lib/virtlab/guests-inside.sh"
# Its guests are files; those that are not empty run.
PROGRAM = f"""\
kind=container called=files memory=32 interfaces=0 more=measure home=.
. {SHARED}
find_running() {{ [ -s "$name" ]; }}
known_guests() {{ ls; }}
start_guest() {{
    echo "$memory $processors $disks $interfaces $image $hostname <$arguments> $timers" | tee "$name"
}}
stop_guest() {{ : >"$name"; }}
enter() {{ printf '<%s>' "$@"; cat; return 7; }}
sit_down() {{ echo "at $name"; }}
measure() {{ echo "$name has $*"; }}
serve "$@"
"""


@pytest.fixture(params=["dash", "busybox sh"])
def shell(request: pytest.FixtureRequest) -> list[str]:
    words: list[str] = request.param.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"needs {words[0]}")
    return words


class Program:
    def __init__(self, shell: list[str], folder: Path) -> None:
        self._command = [*shell, "-c", PROGRAM, "inner"]
        self._folder = folder

    def __call__(self, *words: str, given: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [*self._command, *words],
            input=given,
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.strip()


@pytest.fixture
def inner(shell: list[str], tmp_path: Path) -> Program:
    return Program(shell, tmp_path)


def test_a_guest_from_start_to_stop(inner: Program) -> None:
    assert inner("state") == (0, "", "")
    definition = "kernel-args=a b=c \nimage=tiny\nodd=1\n\nmemory=48\ntimers=hpet=off\n"
    assert inner("start", "a-1", given=definition) == (0, "48 1 0 0 tiny a-1 <a b=c > hpet=off\n", "")
    assert inner("start", "b")[:2] == (0, "32 1 0 0  b <> \n")
    assert inner("start", "b") == (1, "", "b runs already")
    assert inner("exec", "b", "--", "a  b", "*", "", given="in") == (7, "<a  b><*><>in", "")
    assert inner("console", "b") == (0, "at b\n", "")
    assert inner("measure", "b", "two", "words") == (0, "b has two words\n", "")
    assert inner("stop", "b") == (0, "", "")
    assert inner("stop", "b") == (0, "", "")
    assert inner("state") == (0, "a-1 running\nb stopped\n", "")
    for words in (("exec", "b", "--", "true"), ("console", "b"), ("measure", "b")):
        assert inner(*words) == (parent.UNREACHABLE, "", "b does not run")


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("kind=xen\n", "a: this guest runs files, and no guest of kind xen"),
        ("memory=\n", "a: its definition says no memory (in MiB)"),
        ("memory=0\n", "a: its definition says no memory (in MiB)"),
        ("memory=1k\n", "a: its definition says no memory (in MiB)"),
        ("processors=0\n", "a: 0 is no number of processors"),
        ("disks=-1\n", "a: -1 is no number of disks"),
        ("interfaces=$(id)\n", "a: $(id) is no number of interfaces"),
    ],
)
def test_a_definition_that_makes_no_sense(inner: Program, definition: str, why: str) -> None:
    assert inner("start", "a", given=definition) == (1, "", why)
    assert inner("state")[1] == ""


WAITING = f"""\
kind=nested called=ghosts memory=32 interfaces=0 home=. pause=50000
. {SHARED}
usleep() {{ sleep 0.05; }}
has_given_up() {{ [ -e hopeless ]; }}
said() {{ printf 'first\\r\\n[0.5] Kernel panic - not syncing: no memory\\r\\nat\\n'; }}
find_running() {{ [ ! -e dead ]; }}
stop_guest() {{ : >stopped; }}
enter() {{ eval "$ANSWER"; }}
name=g own=.
await_answer
echo up
"""


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        ("exec true", 0, "up\n"),
        ("sleep 0.3", 0, "up\n"),
        (
            ": >dead; exec sleep 60",
            1,
            "g ended while it started: [0.5] Kernel panic - not syncing: no memory\n",
        ),
        (
            ": >hopeless; exec sleep 60",
            1,
            "g gave up while it started: [0.5] Kernel panic - not syncing: no memory\n",
        ),
        ("echo no way >&2; exit 125", 1, "g: no way\n"),
    ],
)
def test_who_waits_for_a_guest_sees_that_it_has_ended(
    shell: list[str], tmp_path: Path, answer: str, code: int, told: str
) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [*shell, "-c", WAITING],
        env={"ANSWER": answer},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, told)
    assert time.monotonic() - began < 20
    assert (tmp_path / "stopped").exists() == ("hopeless" in answer)


XL = """\
Waiting for domain g (domid 1) to die [pid 177]
Domain 1 has shut down, reason code 3 0x3
Action for shutdown reason code 3 is destroy
Done. Exiting now
"""
QEMU = "char device redirected to /dev/pts/0 (label console)\n"


@pytest.mark.parametrize(
    ("program", "files", "cause"),
    [
        ("xen/inner", {"xl-g.log": XL}, "xl: it shut down, reason code 3: it crashed"),
        ("xen/inner", {"xl-g.log": "Waiting for domain g (domid 1) to die [pid 177]\n"}, ""),
        ("kvm/inner", {"said": QEMU, "console.log": ""}, ""),
        ("kvm/inner", {"said": QEMU, "console.log": "one\r\ntwo\r\n\r\n"}, "two"),
        (
            "kvm/inner",
            {"said": QEMU, "console.log": "error: out of memory.\r\ngrub> \n"},
            "error: out of memory.",
        ),
    ],
)
def test_where_the_cause_is_looked_for(
    shell: list[str], tmp_path: Path, program: str, files: dict[str, str], cause: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = re.search(r"^said\(\) \{\n.*?^\}\n", (IMAGES / program).read_text(), re.MULTILINE | re.DOTALL)
    assert found
    script = f". {SHARED}\n{found[0].replace('/var/log/xen', '.')}\nown=. name=g\nsaid | cause\n"
    done = subprocess.run([*shell, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.strip() == cause


def test_the_last_words_of_a_guest(inner: Program) -> None:
    assert inner("said", "a") == (0, "", "")


def test_a_question_ends_when_its_asker_is_told_to(shell: list[str], tmp_path: Path) -> None:
    """The other end never answers, and a shell hears of a signal only when nothing runs in front."""
    os.mkfifo(tmp_path / "line")
    text = (IMAGES / recipe_files.SHARED / "ask").read_text()
    command = [*shell, "-c", f"usleep() {{ sleep 0.05; }}\n{text}", "ask"]
    asker = subprocess.Popen([*command, "line", "line", "lock", "--", "true"], cwd=tmp_path)
    deadline = time.monotonic() + 20
    while not (tmp_path / "lock").is_symlink() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    asker.terminate()
    assert asker.wait(20) == parent.UNREACHABLE
    assert not (tmp_path / "lock").is_symlink()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("",),
        ("fly", "a"),
        ("start",),
        ("start", "-a"),
        ("start", "../a"),
        ("stop", "A"),
        ("exec", "a"),
        ("exec", "a", "--"),
        ("exec", "a", "true", "true"),
        ("measure", "a b"),
        ("serve", "a"),
    ],
)
def test_a_call_that_is_wrong(inner: Program, words: tuple[str, ...]) -> None:
    code, out, error = inner(*words)
    assert (code, out) == (parent.UNREACHABLE, "")
    assert error.startswith("usage: inner start|stop|said|console|measure NAME, inner exec NAME -- WORD...")


def test_virtlab_says_what_the_programs_read_and_the_page_tells() -> None:
    told = {line.partition("=")[0] for line in parent.definition(worlds.guest("a")).decode().splitlines()}
    read = set(re.findall(r"^ +([a-z-]+)=\*\)", SHARED.read_text("utf-8"), re.MULTILINE))
    assert told == read | {"name"}
    rows = re.findall(
        r"^\| (`.*?`) \|", PAGE.partition("## The definition")[2].partition("##")[0], re.MULTILINE
    )
    assert {key.strip("`") for row in rows for key in row.split(", ")} == told


def test_each_kind_has_its_program() -> None:
    assert set(PROGRAMS) == {str(kind.name) for kind in kinds.hosted()}
    for kind, program in PROGRAMS.items():
        text = (IMAGES / program).read_text("utf-8")
        assert f"\nkind={kind} " in text
        assert f"\n. {BESIDE}\n" in text
        assert text.endswith('\nserve "$@"\n')
        assert f"`templates/images/{program}`" in PAGE


def test_where_a_program_is_the_shared_file_is_and_the_digest_counts_it() -> None:
    found = []
    for folder in sorted(each.parent for each in IMAGES.glob("*/image.yaml")):
        made = recipe.read(folder.name, folder)
        if not isinstance(made.spec, KernelSpec):
            continue
        files = {file.path: file.data for file in made.spec.files}
        if parent.INNER in files:
            found.append(folder.name)
            assert files[BESIDE] == SHARED.read_bytes()
            bases = recipe_files.with_bases(folder)
            assert SHARED in [path.resolve() for base in bases for path in base.taken]
    assert found == ["consolidation", "hosted", "kvm", "vz", "xen"]


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck")
    done = subprocess.run(["shellcheck", str(SHARED)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
