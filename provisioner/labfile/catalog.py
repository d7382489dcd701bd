"""Labs by name, by folder or by file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from provisioner.errors import InputError, of_surroundings
from provisioner.labfile.problems import Problems, alternatives, shown
from provisioner.language import Text, msg

LAB_FILE = "lab.yaml"
_SUFFIXES = (".yaml", ".yml")


class Entry(NamedTuple):
    """A lab of the catalogue. ``title`` and ``part`` are None where its file has none, or can't be read."""

    name: str
    title: Text | None
    file: Path
    part: str | None = None  # of the article: a key of parts.PARTS


def names(labs_dir: Path) -> list[str]:
    """The names of the labs in a folder of labs, sorted. No lab file is read."""
    return sorted(file.parent.name for file in labs_dir.glob(f"*/{LAB_FILE}"))


def entries(labs_dir: Path) -> list[Entry]:
    """The labs in a folder of labs with their titles, sorted by name. A broken lab file is no error here."""
    files = ((name, labs_dir / name / LAB_FILE) for name in names(labs_dir))
    return [_entry(name, file) for name, file in files]


def find(lab: str, labs_dir: Path) -> tuple[Path, str]:
    """The file of a lab and its source (see ``model.Lab``).

    ``lab`` is a name of the catalogue, a folder that holds lab.yaml, or a file. A name of the catalogue
    goes before a folder of that name; ``./NAME`` is always a folder or a file. A path into the catalogue
    has the catalogue as its source. Raises InputError where there is no such lab, and for a file that is a
    link out of its folder.
    """
    known = names(labs_dir)
    if lab in known:
        return labs_dir / lab / LAB_FILE, f"catalog:{lab}"
    path = path_of(lab)
    file = path / LAB_FILE if path.is_dir() else path
    if lab and file.is_file():
        _must_lie_in(file.parent, file)
        return file, _source(file, labs_dir)
    if lab and file.exists() and not file.is_dir():
        raise InputError(
            msg("{file} is no ordinary file, but a pipe, a device or the like", file=shown(str(file))),
            hint=msg("name a lab file, or the folder that holds its lab.yaml"),
        )
    if lab and path.is_dir():
        raise InputError(
            msg("the folder {lab} holds no {lab_file}", lab=shown(lab), lab_file=LAB_FILE),
            hint=msg("see which labs there are: {virtlab} list"),
        )
    if path.suffix in _SUFFIXES or "/" in lab:
        raise InputError(
            msg("there is no file or folder {lab}", lab=shown(lab)),
            hint=msg("see which labs there are: {virtlab} list"),
        )
    raise InputError(
        msg("there is no lab {lab} ({known})", lab=shown(lab), known=alternatives(lab, known)),
        hint=msg("see which labs there are: {virtlab} list; ./NAME is a folder"),
    )


def path_of(lab: str) -> Path:
    """The path that a lab's name may be; ``~`` is a home folder, where that is known.

    Raises InputError where the system does not even look for it, such as for a name that is too long.
    """
    path = Path(lab)
    try:
        path = path.expanduser()
        path.stat()
    except (RuntimeError, ValueError, FileNotFoundError, NotADirectoryError):
        return path  # nobody has that home, it is no path, or there is nothing: whoever asked notices
    except OSError as error:
        raise of_surroundings(error) or InputError(
            msg("{lab} can't be looked at: {reason}", lab=shown(lab), reason=error.strerror),
            hint=msg("name another folder or file"),
        ) from error
    return path


def beside(file: Path, name: str) -> Path | None:
    """The file of that name beside the lab.yaml ``file``; None where there is none.

    Raises InputError for a link that leads out of the lab's folder: a lab from a stranger must not show
    other files that this user can read.
    """
    neighbour = file.parent / name
    if file.name != LAB_FILE or not neighbour.is_file():
        return None
    _must_lie_in(file.parent, neighbour)
    return neighbour


def _must_lie_in(folder: Path, file: Path) -> None:
    """Raises InputError for a link that leads out of the lab's folder."""
    if not file.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            msg("{file} is a link to a file that is not the lab's", file=shown(str(file))),
            hint=msg("put the file itself into the folder"),
        )


def _source(file: Path, labs_dir: Path) -> str:
    resolved = file.resolve()
    if resolved.name == LAB_FILE and resolved.parent.parent == labs_dir.resolve():
        return f"catalog:{resolved.parent.name}"
    return str(resolved)


def _entry(name: str, file: Path) -> Entry:
    from provisioner.labfile import common_values, nodes
    from provisioner.labfile.problems import Place
    from provisioner.labfile.value_types import Given, Kind, Spot, text_of

    def read(key: str, kind: Kind) -> Given | None:
        problems = Problems()
        entry = root.entries.get(key) if isinstance(root, nodes.Mapping) else None
        given = kind.check(entry[1], Spot(problems, Place(str(file)), key)) if entry else None
        return given if not problems else None

    try:
        root = nodes.read(file, Problems())
    except InputError:
        return Entry(name, None, file)
    title, part = read("title", common_values.TITLE), read("part", common_values.PART)
    return Entry(name, text_of(title), file, part.value if part else None)
