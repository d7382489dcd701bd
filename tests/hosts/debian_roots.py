"""Makes Debian systems in folders, and keeps them for a day.

Below the folder of all roots each suite has one of its own:

    base/        the system as mmdebstrap made it, with nothing of ours in it
    made         when that was, and from what; it is written last, so that half a system is none
    downloads/   what its package managers fetched, for the next run
    work/        a copy of base, in which one run works; removed when it is over
    lock         held by that run
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import CERTIFICATES

SUITES = ("bookworm", "trixie", "forky")  # what is tried where nobody names others
FRESH_SECONDS = 24 * 3600  # as long as a system that was made serves again: packages change every day
INCLUDED = ("ca-certificates", "git", "procps", "iproute2", "util-linux")
LEARNER_ID = 1000
# What a run has to download is kept: the system's own packages, the guests', and Python's for each account.
_DOWNLOADS = (
    ("apt", "/var/cache/apt/archives", 0),
    ("images", "/root/.cache/virtlab", 0),
    ("pip", "/root/.cache/pip", 0),
    ("pip-learner", "/home/learner/.cache/pip", LEARNER_ID),
)
# The lists of testing and unstable may be older on a mirror than they say they may be.
_ANY_AGE = 'Acquire::Check-Valid-Until "false"'
_ADD_LEARNER = (
    f'chroot "$1" useradd --create-home --shell /bin/bash --uid {LEARNER_ID} learner && '
    'chroot "$1" install --directory --owner=learner --group=learner /home/learner/.cache'
)


def default_folder() -> Path:
    """Where roots are kept when nobody says otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "virtlab-hosts"


def obstacle() -> str | None:
    """Why no root can be made here, if so."""
    if os.geteuid() != 0:
        return "making and entering a system in a folder needs root"
    missing = [tool for tool in ("mmdebstrap", "unshare", "nsenter", "setpriv") if shutil.which(tool) is None]
    if missing:
        return f"{missing[0]} is missing: as root, apt-get install {missing[0]}"
    spaces = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--fork"]
    mounted = subprocess.run(
        [*spaces, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        return f"root may not mount in name spaces of its own here: {mounted.stderr.strip()}"
    return None


class SuiteRoot:
    """The root of one suite, below the folder of all roots."""

    def __init__(self, folder: Path, suite: str) -> None:
        self.suite = suite
        self._home = folder / suite
        self._base = self._home / "base"
        self._made = self._home / "made"

    def is_fresh(self, now: float) -> bool:
        """Whether the base is there, whole, made as it is made today, and not too old."""
        try:
            when, recipe = self._made.read_text().split()
            return recipe == _recipe() and 0 <= now - float(when) < FRESH_SECONDS
        except (OSError, ValueError):
            return False

    @contextmanager
    def copy(self) -> Iterator[Path]:
        """A new copy of the base to work in, which is gone afterwards. One run at a time."""
        self._home.mkdir(parents=True, exist_ok=True)
        work = self._home / "work"
        with (self._home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.is_fresh(time.time()):
                self._make()
            _remove(work)
            try:
                subprocess.run(["cp", "-a", "--reflink=auto", self._base, work], check=True)
                yield work
            finally:
                _remove(work)

    def shared(self) -> list[tuple[Path, str]]:
        """The folders that keep what is downloaded, and where they belong in a new system."""
        pairs = []
        for name, place, owner in _DOWNLOADS:
            folder = self._home / "downloads" / name
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, owner, owner)
            if name == "images":
                _forget_images(folder)
            pairs.append((folder, place))
        return pairs

    def _make(self) -> None:
        self._made.unlink(missing_ok=True)
        _remove(self._base)
        done = subprocess.run(
            [
                *("setpriv", "--pdeathsig", "TERM"),  # not to go on where the tests are killed
                *("unshare", "--mount"),  # what it mounts goes with it, even where it is killed
                *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(INCLUDED)}"),
                "--skip=cleanup/apt/lists",  # a Debian that somebody has installed has them
                *(f"--aptopt={_ANY_AGE}", "--dpkgopt=force-unsafe-io", f"--customize-hook={_ADD_LEARNER}"),
                *(self.suite, str(self._base)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"mmdebstrap could not make {self.suite}:\n{done.stderr[-3000:]}")
        for name in ("resolv.conf", "hosts"):  # names are found as on this host
            shutil.copyfile(f"/etc/{name}", self._base / "etc" / name)
        if (Path("/") / CERTIFICATES).exists():  # a proxy's, for one, that only this host knows
            shutil.copyfile(Path("/") / CERTIFICATES, self._base / CERTIFICATES)
        self._made.write_text(f"{int(time.time())} {_recipe()}\n")


def _recipe() -> str:
    """A digest of how systems are made: a change makes them anew."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


def _forget_images(cache: Path) -> None:
    """Leaves in virtlab's cache only what it downloaded, so that all images are built anew."""
    for entry in cache.iterdir():
        if entry.name != "packages":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _remove(folder: Path) -> None:
    """Removes a system. Nothing is mounted there: mounts are made in name spaces that end with their run."""
    if folder.exists():
        shutil.rmtree(folder)
