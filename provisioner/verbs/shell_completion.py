"""``--show-completion`` and ``--install-completion``: what makes a shell complete virtlab's commands."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from shlex import quote

from provisioner import atomic, errors, paths
from provisioner.language import msg
from provisioner.model.enums import Shell


def script(shell: Shell) -> str:
    """The commands that the shell reads. In a clone they complete ``./bootstrap virtlab``, too."""
    text = (paths.templates_dir() / "completion" / shell).read_text(encoding="utf-8")
    bootstrap = paths.bootstrap()
    for name, value in (("@PROGRAM@", _program()), ("@BOOTSTRAP@", str(bootstrap or ""))):
        text = text.replace(name, _quoted(value, shell))
    return text


def install(shell: Shell) -> tuple[Path, ...]:
    """Writes the script where the user's new shells read it. Returns the files that were written.

    fish reads its folder of completions. For bash and zsh a line in ``.bashrc`` or ``.zshrc`` reads the
    script. Raises VirtlabError where a file can't be written, or the user has no home folder.
    """
    try:
        if shell is Shell.FISH:
            folder = paths.config_dir() / "fish" / "completions"
            return tuple(
                _written(folder / f"{name}.fish", script(shell)) for name in ("virtlab", "bootstrap")
            )
        file = _written(paths.data_dir() / f"completion.{shell}", script(shell))
        read = f"[ ! -r {quote(str(file))} ] || . {quote(str(file))}  # completes virtlab's commands"
        start = paths.home() / ".bashrc"
        if shell is Shell.ZSH:
            start = Path(os.environ.get("ZDOTDIR") or paths.home()) / ".zshrc"
        before = start.read_text(encoding="utf-8", errors="surrogateescape") if start.exists() else ""
        if read not in before.splitlines():
            with start.open("a", encoding="utf-8") as stream:
                stream.write(f"{'' if before.endswith(chr(10)) or not before else chr(10)}{read}\n")
        return (file, start)
    except OSError as error:
        raise errors.VirtlabError(
            msg("can't write {file}: {error}", file=error.filename, error=error.strerror),
            hint=msg("let this user write it"),
        ) from error


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(file, text)
    return file


def _program() -> str:
    """This program, as a shell that stands anywhere starts it."""
    called = Path(sys.argv[0])
    return str(called.absolute()) if called.name == "virtlab" else shutil.which("virtlab") or "virtlab"


def _quoted(value: str, shell: Shell) -> str:
    """The value as one word. fish knows escapes between single quotes, which other shells don't."""
    if shell is not Shell.FISH:
        return quote(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
