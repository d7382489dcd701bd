"""The last results of bench, compare and check, kept for ``report``; and benchmarks in files of the user's.

``up`` and ``down`` never read a result: one that is lost or broken only has to be taken again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from provisioner import atomic, errors, paths
from provisioner.language import msg
from provisioner.model.measured import Bench
from provisioner.model.plain import to_data
from provisioner.store import kept_messages, saved

KINDS = ("compare", "check", "bench")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Kept(NamedTuple):
    """An instance of which results were kept."""

    instance: str
    source: str  # the lab's, see ``model.Lab``
    written: float  # when the newest of them was: seconds since 1970
    kinds: tuple[str, ...] = ()  # which there are, in the order of KINDS
    sets: tuple[str, ...] = ()  # what --set changed when the newest was taken, each "key=value"


def save(kind: str, instance: str, source: str, data: Any, sets: Sequence[str] = ()) -> Path:
    """Keeps a result of that kind (bench, compare, check). It replaces the one before.

    ``source``: the lab's (see ``model.lab.Lab``), because another lab may have an instance of the same name
    later. ``sets``: what ``--set`` changed of the lab. Raises VirtlabError where it can't be written.
    """
    path = _file(kind, instance)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, {"source": source, "sets": list(sets), "result": data})
    except OSError as error:
        raise errors.VirtlabError(
            msg("the result can't be kept in {path}: {reason}", path=path, reason=error.strerror),
            hint=msg("make room there, or let this user write it"),
        ) from error
    return path


def load(kind: str, instance: str, source: str | None) -> Any | None:
    """The last result of that kind. None where there is none, or none that can be read.

    ``source``: the lab's, or None where no lab is known any more.
    """
    try:
        kept = _read(_file(kind, instance))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(kept, dict) or (source is not None and kept.get("source") != source):
        return None
    return kept.get("result")


def instances() -> list[Kept]:
    """The instances of which results were kept, the newest result first."""
    found: dict[tuple[str, str], Kept] = {}
    for kind, instance, file in _files():
        try:
            kept, written = _read(file), file.stat().st_mtime
        except (OSError, ValueError, RecursionError):
            continue
        source = kept.get("source") if isinstance(kept, dict) else None
        if isinstance(source, str):
            before = found.get((instance, source), Kept(instance, source, written))
            newest = (
                before
                if before.kinds and before.written > written
                else Kept(instance, source, written, sets=_sets(kept))
            )
            found[instance, source] = newest._replace(kinds=(*before.kinds, kind))
    return sorted(found.values(), key=lambda kept: -kept.written)


def forget(instance: str, source: str) -> None:
    """Removes the results of an instance of that lab. Raises VirtlabError where that is not possible."""
    for kind in KINDS:
        if load(kind, instance, source) is not None:
            _remove(_file(kind, instance))


def forget_all() -> None:
    """Removes all results, those that can't be read, too. Raises VirtlabError where that is not possible."""
    for _, _, file in _files():
        _remove(file)


def load_bench(instance: str, source: str | None) -> Bench | None:
    """The last benchmark, as ``load`` finds it. None where there is none, or none that makes sense."""
    try:
        return saved.bench_from_data(load("bench", instance, source))
    except ValueError:
        return None


def bench_in(path: Path) -> Bench:
    """The benchmark in a file that ``--save`` wrote. Raises InputError with what is wrong with the file."""
    hint = msg("give a file that was written with {virtlab} bench LAB --save FILE")
    try:
        return saved.bench_from_data(_read(path))
    except OSError as error:
        raise errors.InputError(
            msg("{path} can't be read: {reason}", path=path, reason=error.strerror), hint=hint
        ) from error
    except RecursionError as error:
        raise errors.InputError(
            msg("{path} is no saved benchmark: it is nested too deep", path=path), hint=hint
        ) from error
    except ValueError as error:
        raise errors.InputError(
            msg("{path} is no saved benchmark: {error}", path=path, error=error), hint=hint
        ) from error


def may_save(path: Path) -> None:
    """Raises InputError where a benchmark can't be written to that file. This is asked before a run."""
    if not path.parent.is_dir():
        raise errors.InputError(
            msg("there is no folder {parent}", parent=path.parent),
            hint=msg("make it first: mkdir -p {parent}", parent=path.parent),
        )
    if path.exists():
        try:
            bench_in(path)
        except errors.InputError as error:
            raise errors.InputError(
                msg("{path} is there, and is no saved benchmark: it would be lost", path=path),
                hint=msg("give --save another name"),
            ) from error
    if not os.access(path.parent, os.W_OK):
        raise errors.InputError(
            msg("{parent} is not yours to write in", parent=path.parent),
            hint=msg("give --save another folder"),
        )


def save_bench(path: Path, bench: Bench) -> None:
    """Writes a benchmark to a file, where ``bench_in`` reads it. Raises VirtlabError."""
    try:
        _write(path, to_data(bench))
    except OSError as error:
        raise errors.VirtlabError(
            msg("{path} can't be written: {reason}", path=path, reason=error.strerror),
            hint=msg("give --save a file in a folder that you can write to"),
        ) from error


def _file(kind: str, instance: str) -> Path:
    for name in (kind, instance):
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name of a result: {name!r}")
    return paths.state_dir() / "results" / f"{instance}.{kind}.json"


def _files() -> list[tuple[str, str, Path]]:
    """The kind, the instance and the file of each result."""
    folder = paths.state_dir() / "results"
    found = [(kind, file) for kind in KINDS for file in sorted(folder.glob(f"*.{kind}.json"))]
    named = [(kind, file.name.removesuffix(f".{kind}.json"), file) for kind, file in found]
    return [each for each in named if _NAME.fullmatch(each[1])]


def _sets(kept: dict[str, Any]) -> tuple[str, ...]:
    """What ``--set`` changed, in a result. Earlier versions kept none."""
    sets = kept.get("sets")
    return tuple(each for each in sets if isinstance(each, str)) if isinstance(sets, list) else ()


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise errors.VirtlabError(
            msg("{file} can't be removed: {reason}", file=file, reason=error.strerror),
            hint=msg("make the folder writable, or remove the file yourself"),
        ) from error


def _read(path: Path) -> Any:
    if path.exists() and not path.is_file():
        raise ValueError(msg("it is not a file"))
    with path.open("rb") as file:
        text = file.read(saved.LONGEST_FILE + 1)
    if len(text) > saved.LONGEST_FILE:
        raise ValueError(
            msg("it is larger than {longest_file} MiB", longest_file=saved.LONGEST_FILE // 1024**2)
        )
    try:
        return kept_messages.restored(json.loads(text))
    except ValueError as error:
        raise ValueError(msg("it is not JSON")) from error


def _write(path: Path, data: dict[str, Any]) -> None:
    """Replaces the file as a whole, or leaves the one before."""
    text = json.dumps(kept_messages.with_messages(data), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    atomic.write(path, text)
