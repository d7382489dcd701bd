"""Real libvirt and QEMU: the system's daemon, and a throw-away account with a daemon of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import emulated_svm
import libvirt
import pytest
from driver import Virtlab, end_all_of

from provisioner.host.local_host import LocalHost, user_name
from provisioner.model import naming

HERE = Path(__file__).parent
PROJECT = HERE.resolve().parents[1]
SYSTEM = "qemu:///system"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    emulated = not {"vmx", "svm"} & (LocalHost().processor_flags() or frozenset())
    for item in items:
        if item.path.parent != HERE:
            continue
        item.add_marker(pytest.mark.real)
        if emulated and isinstance(item, pytest.Function) and _lab(item) in emulated_svm.LABS:
            item.add_marker(pytest.mark.flaky(reruns=1))


def _lab(item: pytest.Function) -> str | None:
    lab: str | None = getattr(item.module, "LAB", None)
    return lab


def _clean_environment() -> dict[str, str]:
    """The environment without what would steer virtlab or libvirt. Workers of pytest-xdist have the size of a
    terminal in it, which goes before that of the terminals of the tests."""
    steering = ("VIRTLAB", "LIBVIRT", "XDG_", "NO_COLOR", "LANG", "LC_", "COLUMNS", "LINES")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(steering)}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm", "PYTHONPATH": str(PROJECT)}


def _system_obstacle() -> str | None:
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        libvirt.open(SYSTEM).close()
    except libvirt.libvirtError as error:
        return f"{SYSTEM} can't be used by {user_name()}: {error.get_error_message()}"
    return None


@pytest.fixture(scope="session")
def system_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Virtlab]:
    """virtlab on the system's daemon, as the account that runs the tests; its image is there."""
    obstacle = _system_obstacle()
    if obstacle:
        pytest.skip(f"{obstacle} (as root, ./bootstrap pytest starts it and may use it)")
    home = tmp_path_factory.mktemp("home")
    virtlab = Virtlab(
        uri=SYSTEM,
        owner=naming.owner_slug(user_name()),
        home=home,
        prefix=(),
        python=sys.executable,
        env={**_clean_environment(), "XDG_STATE_HOME": str(home / "state")},
        places=(Path("/etc/libvirt"), Path("/var/lib/libvirt"), Path("/run/libvirt")),
    )
    virtlab("prepare", "demo-paravirt", timeout=280).ended(0)
    with virtlab.kept_ready():
        yield virtlab


@pytest.fixture(scope="session")
def session_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Virtlab]:
    """virtlab as an ordinary, throw-away user, whose libvirt daemon is started by using it."""
    if os.geteuid() != 0:
        pytest.skip("making a throw-away user for qemu:///session needs root")
    for tool in ("useradd", "userdel", "setpriv", "libvirtd"):
        if shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            pytest.skip(f"a throw-away user with a libvirt of its own needs {tool}")
    name = f"vltest{os.urandom(2).hex()}"
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)
    account = pwd.getpwnam(name)
    home = Path(account.pw_dir)
    try:
        prefix = ("setpriv", f"--reuid={name}", f"--regid={account.pw_gid}", "--init-groups")
        env = {"HOME": str(home), "USER": name, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm"}
        virtlab = Virtlab(
            uri="qemu:///session",
            owner=naming.owner_slug(name),
            home=home,
            prefix=prefix,
            python=sys.executable,
            env={**env, "PYTHONPATH": str(PROJECT)},
            places=(home,),
            uid=account.pw_uid,
        )
        if not _can_run(virtlab):
            _bring_python(virtlab)
        virtlab("prepare", "demo-paravirt", timeout=280).ended(0)
        with virtlab.kept_ready():
            yield virtlab
    finally:
        end_all_of(account.pw_uid)
        subprocess.run(["userdel", "--remove", name], check=True, capture_output=True)


def _can_run(virtlab: Virtlab) -> bool:
    try:
        return virtlab("list").code == 0
    except PermissionError:
        return False


def _bring_python(virtlab: Virtlab) -> None:
    """Copies the project and its packages to a user who can't read them where they are."""
    packages = virtlab.home / "packages"
    others = shutil.ignore_patterns("mypy*", "pip*", "provisioner")
    shutil.copytree(sysconfig.get_path("purelib"), packages, ignore=others)
    for part in ("provisioner", "templates", "labs"):
        shutil.copytree(PROJECT / part, packages / part)
    virtlab.python = str(Path(sys.executable).resolve())
    virtlab.env["PYTHONPATH"] = str(packages)


def _checked(virtlab: Virtlab) -> Iterator[Virtlab]:
    """Takes down what a test left up, and then wants nothing to be left."""
    virtlab.used = []
    yield virtlab
    used, virtlab.used = virtlab.used, []
    there = [name for name in used if virtlab.traces(name)]
    for name in there:
        if virtlab.status(name):
            virtlab("down", name).ended(0)
    left = {name: traces for name in there if (traces := virtlab.traces(name))}
    assert not left


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest, system_account: Virtlab) -> Iterator[str]:
    """The lab that the module calls LAB, up for all its tests, each of which leaves it as it was.

    Nothing is left of it afterwards. A machine inside an emulated one is slow where others run, too.
    """
    lab: str = request.module.LAB
    name = f"{lab.replace('demo-', 't-')}-{os.urandom(2).hex()}"  # two modules may have the same one up
    _bring_up(system_account, lab, name)
    yield name
    system_account("down", name).ended(0)
    assert not system_account.traces(name)


def _bring_up(virtlab: Virtlab, lab: str, name: str) -> None:
    virtlab("up", lab, "--as", name, "--timeout", "300", timeout=700).ended(0)


@pytest.fixture(autouse=True)
def anew_for_the_second_try(request: pytest.FixtureRequest) -> None:
    """A test that is run again because its lab may hang gets that lab anew."""
    if getattr(request.node, "execution_count", 1) == 1 or "shared" not in request.fixturenames:
        return
    name: str = request.getfixturevalue("shared")
    virtlab: Virtlab = request.getfixturevalue("system_account")
    virtlab("down", name).ended(0)
    _bring_up(virtlab, request.module.LAB, name)


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """The environment of a learner who has not done anything yet."""
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}


@pytest.fixture
def system(system_account: Virtlab) -> Iterator[Virtlab]:
    yield from _checked(system_account)


@pytest.fixture
def session(session_account: Virtlab) -> Iterator[Virtlab]:
    yield from _checked(session_account)


@pytest.fixture(params=["system", "session"])
def virtlab(request: pytest.FixtureRequest) -> Virtlab:
    """virtlab on either connection, one after the other."""
    found: Virtlab = request.getfixturevalue(request.param)
    return found
