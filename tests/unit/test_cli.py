"""The command line, in a process of its own: exit codes, streams, what goes before any connection."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from forked import Forked

from provisioner.cli import app, guest_commands
from provisioner.errors import InputError
from provisioner.verbs import in_guest

LAB = "virtlab: 1\nname: x\nguests:\n  a: {profile: virtio}\n"
EVIL = "\x1b]0;title\x07\u202e\x9b"


FORKED: list[Forked] = []


@pytest.fixture(scope="module", autouse=True)
def forked() -> Iterator[None]:
    FORKED.append(Forked([sys.executable, "-W", "error"], os.environ, Path.cwd()))
    yield
    FORKED.pop().close()


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    whole = {k: v for k, v in os.environ.items() if not k.startswith("VIRTLAB_")} | environment
    if any(name.startswith(("PYTHON", "LC_")) for name in environment):  # Python looks at them when it starts
        argv = [sys.executable, "-W", "error", "-m", "provisioner", *args]
        done = subprocess.run(argv, capture_output=True, check=False, env=whole, input=b"")
    else:
        done = FORKED[0].run(args, given=b"", timeout=60, env=whole, cwd=Path.cwd())
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(args, done.returncode, out, err)


def test_names_of_files_do_not_act_on_the_terminal(tmp_path: Path) -> None:
    (folder := tmp_path / EVIL).mkdir()
    (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
    for arguments in (["validate", str(folder)], ["show", str(folder), "-o", "json"], ["up", f"{folder}/no"]):
        result = run(*arguments)
        said = result.stdout + result.stderr
        assert said
        assert not set("\x1b\x07\u202e\x9b") & set(said)
    shown = run("show", str(folder), "-o", "yaml")
    assert yaml.safe_load(shown.stdout)["file"] == f"{folder}/lab.yaml"
    assert json.loads(run("show", str(folder), "-o", "json").stdout)["file"] == f"{folder}/lab.yaml"


def test_an_encoding_that_lacks_characters_is_no_failure() -> None:
    result = run("list", LC_ALL="ja_JP.UTF-8", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    result = run("doctor", "-c", "qemu:///system?socket=/no/such", LC_ALL="C", PYTHONIOENCODING="iso-8859-1")
    assert result.stdout.startswith("x connection  can't connect to ")
    assert "\n              > " in result.stdout
    assert "\\u" not in result.stdout


@pytest.mark.parametrize("verb", ["down", "prepare"])
def test_names_and_all_exclude_each_other(verb: str) -> None:
    result = run(verb, "demo-paravirt", "--all")
    assert result.returncode == 2
    assert result.stderr.startswith("error: name labs, or say --all\nnext: ")


def test_validate_for_programs(tmp_path: Path) -> None:
    (good := tmp_path / "good.yaml").write_text(LAB, encoding="utf-8")
    (bad := tmp_path / "bad.yaml").write_text(f"{LAB}more: 1\n", encoding="utf-8")
    result = run("validate", str(good), str(bad), "-o", "json")
    first, second = json.loads(result.stdout)
    assert (result.returncode, first) == (
        2,
        {"given": str(good), "good": True, "problems": [], "no_guide": []},
    )
    assert not second["good"]
    assert "unknown key" in second["problems"][0]
    assert run("validate", str(good), str(bad), "-o", "name").stdout == "x\n"


def test_changes_from_the_environment_stand_on_lines(tmp_path: Path) -> None:
    (file := tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    changes = "a.memory=256 MiB\n\na.title=two words\n"
    result = run("validate", str(file), VIRTLAB_VALIDATE_SET=changes)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("verb", "usage", "argument"),
    [
        ("up", "LAB", "LAB  A lab's name, its folder, or its file."),
        ("down", "[LAB]...", "[LAB]...  Labs that are up."),
        ("exec", "LAB/GUEST -- COMMAND [ARG]...", "-- COMMAND [ARG]...  What to run, after --."),
        ("copy", "LAB FOLDER", "FOLDER  A folder that is not there yet, or is empty."),
    ],
)
def test_help_says_what_each_argument_is(verb: str, usage: str, argument: str) -> None:
    lines = run(verb, "--help").stdout.splitlines()
    assert lines[0].endswith(f" {verb} [OPTIONS] {usage}")
    assert any(line.strip().startswith(argument) for line in lines)
    assert run(verb, "--no-such-option").stderr.startswith(lines[0])


def test_all_verbs_are_known_though_only_the_called_one_is_examined() -> None:
    every = run("--help").stdout
    for verb in ("up", "list", "exec", "doctor"):
        assert f"\n  {verb} " in every
        assert run("--help", verb).stdout == every
        assert f" {verb} [OPTIONS]" in run(verb, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "told", "helps"),
    [
        (["chekc"], 'there is no command "chekc"; did you mean "check"?', "-h"),
        (["check", "x", "--step", "abc"], "--step takes a whole number of at least 1", "check -h"),
        (["check", "x", "--step", "0"], "--step takes a whole number of at least 1", "check -h"),
        (["check", "x", "--timeout", "soon"], "--timeout takes a number of at least 1", "check -h"),
        (["check"], "LAB is missing", "check -h"),
        (["check", "x", "--stpe", "1"], 'there is no option --stpe; did you mean "--step"?', "check -h"),
        (["check", "x", "--step"], "--step needs a value", "check -h"),
        (["prepare", "--all=1"], "--all takes no value", "prepare -h"),
        (["show", "x", "y", "z"], '"y z" is too much: no further argument belongs there', "show -h"),
        (["check", "x", "--lang", "fr"], "--lang takes en or ja", "check -h"),
        (["--no-such"], "there is no option --no-such", "-h"),
    ],
)
def test_wrong_usage_is_told_in_plain_words(arguments: list[str], told: str, helps: str) -> None:
    """It said "Try 'virtlab -h'" in a clone, where that is no command, and "not a valid int range"."""
    result = run(*arguments, VIRTLAB_RUN_AS="./bootstrap virtlab")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith(f"error: {told}\nnext: ./bootstrap virtlab {helps}\n")
    assert result.stderr.startswith(("Usage: ./bootstrap virtlab ", "error: "))
    assert "error: " not in run(*arguments, LC_ALL="ja_JP.UTF-8").stderr


def test_a_verb_does_not_load_what_is_slow() -> None:
    code = (
        "import sys\nfrom provisioner.cli.app import main\n"
        "try: main()\nexcept SystemExit: print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "list", "-o", "name"], capture_output=True, check=True, text=True
    )
    assert "demo-paravirt" in result.stdout
    assert not {"libvirt", "pydantic"} & set(result.stdout.split())


def test_status_does_not_load_what_it_does_not_look_at() -> None:
    code = (
        "import sys, provisioner.verbs.status, provisioner.report.terminal.status_page; print(*sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    rooms = ("model.hardware", "model.kinds", "images", "render", "labfile.loader", "lifecycle", "observe")
    loaded = {name.removeprefix("provisioner.") for name in result.stdout.split()}
    assert not loaded & {*rooms, "yaml", "rich"}


@pytest.mark.parametrize(
    "arguments",
    [["--no-such-option"], ["x/y", "--max-output", "1310721", "--", "true"], ["no-slash", "--", "true"], []],
)
def test_exec_has_one_code_for_what_is_wrong_with_itself(arguments: list[str]) -> None:
    assert run("exec", *arguments).returncode == 125
    assert run("up", "--no-such-option").returncode == 2


def test_a_bug_in_exec_is_no_exit_code_of_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_label: str) -> tuple[str, str]:
        raise ZeroDivisionError

    monkeypatch.setattr(in_guest, "split", broken)
    own = typer.Typer(cls=app._Group)
    own.callback()(lambda: None)
    guest_commands.register(own)
    for verb, code in ((["exec", "a/b", "--", "true"], 125), (["console", "a/b"], 3)):
        with pytest.raises(SystemExit) as ended:
            own(verb)
        assert ended.value.code == code


@pytest.mark.parametrize(("given", "fits"), [(b"1234", True), (b"12345", False)])
def test_input_is_never_cut(given: bytes, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_commands, "_LONGEST_INPUT", 4)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
    if fits:
        assert guest_commands._standard_input() == given
    else:
        with pytest.raises(InputError, match="standard input"):
            guest_commands._standard_input()


def test_a_copy_says_its_name_where_that_is_not_the_folders(tmp_path: Path) -> None:
    """``name: demo-paravirt`` stayed in silence, so that its ``up`` would have changed that lab."""
    odd = run("copy", "demo-paravirt", str(tmp_path / "my lab")).stderr
    assert "its name is my-lab: " in odd
    assert f"edit '{tmp_path}/my lab/lab.yaml', then virtlab up '{tmp_path}/my lab'" in odd
    same = run("copy", "demo-paravirt", str(tmp_path / "demo-paravirt"), "-o", "json")
    assert "its name is still demo-paravirt: " in same.stderr
    assert json.loads(same.stdout)["name"] == "demo-paravirt"
    assert "its name" not in run("copy", "demo-paravirt", str(tmp_path / "mine")).stderr
