"""./bootstrap and the host: system packages, whoever may install them, shells, /dev/kvm, libvirt's daemon."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_clone import NOBODY, REPOSITORY, environment, run


@pytest.fixture
def without_qemu_utils(clone: Path) -> str:
    """A package database, readable by all, in which only qemu-utils is not installed."""
    status = Path("/var/lib/dpkg/status")
    if not status.exists():
        pytest.skip("no dpkg here")
    folder = clone.parent / "dpkg"
    folder.mkdir(exist_ok=True)
    text = status.read_text()
    (folder / "status").write_text(re.sub(r"(?ms)^Package: qemu-utils\n.*?\n\n", "", text))
    return str(folder)


INSTALL_COMMAND = "apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends qemu-utils\n"


@pytest.fixture
def ordinary_user() -> int:
    return NOBODY if os.geteuid() == 0 else os.geteuid()


def test_ordinary_user_without_terminal_is_told_the_command(
    clone: Path, without_qemu_utils: str, ordinary_user: int
) -> None:
    told = run("./bootstrap", "echo", "ran", cwd=clone, user=ordinary_user, DPKG_ADMINDIR=without_qemu_utils)
    assert (told.returncode, told.stdout) == (1, "")
    assert "system packages are missing: qemu-utils" in told.stderr
    assert INSTALL_COMMAND in told.stderr
    if shutil.which("sudo"):
        assert "    sudo env DEBIAN_FRONTEND=noninteractive apt-get" in told.stderr


@pytest.mark.skipif(shutil.which("sudo") is None, reason="needs sudo")
def test_ordinary_user_may_decline(clone: Path, without_qemu_utils: str, ordinary_user: int) -> None:
    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        ["./bootstrap", "true"],
        cwd=clone,
        env=environment(DPKG_ADMINDIR=without_qemu_utils),
        stdin=theirs,
        stderr=theirs,
        user=ordinary_user,
        group=ordinary_user,
        extra_groups=[],
    )
    os.close(theirs)
    told = ""
    while "[Y/n]" not in told:
        told += os.read(ours, 4096).decode()
    os.write(ours, b"n\n")
    assert asked.wait(timeout=30) == 1
    told += os.read(ours, 4096).decode()
    os.close(ours)
    assert INSTALL_COMMAND.strip() in told
    assert "nothing was installed" in told


def test_nothing_missing_needs_no_root(clone: Path, ordinary_user: int) -> None:
    ran = run("./bootstrap", "echo", "ran", cwd=clone, user=ordinary_user)
    assert (ran.returncode, ran.stdout) == (0, "ran\n"), ran.stderr
    assert "installing" not in ran.stderr


@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"], ["bash", "--posix"]])
def test_runs_under_every_posix_shell(clone: Path, shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} here")
    shown = run(*shell, "./bootstrap", "virtlab", "x", cwd=clone)
    assert shown.stdout.splitlines() == ["./bootstrap virtlab", "['x']"], shown.stderr


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_shellcheck_finds_nothing() -> None:
    checked = run("shellcheck", "bootstrap", ".ci/run", ".ci/pythons", cwd=REPOSITORY)
    assert checked.returncode == 0, checked.stdout


# With a /dev and a /run of its own, so that the real device stays as it is.
KVM_SCRIPT = r"""
set -u
own=$1 state=$2 around=$3
mount --make-rprivate / && mount -t tmpfs tmpfs "$own" && mount -t tmpfs tmpfs /run || exit
mount -t tmpfs -o mode=755 tmpfs /dev && mknod -m 666 /dev/null c 1 3 || exit
node=/dev/kvm
case $around in
    udev) mkdir /run/udev ;;
    lent) node=$own/kvm && : >/dev/kvm ;;
    shared)
        echo '24 27 0:6 / /dev rw,relatime shared:2 - devtmpfs udev rw,mode=755' >"$own/mountinfo"
        mount --bind "$own/mountinfo" "/proc/$$/mountinfo" || exit
        ;;
esac
mknod "$node" c 10 232 && chown "${state%:*}" "$node" && chmod "${state##*:}" "$node" || exit
[ "$node" = /dev/kvm ] || mount --bind "$node" /dev/kvm || exit
FUNCTIONS
echo ready
open_kvm 2>&1
stat -c %U:%G:%a /dev/kvm
"""
NO_GROUP = 424242  # a number that no group here has


@pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces and devices, as root")
@pytest.mark.parametrize(
    ("state", "around", "mended"),
    [
        ("0:0:600", "", True),  # as the kernel makes it
        (f"0:{NO_GROUP}:660", "", True),  # as a container gets it from a host whose group kvm has that number
        (f"0:{NO_GROUP}:600", "", True),
        (f"0:{NO_GROUP}:666", "", False),  # open to all
        (f"0:{NO_GROUP}:640", "", False),
        (f"65534:{NO_GROUP}:660", "", False),
        ("0:1:660", "", False),  # a group that there is may have been chosen
        ("0:0:660", "", False),
        ("0:0:600", "udev", False),
        (f"0:{NO_GROUP}:660", "udev", False),
        (f"0:{NO_GROUP}:660", "given", False),
        (f"0:{NO_GROUP}:660", "lent", False),
        (f"0:{NO_GROUP}:660", "shared", False),
    ],
)
def test_kvm_is_opened_only_where_nobody_chose_otherwise(
    state: str, around: str, mended: bool, tmp_path: Path
) -> None:
    if run("getent", "group", "kvm", cwd=tmp_path).returncode != 0:
        pytest.skip("there is no group kvm here")
    text = (REPOSITORY / "bootstrap").read_text()
    functions = "\n".join(re.findall(r"(?ms)^(?:say|open_kvm|kvm_is_copied)\(\) \{.*?\}$", text))
    groups = f"0,{NO_GROUP}" if around == "given" else "0"
    told = run(
        *("unshare", "-m", "setpriv", "--groups", groups, "sh", "-c"),
        *(KVM_SCRIPT.replace("FUNCTIONS", functions), "sh", tmp_path, state, around),
        cwd=tmp_path,
    )
    if "ready" not in told.stdout:
        pytest.skip(f"namespaces and devices can't be made here: {told.stderr}")
    lines = told.stdout.splitlines()[1:]
    if mended:
        assert lines == ["bootstrap: gave /dev/kvm its usual group and mode (kvm, 0660)", "root:kvm:660"]
    else:
        assert lines[-1] != "root:kvm:660"
        assert len(lines) == 1


# A daemon with a guest, as libvirtd has them: the guest outlives it, and whoever reaps is its parent then.
GUEST_SCRIPT = r"""
FUNCTIONS
is_root() { false; }
venv=$2
SYSTEM_PATH=$1:$PATH
cat >"$1/the-daemon" <<'END'
#!/bin/sh
sh -c 'sleep 60 >/dev/null 2>&1 & echo $! >guest.new'
echo $$ >daemon
mv guest.new guest
exec sleep 60
END
sed -i "2i cd '$1'" "$1/the-daemon"
chmod +x "$1/the-daemon"
launch "$1" the-daemon
until [ -e "$1/guest" ]; do sleep 0.05; done
guest=$(cat "$1/guest")
daemon=$(cat "$1/daemon")
follower=$(ps -o ppid= -p "$daemon" | tr -d ' ')
state() { cat "/proc/$(ps -o ppid= -p "$1" | tr -d ' ')/comm"; }
state "$guest"
kill -9 "$daemon"
while [ -e "/proc/$daemon" ]; do sleep 0.05; done
sleep 0.3
state "$guest"
kill -9 "$guest"
sleep 0.3
[ -e "/proc/$guest" ] || echo reaped
kill "$follower" # sooner than it would look
"""


@pytest.mark.skipif(shutil.which("tini") is None, reason="needs tini")
def test_guests_are_reaped_when_their_daemon_was_killed(tmp_path: Path) -> None:
    """Of one that process 1 did not reap, libvirt's next daemon said that it can't be ended, and waited."""
    text = (REPOSITORY / "bootstrap").read_text()
    parts = re.findall(r"(?ms)^(?:launch\(\) \(.*?^\)$|FOLLOWED='.*?'$)", text)
    script = GUEST_SCRIPT.replace("FUNCTIONS", "\n".join(parts))
    told = run("sh", "-c", script, "sh", tmp_path, sys.prefix, cwd=tmp_path)
    assert told.stdout == "tini\ntini\nreaped\n", told.stderr


# In namespaces of its own, with private folders for all that libvirt keeps, so that this machine's
# daemon and networks notice nothing. All processes end with the first one.
DAEMON_SCRIPT = r"""
set -eu
mount --make-rprivate /
for folder in /run /var/log/libvirt /var/lib/libvirt /etc/libvirt/qemu; do
    mount -t tmpfs -o mode=755 tmpfs $folder
done
if [ -e /dev/kvm ]; then
    mknod "$1/kvm" c 10 232
    chmod 600 "$1/kvm"
    mount --bind "$1/kvm" /dev/kvm
fi
echo "== absent"
timeout 60 ./bootstrap virsh -c qemu:///system uri 2>&1 | cat
if [ -e /dev/kvm ]; then stat -c 'kvm %G %a' /dev/kvm; fi
held_open() { ls -l "$@" 2>/dev/null | grep -c held-open || true; } # others may close while it lists
held_open "/proc/$(cat /run/libvirtd.pid)/fd" "/proc/$(cat /run/virtlogd.pid)/fd"
echo "== running"
./bootstrap true 2>&1
echo "== killed"
kill -9 "$(cat /run/libvirtd.pid)"
while [ -d "/proc/$(cat /run/libvirtd.pid)" ]; do sleep 0.05; done
test -S /run/libvirt/libvirt-sock
./bootstrap true 2>&1
echo "== log daemon killed"
kill -9 "$(cat /run/virtlogd.pid)"
while [ -d "/proc/$(cat /run/virtlogd.pid)" ]; do sleep 0.05; done
before=$(cat /run/libvirtd.pid)
./bootstrap true 2>&1
cat "/proc/$(cat /run/virtlogd.pid)/comm"
[ "$before" = "$(cat /run/libvirtd.pid)" ] && echo the same libvirtd
for folder in "$2/home" "$2/runtime dir"; do
    mkdir -m 700 "$folder"
    chown 65534:65534 "$folder"
done
export HOME="$2/home"
setpriv() { command setpriv --reuid=65534 --regid=65534 "$@" 2>&1; }
ordinary() { setpriv --clear-groups "$@"; }
state() { ps -o ppid=,pid= -C libvirtd | while read -r above pid; do
    echo "$(cat /proc/$above/comm) $(stat -c %U /proc/$pid) $(tr '\0' ' ' </proc/$pid/cmdline)"; done; }
echo "== member of a group that the socket is open to"
chown root:65533 /run/libvirt/libvirt-sock
chmod 660 /run/libvirt/libvirt-sock
setpriv --groups 65533 ./bootstrap echo ran
chmod 666 /run/libvirt/libvirt-sock
state
echo "== ordinary user"
ordinary ./bootstrap virsh -c qemu:///session uri
state
pid=$(cat "$2/home/.cache/libvirt/libvirtd.pid")
held_open "/proc/$pid/fd"
echo "== ordinary user again"
ordinary ./bootstrap virsh -q -c qemu:///session list --all
echo "== ordinary user with a runtime folder"
kill -9 "$pid"
export XDG_RUNTIME_DIR="$2/runtime dir"
ordinary ./bootstrap virsh -c qemu:///session uri
cmp "$2/runtime dir/libvirt/libvirtd.pid" "$2/home/.cache/libvirt/libvirtd.pid" || echo of its own
state
echo "== ordinary user whose folders are not writable"
unset XDG_RUNTIME_DIR
HOME=/ ordinary ./bootstrap echo ran
"""


@pytest.mark.real
@pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces, as root")
def test_daemon_is_started_where_nothing_else_does(clone: Path, tmp_path: Path) -> None:
    held_open = (tmp_path / "held-open").open("w")
    os.dup2(held_open.fileno(), 200, inheritable=True)
    try:
        done = subprocess.run(
            [
                "unshare",
                "-m",
                "-p",
                "-n",
                "--fork",
                "--mount-proc",
                "sh",
                "-c",
                DAEMON_SCRIPT,
                "sh",
                tmp_path,
                clone.parent,
            ],
            cwd=clone,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            pass_fds=[200],
        )
    finally:
        os.close(200)
        held_open.close()
    if "unshare failed" in done.stdout or "mount: " in done.stdout:
        pytest.skip("namespaces can't be made here")
    assert done.returncode == 0, done.stdout
    parts = dict(re.findall(r"(?ms)^== (.*?)\n(.*?)(?=^== |\Z)", done.stdout))
    started = "virtlogd and libvirtd were started in the background; to stop them: kill"
    assert started in parts["absent"]
    assert "\nqemu:///system\n" in parts["absent"]
    if Path("/dev/kvm").exists():
        assert "kvm kvm 660" in parts["absent"]
    assert parts["absent"].endswith("\n0\n"), "the daemons keep a file of the caller's open"
    assert parts["running"] == ""
    assert started in parts["killed"]
    assert started in parts["log daemon killed"]
    assert parts["log daemon killed"].endswith("\nvirtlogd\nthe same libvirtd\n")
    system = "sh root libvirtd \n"
    own = "sh nobody libvirtd --timeout=120 \n"
    told = (
        "bootstrap: no systemd here, so your own libvirtd was started in the background; "
        "it ends when it is idle for 2 minutes\n"
    )
    assert parts["member of a group that the socket is open to"] == f"ran\n{system}"
    assert parts["ordinary user"] == f"{told}qemu:///session\n\n{system}{own}0\n"
    assert parts["ordinary user again"] == ""
    beside = parts["ordinary user with a runtime folder"]
    assert beside.startswith(f"{told}qemu:///session\n\n")
    assert beside.endswith(f"of its own\n{system}{own}"), beside
    assert "your own libvirtd could not be started" in parts["ordinary user whose folders are not writable"]
    assert parts["ordinary user whose folders are not writable"].endswith("\nran\n")
