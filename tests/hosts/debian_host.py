"""A Debian system with virtlab in it, set up from a clone of this checkout by the README's own commands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hosts_table
from debian_roots import SuiteRoot
from machine import LEARNER, ROOT, Account, Machine, Outcome

from provisioner import paths
from provisioner.labfile import catalog

PROJECT = Path(__file__).resolve().parents[2]
GIT = ("git", "-c", "safe.directory=*")  # the checkout may be another account's


@dataclass(frozen=True)
class Host:
    """A running system with virtlab set up for its accounts, on a network of its own."""

    folder: Path
    machine: Machine
    section: hosts_table.Section  # what is found here goes there
    prepared: dict[str, Outcome]  # by account: how prepare --all ended
    _findings: dict[str, dict[str, Any]] = field(default_factory=dict)  # by account: what doctor found

    def virtlab(self, account: Account, *args: str, limit: float = 120) -> Outcome:
        return self.machine.virtlab(*args, account=account, limit=limit)

    def examined(self, account: Account) -> dict[str, Any]:
        """What doctor says of the host and of each lab. It is asked once."""
        if account.name not in self._findings:
            outcome = self.virtlab(account, "doctor", "-o", "json").ended()
            self._findings[account.name] = json.loads(outcome.out)
        return self._findings[account.name]


@contextmanager
def running(root: SuiteRoot, section: hosts_table.Section, accounts: Sequence[Account]) -> Iterator[Host]:
    """A system of this suite, gone afterwards. It is set up online, and then used with no network."""
    with root.copy() as folder:
        prepared, shared = {}, root.shared()
        with Machine(folder, shared, online=True) as machine:
            for account in accounts:
                _set_up(machine, folder, section, account)
                prepared[account.name] = _prepare(machine, section, account)
        section.release, section.versions = _release(folder, root.suite)
        with Machine(folder, shared) as machine:
            yield Host(folder, machine, section, prepared)


def commit() -> str:
    """The commit that clones of this checkout hold."""
    argv = [*GIT, "-C", str(PROJECT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def _set_up(machine: Machine, folder: Path, section: hosts_table.Section, account: Account) -> None:
    """A fresh clone, and all that ./bootstrap brings. Root comes first, and brings the packages for both."""
    clone = folder / account.clone.lstrip("/")
    subprocess.run([*GIT, "clone", "--quiet", "--no-hardlinks", PROJECT, clone], check=True)
    machine.run("chown", "-R", f"{account.name}:", account.clone).ended()
    with section.timed("`./bootstrap true`", account.name) as cell:
        machine.bootstrap("true", account=account, limit=900).ended()
        cell.told = "done"
    if account is LEARNER:
        # what systemd's logind gives to whoever sits at the machine
        machine.run("usermod", "--append", "--groups", "kvm", LEARNER.name).ended()


def _prepare(machine: Machine, section: hosts_table.Section, account: Account) -> Outcome:
    """Builds all images; where one can't be built, all that can, so that their labs can be tried."""
    if account is LEARNER:  # an image does not depend on who builds it, and building takes a minute
        cache = ".cache/virtlab"
        machine.run("cp", "-aT", f"{ROOT.home}/{cache}", f"{LEARNER.home}/{cache}").ended()
        machine.run("chown", "-R", f"{LEARNER.name}:", f"{LEARNER.home}/{cache}").ended()
    with section.timed("`prepare --all`", account.name) as cell:
        outcome = machine.virtlab("prepare", "--all", "-o", "name", account=account, limit=900)
        images = f"{len(outcome.out.split())} images"
        cell.told = f"{images}, as root built them" if account is LEARNER else images
        if outcome.code != 0:
            cell.told = hosts_table.FAILED
            for lab in catalog.names(paths.labs_dir()):
                machine.virtlab("prepare", lab, account=account, limit=600)
    return outcome


def _release(folder: Path, suite: str) -> tuple[str, dict[str, str]]:
    """What the system calls itself, and the versions that the labs stand on there."""
    asked = {
        "QEMU": ("qemu-system-x86_64", "--version"),
        "libvirt": ("libvirtd", "--version"),
        "Python": ("python3", "--version"),
    }
    versions = {"Debian": (folder / "etc/debian_version").read_text().strip()}
    for name, command in asked.items():
        argv = ["chroot", str(folder), *command]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        versions[name] = hosts_table.version(done.stdout)
    return hosts_table.release((folder / "etc/os-release").read_text(), suite), versions
