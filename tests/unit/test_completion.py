"""What shells complete, in the shells themselves where they are installed."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import pytest

from provisioner.cli import completion
from provisioner.model.enums import Shell
from provisioner.verbs import shell_completion

ROOT = Path(__file__).parents[2]
# Calls the function that bash has for the first word, as it does when TAB is pressed behind the last one.
IN_BASH = """
typed() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    local found
    found=$(complete -p "${1##*/}")
    found=${found#* -F }
    "${found%% *}" "$1" "${!#}" ''
    printf '%s\\n' "${COMPREPLY[@]}"
}
typed "$@"
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program named virtlab, which stands for the one of the clone."""
    file = tmp_path / "virtlab"
    start = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom provisioner.cli.app import main\nmain()\n"
    file.write_text(f"#!{sys.executable}\n{start}", encoding="utf-8")
    file.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(file)])
    return file


def asked(program: Path, shell: Shell, typed: str, cwd: Path = ROOT) -> list[str]:
    """What the shell offers for the last word of what was typed."""
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (script := program.with_name("script")).write_text(shell_completion.script(shell), encoding="utf-8")
    if shell is Shell.ZSH:
        return [at_terminal(cwd, script, typed)]
    run = {
        Shell.BASH: ["bash", "-c", f". {script}\n{IN_BASH}", "bash", *typed.split(" ")],
        Shell.FISH: ["fish", "-c", f"source {script}; complete -C '{typed}'"],
    }[shell]
    done = subprocess.run(run, cwd=cwd, capture_output=True, text=True, check=True, timeout=60)
    return [line.split("\t")[0] for line in done.stdout.splitlines() if line]


# Control-X writes down what the line has become.
IN_ZSH = r"""
became() { print -r -- $BUFFER >$written.new; mv $written.new $written }
zle -N became; bindkey '^X' became
"""


def at_terminal(cwd: Path, script: Path, typed: str) -> str:
    """The last word of zsh's line, after TAB. zsh completes nothing without a terminal."""
    script.write_text(f"{script.read_text()}{IN_ZSH}")
    (written := script.with_name("line")).unlink(missing_ok=True)
    child, terminal = pty.fork()
    if not child:
        os.chdir(cwd)
        os.execvp("zsh", ["zsh", "-f", "-i"])  # noqa: S606
    os.write(terminal, f"written={written}; source {script}\r{typed}\t\x18".encode())
    ends = time.monotonic() + 60
    while not written.exists():
        assert time.monotonic() < ends
        if select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 4096)
    os.close(terminal)
    os.waitpid(child, 0)
    return written.read_text().split()[-1]


@pytest.mark.parametrize("shell", list(Shell))
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("virtlab up demo-parav", "demo-paravirt"),
        ("virtlab up demo-paravirt --with v", "vmware"),
        ("virtlab render demo-kvm/h", "demo-kvm/host"),
        ("virtlab guide demo-paravirt 2", "2"),
        ("./bootstrap v", "virtlab"),
        ("./bootstrap --yes virtlab val", "validate"),
    ],
)
def test_shells_complete(program: Path, shell: Shell, typed: str, offered: str) -> None:
    assert asked(program, shell, typed) == [offered]


@pytest.mark.parametrize("shell", [Shell.BASH, Shell.FISH])
def test_a_bootstrap_of_another_project_is_not_started(program: Path, shell: Shell, tmp_path: Path) -> None:
    """Many projects have one. TAB must run nothing that a folder from somebody brings along."""
    (folder := tmp_path / "theirs").mkdir()
    for file in (folder / "bootstrap", folder / "virtlab"):
        file.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        file.chmod(0o755)
    assert asked(program, shell, "./bootstrap virtlab up demo-parav", folder) == []
    assert asked(program, shell, "./virtlab up demo-parav", folder) in ([], ["demo-paravirt"])
    assert not (tmp_path / "started").exists()


def test_sections_of_a_guide(program: Path) -> None:
    """Files were offered instead."""
    numbers = asked(program, Shell.BASH, "virtlab guide demo-paravirt ")
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len(numbers) > 3
    assert asked(program, Shell.BASH, "virtlab guide no-such-lab ") == []


def test_optional_guests_and_guests_of_a_lab() -> None:
    class Unassigned:
        params: ClassVar = {"lab": None}
        args = ("demo-paravirt",)

    assert completion.optional(Unassigned(), "") == ["vmware"]  # type: ignore[arg-type]
    assert completion.parts("demo-paravirt/v") == ["demo-paravirt/virtio", "demo-paravirt/vmware"]
    assert completion.parts("no-such/") == []
    assert completion.parts("demo-parav") == ["demo-paravirt"]


def test_installing_twice_writes_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".zshrc").write_text("setopt nomatch")  # no line end
    for shell in (*Shell, *Shell):
        for file in shell_completion.install(shell):
            assert file.is_file()
    assert (tmp_path / ".zshrc").read_text().splitlines()[0] == "setopt nomatch"
    assert len((tmp_path / ".zshrc").read_text().splitlines()) == 2
    assert len((tmp_path / ".bashrc").read_text().splitlines()) == 1
    names = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert names == {
        ".bashrc",
        ".zshrc",
        ".local/share/virtlab/completion.bash",
        ".local/share/virtlab/completion.zsh",
        ".config/fish/completions/virtlab.fish",
        ".config/fish/completions/bootstrap.fish",
    }


def test_the_shell_that_is_named_is_meant() -> None:
    """From bash, ``--install-completion zsh`` installed what bash reads."""
    run = [sys.executable, "-m", "provisioner", "--show-completion"]
    done = subprocess.run([*run, "zsh"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "compdef _virtlab virtlab" in done.stdout
    done = subprocess.run([*run, "tcsh"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_shellcheck_finds_nothing() -> None:
    run = ["shellcheck", "-s", "bash", str(ROOT / "templates" / "completion" / "bash")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
