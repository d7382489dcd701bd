"""A learner's own copy of a lab."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from provisioner.errors import ConflictError, InputError
from provisioner.labfile import nodes
from provisioner.labfile.catalog import LAB_FILE
from provisioner.labfile.common_values import NAME
from provisioner.labfile.problems import Problems
from provisioner.language import msg


def copy_lab(source_dir: Path, target_dir: Path) -> Path:
    """Copy a lab's folder and name the copy after its new folder; returns the copy's lab file.

    The new name is the target's last part, or one made from it where that can be no name of a lab.
    Nothing else in the file changes. The target appears complete or not at all.

    Raises ConflictError where the target exists and is not an empty folder, and InputError where
    the source holds no lab or something other than files and folders, or can't be read or written.
    """
    target = Path(os.path.abspath(target_dir))  # noqa: PTH100 - a name, with no link followed
    if not (source_dir / LAB_FILE).is_file():
        raise InputError(
            msg("{source_dir} holds no {lab_file}", source_dir=source_dir, lab_file=LAB_FILE),
            hint=msg("Name a folder that holds a lab."),
        )
    if target.resolve().is_relative_to(source_dir.resolve()):
        raise InputError(
            msg("{target_dir} lies inside {source_dir}", target_dir=target_dir, source_dir=source_dir),
            hint=msg("Choose a folder outside the lab."),
        )
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise ConflictError(
            msg("{target_dir} exists already", target_dir=target_dir),
            hint=msg("Choose a name that does not exist yet."),
        )
    try:
        _copy(source_dir, target)
    except OSError as error:
        raise InputError(
            f"{error.filename or target_dir}: {error.strerror}",
            hint=msg("Check the rights and the free space."),
        ) from error
    return target_dir / LAB_FILE


def _copy(source: Path, target: Path) -> None:
    files = list(_contents(source, Path()))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        copy = Path(scratch) / target.name
        copy.mkdir()
        for relative in files:
            goal = copy / relative
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / relative, goal, follow_symlinks=False)
            if os.access(source / relative, os.X_OK):
                goal.chmod(goal.stat().st_mode | 0o111)
        _rename(copy / LAB_FILE, target.name)
        copy.rename(target)


def _contents(folder: Path, below: Path) -> Iterator[Path]:
    """All files below a folder, as paths relative to it."""
    with os.scandir(folder / below) as entries:
        for entry in sorted(entries, key=lambda item: item.name):
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                yield from _contents(folder, below / entry.name)
            elif stat.S_ISREG(mode):
                yield below / entry.name
            else:
                what = msg("a symbolic link") if stat.S_ISLNK(mode) else msg("no ordinary file")
                raise InputError(
                    msg("{path} is {what}, and is not copied", path=entry.path, what=what),
                    hint=msg("Remove it from the lab's folder."),
                )


def name_in(file: Path) -> str | None:
    """The lab's name in a lab file, which may have mistakes. None where it has none that can be read."""
    found = _named(file)
    return found[1][1].text if found else None


def fitting_name(folder: str, lab: str) -> str:
    """A name for a copy of ``lab`` in a folder of that name: the folder's own, where a lab can have it.

    One that is made up is not the lab's own, whose instance a copy of that name would change.
    """
    if _can_be_name(folder):
        return folder
    plain = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[: NAME.most].rstrip("-")
    if _can_be_name(plain) and plain != lab:
        return plain
    more = f"-{plain}" if plain.isdigit() and len(plain) < NAME.most // 2 else "-copy"
    made = lab[: NAME.most - len(more)] + more
    return made if _can_be_name(made) else f"lab{more}"  # the lab's own name is none


def _can_be_name(text: str) -> bool:
    return len(text) <= NAME.most and re.fullmatch(NAME.pattern, text) is not None


def _named(file: Path) -> tuple[str, tuple[nodes.Scalar, nodes.Scalar]] | None:
    """The text of a lab file, and its key and value of the name."""
    problems = Problems()
    text = nodes.read_text(file, problems)
    root = nodes.parse(text, str(file), problems) if text is not None else None
    entry = root.entries.get("name") if isinstance(root, nodes.Mapping) else None
    if text is None or entry is None or not isinstance(entry[1], nodes.Scalar) or not entry[1].text:
        return None
    return text, (entry[0], entry[1])


def _rename(file: Path, folder: str) -> None:
    """Replace the name in a lab file by one that fits the folder. A file with problems stays as it is."""
    found = _named(file)
    if found is None:
        return
    text, entry = found
    name = fitting_name(folder, entry[1].text)
    if entry[1].text == name:
        return
    start, end = entry[1].span
    if start < entry[0].span[1]:  # an alias: the text stands elsewhere, for something else
        return
    if anchor := re.match(r"([&!]\S*\s+)+", text[start:end]):
        start += anchor.end()
    quoted = name if nodes.resolve(name) == name else f'"{name}"'
    file.write_text(text[:start] + quoted + text[end:], encoding="utf-8", newline="")
