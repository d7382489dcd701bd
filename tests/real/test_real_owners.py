"""Several users of one daemon: nobody sees or touches what is another's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from driver import Virtlab, together

Neighbour = Callable[[], Virtlab]


@pytest.fixture
def neighbour(system: Virtlab, tmp_path: Path) -> Iterator[Neighbour]:
    """Makes accounts that may use the system's daemon, and have other names than this one.

    The daemon asks who is root and nothing else without polkit: so they are root, under names
    that only they see, in a mount namespace with an account database of its own.
    """
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("a second account on the system's daemon needs a mount namespace (unshare -m)")
    made: list[Virtlab] = []

    def make() -> Virtlab:
        name = f"vltest{os.urandom(2).hex()}"
        accounts = tmp_path / name
        lines = Path("/etc/passwd").read_text().splitlines(keepends=True)
        accounts.write_text("".join([f"{name}:x:0:0::/root:/bin/sh\n", *lines]))
        script = f'mount --bind {accounts} /etc/passwd && exec "$@"'
        account = replace(system, owner=name, prefix=("unshare", "-m", "sh", "-ec", script, "sh"), used=[])
        made.append(account)
        return account

    yield make
    for account in made:
        account("down", "--all")
        assert [t for name in account.used for t in account.traces(name)] == []


def test_neighbours_on_the_system_daemon(neighbour: Neighbour) -> None:
    first, second = neighbour(), neighbour()
    lab = first.lab()
    name = first.name()
    second.used.append(name)
    extra = first.name()
    wanted = ((first, name), (second, name), (first, extra))
    together(*(account.begin("up", str(lab), "--as", instance) for account, instance in wanted))
    assert set(first.pids(name)) == set(second.pids(name)) == {"one"}
    mine, theirs = first.status(name), second.status(name)
    assert mine is not None
    assert theirs is not None
    assert (mine["owner"], theirs["owner"]) == (first.owner, second.owner)
    for key in ("mac", "address"):
        assert mine["guests"][0]["interfaces"][0][key] != theirs["guests"][0]["interfaces"][0][key]

    pids = second.pids(name)
    assert extra not in second("status", "-o", "name").ended(0).out
    assert second("exec", f"{extra}/one", "--", "true").code == 125
    assert second("down", extra).ended(0).out == f"{extra}: not up\n"
    assert second("stop", extra).code == 1

    done = first("down", "--all").ended(0)
    assert sorted(done.out.splitlines()) == sorted([f"{name}: down", f"{extra}: down"])
    assert first.traces(name) == first.traces(extra) == []
    assert second.pids(name) == pids
    second("exec", f"{name}/one", "--", "true").ended(0)
    assert first("down").ended(0).out == "nothing is up\n"
    assert second("down").ended(0).out == f"{name}: down\n"


def test_root_and_an_ordinary_user_do_not_see_each_other(system: Virtlab, session: Virtlab) -> None:
    name = system.name()
    session.used.append(name)
    together(*(a.begin("up", str(a.lab()), "--as", name) for a in (system, session)))
    assert set(system.pids(name)) == set(session.pids(name)) == {"one"}
    for account in (system, session):
        entries = [e for e in json.loads(account("status", "-o", "json").out) if e["instance"] == name]
        assert [(e["connection"], e["owner"]) for e in entries] == [(account.uri, account.owner)]
    session("down", "--all").ended(0)
    assert session.traces(name) == []
    assert set(system.pids(name)) == {"one"}


def test_an_ordinary_user_is_never_asked_for_a_password(session: Virtlab) -> None:
    if not Path("/run/libvirt/libvirt-sock").exists():
        pytest.skip("no system daemon to be refused by")
    refused = session("status", "-c", "qemu:///system", timeout=20)
    if refused.code == 0:
        pytest.skip("this machine's system daemon lets every user in")
    assert refused.code == 1
    assert "-c qemu:///session" in refused.err
    assert "assword" not in refused.err
