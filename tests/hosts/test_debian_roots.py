"""When a kept system serves again, with a mmdebstrap that makes next to nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import debian_roots
import pytest
from debian_roots import FRESH_SECONDS, SuiteRoot

MMDEBSTRAP = """\
#!/bin/sh
[ ! -e "$0.fails" ] || { echo "E: no such suite" >&2; exit 1; }
echo "$*" >>"$0.calls"
for root; do :; done
mkdir -p "$root/etc/ssl/certs"
echo made >"$root/etc/made"
"""


@pytest.fixture
def mmdebstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program; it is on the path."""
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(MMDEBSTRAP)
    program.chmod(0o755)
    if os.geteuid() != 0:  # who may have no name space of mounts
        unshare = program.with_name("unshare")
        unshare.write_text('#!/bin/sh\nshift\nexec "$@"\n')
        unshare.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def calls(program: Path) -> list[str]:
    return program.with_name("mmdebstrap.calls").read_text().splitlines()


def test_a_system_is_made_once_and_each_run_works_in_a_copy(tmp_path: Path, mmdebstrap: Path) -> None:
    root = SuiteRoot(tmp_path / "roots", "trixie")
    with root.copy() as work:
        assert (work / "etc/made").read_text() == "made\n"
        assert (work / "etc/hosts").read_text() == Path("/etc/hosts").read_text()
        (work / "etc/made").write_text("changed")
    assert not work.exists()
    with SuiteRoot(tmp_path / "roots", "trixie").copy() as work:
        assert (work / "etc/made").read_text() == "made\n"
    (call,) = calls(mmdebstrap)
    assert call.endswith(f"trixie {tmp_path}/roots/trixie/base")


def test_an_old_system_is_made_anew(tmp_path: Path, mmdebstrap: Path) -> None:
    root = SuiteRoot(tmp_path, "trixie")
    with root.copy():
        pass
    now = time.time()
    assert root.is_fresh(now)
    assert not root.is_fresh(now + FRESH_SECONDS)
    made = tmp_path / "trixie" / "made"
    _, recipe = made.read_text().split()
    made.write_text(f"{now - FRESH_SECONDS} {recipe}")
    with root.copy():
        assert root.is_fresh(now)
    assert len(calls(mmdebstrap)) == 2


def test_a_system_made_in_another_way_is_made_anew(tmp_path: Path, mmdebstrap: Path) -> None:
    root = SuiteRoot(tmp_path, "trixie")
    (tmp_path / "trixie").mkdir()
    (tmp_path / "trixie" / "made").write_text(f"{time.time()} 0123456789abcdef\n")
    assert not root.is_fresh(time.time())
    with root.copy():
        assert root.is_fresh(time.time())


def test_half_a_system_is_none(tmp_path: Path, mmdebstrap: Path) -> None:
    root = SuiteRoot(tmp_path, "trixie")
    with root.copy():
        pass
    (tmp_path / "trixie" / "made").unlink()
    mmdebstrap.with_name("mmdebstrap.fails").touch()
    with (
        pytest.raises(RuntimeError, match="mmdebstrap could not make trixie:\nE: no such suite"),
        root.copy(),
    ):
        pass
    assert not root.is_fresh(time.time())
    assert not (tmp_path / "trixie" / "work").exists()


def test_what_a_killed_mmdebstrap_has_mounted_is_not_left(tmp_path: Path, mmdebstrap: Path) -> None:
    if obstacle := debian_roots.obstacle():
        pytest.skip(obstacle)
    with mmdebstrap.open("a") as program:
        program.write('mkdir "$root/proc" && mount -t proc -o ro proc "$root/proc" && kill -KILL $$\n')
    with pytest.raises(RuntimeError, match="could not make trixie"), SuiteRoot(tmp_path, "trixie").copy():
        pass
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    mmdebstrap.write_text(MMDEBSTRAP)
    with SuiteRoot(tmp_path, "trixie").copy() as work:
        assert (work / "etc/made").exists()


def test_what_a_killed_run_left_is_removed(tmp_path: Path, mmdebstrap: Path) -> None:
    left = tmp_path / "trixie" / "work" / "left"
    left.mkdir(parents=True)
    with SuiteRoot(tmp_path, "trixie").copy():
        assert not left.exists()


def test_where_nothing_can_be_made_it_says_what_is_missing(
    tmp_path: Path, mmdebstrap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert debian_roots.obstacle() == "making and entering a system in a folder needs root"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    unshare = mmdebstrap.with_name("unshare")
    unshare.write_text("#!/bin/sh\necho unshare failed: Operation not permitted >&2; exit 1\n")
    unshare.chmod(0o755)
    told = "root may not mount in name spaces of its own here: unshare failed: Operation not permitted"
    assert debian_roots.obstacle() == told
    monkeypatch.setenv("PATH", "/nonexistent")
    assert debian_roots.obstacle() == "mmdebstrap is missing: as root, apt-get install mmdebstrap"


def test_downloads_are_kept_and_built_images_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {}
    monkeypatch.setattr("os.chown", lambda path, uid, gid: owners.update({path.name: (uid, gid)}))
    folders = {place: folder for folder, place in SuiteRoot(tmp_path, "trixie").shared()}
    cache = folders["/root/.cache/virtlab"]
    for kept in (cache / "packages" / "busybox.deb", folders["/var/cache/apt/archives"] / "qemu.deb"):
        kept.parent.mkdir(exist_ok=True)
        kept.touch()
    (cache / "images" / "tiny").mkdir(parents=True)
    (cache / "lock").touch()
    assert {place: folder for folder, place in SuiteRoot(tmp_path, "trixie").shared()} == folders
    assert [path.name for path in cache.iterdir()] == ["packages"]
    assert (cache / "packages" / "busybox.deb").exists()
    assert (folders["/var/cache/apt/archives"] / "qemu.deb").exists()
    assert owners["pip-learner"] == (debian_roots.LEARNER_ID, debian_roots.LEARNER_ID)
    assert owners["pip"] == (0, 0)
