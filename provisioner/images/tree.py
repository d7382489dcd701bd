"""Finds files in unpacked packages, and the libraries that programs need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from provisioner.errors import ImageError
from provisioner.images import cpio, elf
from provisioner.images.parts import Part
from provisioner.language import msg

_LIBRARY_FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "lib/x86_64-linux-gnu",
    "usr/lib64",
    "lib64",
    "usr/lib",
    "lib",
)
_GUEST_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_LOADER_FOLDER = "usr/lib64"
_MOST_LINKS = 16


class Tree:
    """Unpacked packages below one folder, which stands for a guest's ``/``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, places: Iterable[str]) -> Path | None:
        """The first of these paths that is a file, its links followed inside the tree only.

        A path may have ``*`` for what changes with a version: the last one that fits is taken.
        """
        for place in places:
            fitting = sorted(self._root.glob(place.lstrip("/"))) if "*" in place else []
            for each in [str(path.relative_to(self._root)) for path in reversed(fitting)] or [place]:
                file = self._follow(each)
                if file is not None and file.is_file():
                    return file
        return None

    def programs(self, wanted: Mapping[str, Part]) -> list[cpio.Entry]:
        """Each of these parts as an entry for its path in the guest, or, where that has a ``*``, for the
        place that it has in the package. Optional parts that the packages lack are left out.

        Raises ImageError that names every other part that they lack.
        """
        self.require(wanted.values())
        places = ((path, self.find(part.places)) for path, part in wanted.items())
        return [self._program(path, file) for path, file in places if file]

    def require(self, parts: Iterable[Part]) -> None:
        """Raises ImageError that names every one of these parts that is missing and not optional."""
        self.all_of(part for part in parts if not part.optional)

    def all_of(self, parts: Iterable[Part]) -> list[Path]:
        """The file of each of these parts, in their order. Raises ImageError that names every missing
        part."""
        wanted = list(parts)
        places = [self.find(part.places) for part in wanted]
        if missing := [part for part, place in zip(wanted, places, strict=True) if place is None]:
            told = (f"{part.name} ({' or '.join(part.places)})" for part in missing)
            raise ImageError(msg("none of the packages has {told}", told=", ".join(told)))
        return [place for place in places if place]

    def _program(self, path: str, file: Path) -> cpio.Entry:
        data = file.read_bytes()
        path = str(file.relative_to(self._root)) if "*" in path else path
        return cpio.file(path.lstrip("/"), data, 0o755 if elf.is_elf(data) else 0o644)

    def libraries(self, programs: Iterable[cpio.Entry]) -> list[cpio.Entry]:
        """Every shared library and loader that the programs and their libraries need.

        Raises ImageError that names a library that no package has, or a program that is damaged.
        """
        libraries: dict[str, cpio.Entry] = {}
        waiting = [(entry.path, entry.data) for entry in programs if elf.is_elf(entry.data)]
        while waiting:
            who, data = waiting.pop()
            try:
                names = elf.needed(data)
            except elf.NotElf as error:
                raise ImageError(msg("{who} can't be read: {error}", who=who, error=error)) from error
            for name in names:
                if name in libraries:
                    continue
                library = self.find(f"{folder}/{name}" for folder in _LIBRARY_FOLDERS)
                if library is None:
                    raise ImageError(
                        msg(
                            "{who} needs the library {name}, which none of the packages has",
                            who=who,
                            name=name,
                        )
                    )
                folder = _LOADER_FOLDER if name.startswith("ld-linux") else _GUEST_LIBRARIES
                libraries[name] = cpio.file(f"{folder}/{name}", library.read_bytes(), 0o755)
                waiting.append((name, libraries[name].data))
        return list(libraries.values())

    def _follow(self, place: str) -> Path | None:
        """Walk the path as the guest would: links, absolute ones too, stay inside the tree."""
        waiting = list(reversed(Path(place.lstrip("/")).parts))
        path = self._root
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                path = path.parent if path != self._root else path
                continue
            if not (path / part).is_symlink():
                path = path / part
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            target = (path / part).readlink()
            if target.is_absolute():
                path = self._root
            waiting += reversed([name for name in target.parts if name != "/"])
        return path
