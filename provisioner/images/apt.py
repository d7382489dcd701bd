"""Debian's and Ubuntu's packages, downloaded and unpacked with apt and dpkg-deb as an ordinary user.

The system's own package lists are used where that works. Where they are missing, or so old that the server no
longer has the packages, private lists are fetched into the cache folder.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import ImageError
from provisioner.images import tools
from provisioner.images.packages import Package, System, Tick
from provisioner.images.parts import Part
from provisioner.language import msg

_MANAGER = "apt"
_LIBRARY_SECTIONS = {"libs", "oldlibs"}
_TRANSPORT = re.compile(r"Acquire::(?:https?|ftp|Retries|ForceIPv[46])\b")
_ARCHITECTURE = "amd64"
_SYSTEM_LISTS = Path("/var/lib/apt/lists")
_UPDATE_HINT = msg("run `apt-get update` as root, and see that this host reaches its package server")
_ABSENT_HINT = msg(
    "see that apt's sources have all components of this release (on Ubuntu: universe), "
    "and whether a newer virtlab knows it"
)


@dataclass(frozen=True, slots=True)
class _Stanza:
    """One package of apt's lists; ``depends`` holds, for each dependency, its alternatives."""

    package: Package
    section: str
    depends: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A part, and the packages of this system that may hold it; no release has to have all of them."""

    part: Part
    packages: tuple[str, ...]

    @staticmethod
    def of(part: Part, system: System) -> _Wanted:
        """Raises ImageError where it is not known which packages of this system hold the part."""
        packages = next(
            (part.packages[who] for who in (*system.likes, _MANAGER) if who in part.packages), None
        )
        if packages is None:
            raise ImageError(
                msg("no package of {release} is known to hold {name}", release=system.release, name=part.name)
            )
        return _Wanted(part, packages)


class Apt:
    """The package manager of Debian and of what descends from it."""

    def __init__(self, root: Path) -> None:
        """``root`` is the cache folder: archives, private lists and apt's own cache go there."""
        self._archives = root / "packages"
        self._state = root / "apt"
        self._private = _age(self._state / "lists") > _age(_SYSTEM_LISTS)

    def resolve(self, parts: Sequence[Part], system: System) -> list[Package]:
        """See :class:`~provisioner.images.packages.Packages`."""
        wanted = [_Wanted.of(part, system) for part in parts]
        names = sorted({name for each in wanted for name in each.packages})
        return _select(wanted, self._stanzas(names))

    def refresh(self) -> None:
        """See :class:`~provisioner.images.packages.Packages`."""
        self._private = True
        (self._state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        try:
            self._apt("apt-get", "update", "--error-on=any")
        except tools.ToolFailed as error:
            raise ImageError(
                msg("the package lists can't be fetched: {said}", said=error.said), hint=_UPDATE_HINT
            ) from error

    def fetch(self, packages: Iterable[Package], workspace: Path, tick: Tick) -> list[Path]:
        """See :class:`~provisioner.images.packages.Packages`."""
        self._archives.mkdir(parents=True, exist_ok=True)
        archives = {package: self._archive(package) for package in packages}
        missing = [package for package, path in archives.items() if not _is(package, path)]
        if missing:
            total = sum(package.size for package in missing)

            def look() -> None:
                tick(min(1.0, sum(path.stat().st_size for path in workspace.iterdir()) / total))

            wanted = [f"{package.name}={package.version}" for package in missing]
            self._apt("apt-get", "download", *wanted, cwd=workspace, while_running=look)
        for package in missing:
            downloaded = next(workspace.glob(f"{package.name}_*.deb"), None)
            if downloaded is None or not _is(package, downloaded):
                raise ImageError(
                    msg("the package {name} arrived damaged", name=package.name), hint=msg("try again")
                )
            shutil.move(downloaded, archives[package])  # the folder of archives may be a mount of its own
        return list(archives.values())

    def unpack(self, archive: Path, target: Path) -> None:
        """See :class:`~provisioner.images.packages.Packages`."""
        tools.run(["dpkg-deb", "-x", str(archive), str(target)])

    def keep_only(self, packages: Iterable[Package]) -> None:
        """See :class:`~provisioner.images.packages.Packages`."""
        wanted = {self._archive(package) for package in packages}
        for path in self._archives.glob("*.deb"):
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _archive(self, package: Package) -> Path:
        return self._archives / f"{package.name}_{package.sha256}.deb"

    def _stanzas(self, wanted: Sequence[str]) -> list[_Stanza]:
        listing = self._apt("apt-cache", "depends", "--recurse", "--important", *wanted).decode()
        names = {line for line in listing.splitlines() if re.match(r"[a-z0-9]", line) and ":" not in line}
        shown = self._apt("apt-cache", "show", "--no-all-versions", *sorted(names)).decode()
        return list(_parse(shown))

    def _apt(
        self,
        program: str,
        *arguments: str,
        cwd: Path | None = None,
        while_running: Callable[[], None] | None = None,
    ) -> bytes:
        self._state.mkdir(parents=True, exist_ok=True)
        settings = self._state / "apt.conf"
        settings.write_text(self._settings())
        return tools.run(
            [program, "-q", *arguments],
            cwd=cwd,
            environment={"APT_CONFIG": str(settings)},
            while_running=while_running,
        )

    def _settings(self) -> str:
        """apt's settings for this cache: the system's own for reaching servers, and none of its hooks."""
        nothing = self._state / "no-settings"
        for folder in (nothing, self._state / "cache" / "archives" / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        system = tools.run(["apt-config", "dump"]).decode().splitlines()
        lines = [line for line in system if _TRANSPORT.match(line)]
        lines += [
            'Dir::Etc::main "/dev/null";',
            f'Dir::Etc::parts "{nothing}";',
            f'Dir::Cache "{self._state}/cache";',
            f'APT::Architecture "{_ARCHITECTURE}";',
        ]
        if self._private:
            lines += [f'Dir::State "{self._state}";', 'Dir::State::status "/var/lib/dpkg/status";']
        return "".join(f"{line}\n" for line in lines)


def _select(wanted: Sequence[_Wanted], stanzas: Iterable[_Stanza]) -> list[Package]:
    """The packages that hold the parts, those that go along, and every library that any of them needs."""
    by_name: dict[str, _Stanza] = {}
    for stanza in stanzas:
        by_name.setdefault(stanza.package.name, stanza)
    absent = [
        f"{each.part.name} ({' or '.join(each.packages)})"
        for each in wanted
        if not each.part.optional and not any(name in by_name for name in each.packages)
    ]
    if absent:
        raise ImageError(
            msg("the package lists have nothing for {absent}", absent=", ".join(absent)), hint=_ABSENT_HINT
        )
    along = {pattern for each in wanted for pattern in each.part.along}
    for stanza in list(by_name.values()):
        for name in stanza.provides:
            by_name.setdefault(name, stanza)
    chosen: dict[str, Package] = {}
    waiting = [by_name[name] for each in wanted for name in each.packages if name in by_name]
    while waiting:
        stanza = waiting.pop()
        if stanza.package.name in chosen:
            continue
        chosen[stanza.package.name] = stanza.package
        for alternatives in stanza.depends:
            dependency = next((by_name[name] for name in alternatives if name in by_name), None)
            if dependency and (
                dependency.section in _LIBRARY_SECTIONS
                or any(fnmatch.fnmatchcase(dependency.package.name, pattern) for pattern in along)
            ):
                waiting.append(dependency)
    return [chosen[name] for name in sorted(chosen)]


def _parse(text: str) -> Iterator[_Stanza]:
    for block in text.strip().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", block, re.MULTILINE))
        if fields.get("Architecture") not in (_ARCHITECTURE, "all") or "SHA256" not in fields:
            continue
        depends = f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}"
        yield _Stanza(
            Package(fields["Package"], fields["Version"], fields["SHA256"], int(fields["Size"])),
            fields.get("Section", "").rpartition("/")[2],
            tuple(tuple(map(_name, group.split("|"))) for group in depends.split(",") if group.strip()),
            tuple(_name(name) for name in fields.get("Provides", "").split(",") if name.strip()),
        )


def _name(dependency: str) -> str:
    """The bare name in ``name:any (>= version)``."""
    return re.split(r"[\s:(]", dependency.strip(), maxsplit=1)[0]


def _age(lists: Path) -> float:
    """When the newest list in the folder was fetched, in seconds since the epoch; 0 for never."""
    return max((path.stat().st_mtime for path in lists.glob("*Release")), default=0.0)


def _is(package: Package, path: Path) -> bool:
    if not path.is_file() or path.stat().st_size != package.size:
        return False
    with path.open("rb") as archive:
        return hashlib.file_digest(archive, "sha256").hexdigest() == package.sha256
