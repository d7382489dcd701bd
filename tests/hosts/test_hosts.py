"""Every lab on every Debian: from a fresh clone, as root and as an ordinary user, as the README says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import emulated_svm
import pytest
from debian_host import Host
from debian_roots import SUITES
from machine import Account

from provisioner.model import naming

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

FIRST = "demo-paravirt"
# What doctor may say of this host's hardware; that KVM is there and can't be used is not among it.
NO_HARDWARE = ("the processor shows neither vmx nor svm", "this host has no /dev/kvm")


@pytest.fixture
def quick(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--quick"))


def test_all_images_are_built(host: Host, account: Account) -> None:
    host.prepared[account.name].ended()


def test_doctor_finds_nothing_to_mend(host: Host, account: Account) -> None:
    with host.section.timed("`doctor`", account.name) as cell:
        found = host.examined(account)
        wrong = [check for check in found["checks"] if not check["good"]]
        emulated = any(check["name"] == "accelerator" for check in wrong)
        cell.told = "clean, emulated" if emulated else "clean, with KVM"
        assert found["fit"]
        assert not [check for check in wrong if not excused(check, host.section.suite)]


def test_lab(host: Host, account: Account, lab: str, quick: bool) -> None:
    with host.section.timed(f"`{lab}`", account.name) as cell:
        (verdict,) = [verdict for verdict in host.examined(account)["labs"] if verdict["name"] == lab]
        if verdict["how"] == "not":
            host.virtlab(account, "up", lab).ended(1)
            cell.told = f"can't run: {verdict['why']}"
            return
        try:
            cell.told = used(host, account, lab, quick=quick)
        except AssertionError:
            if lab not in emulated_svm.LABS or verdict["how"] != "emulated":
                raise
            cell.told = f"{used(host, account, lab, quick=quick)}, at the second try"


def used(host: Host, account: Account, lab: str, *, quick: bool) -> str:
    """What somebody does with a lab who came to learn, and what its checks came to."""
    with up(host, account, lab):
        told = checked(host, account, lab)
        if not quick:
            assert host.virtlab(account, "compare", lab).ended().out.strip()
            look_at_report(host, account, lab)
        if lab == FIRST:
            kernel = host.virtlab(account, "exec", f"{lab}/virtio", "--", "uname", "-r").ended().out
            host.section.versions["Linux"] = kernel.strip()
    return told


def test_bench(host: Host, account: Account, quick: bool) -> None:
    if quick:
        pytest.skip("left out by --quick")
    with host.section.timed(f"`{FIRST}`, `bench --quick`", account.name) as cell, up(host, account, FIRST):
        measured = host.virtlab(account, "bench", FIRST, "--quick", "-o", "json", limit=400).ended()
        outcomes = json.loads(measured.out)["outcomes"]
        incomplete = [
            f"{outcome['workload']} of {series['guest']}: {series['missing'] or 'no numbers'}"
            for outcome in outcomes
            for series in outcome["series"]
            if series["missing"] or not series["values"]
        ]
        assert not incomplete
        assert outcomes
        cell.told = f"{len(outcomes)} measurements"


def excused(check: dict[str, Any], suite: str) -> bool:
    """Whether what doctor finds is no fault of virtlab's, nor of how it was set up."""
    if check["name"] == "accelerator":
        return any(words in check["told"] for words in NO_HARDWARE)
    return check["name"] == "release" and suite not in SUITES  # it says that nobody has tried that one


@contextmanager
def up(host: Host, account: Account, lab: str) -> Iterator[None]:
    """The lab, up; afterwards down, with nothing left of it."""
    try:
        host.virtlab(account, "up", lab, limit=400).ended()
        yield
    except BaseException:
        host.virtlab(account, "down", lab)  # for the labs that follow; why this one failed is told already
        raise
    host.virtlab(account, "down", lab).ended()
    remains = left(host, account)
    assert not remains


def checked(host: Host, account: Account, lab: str) -> str:
    """Holds the lab's claims, none of which may fail, and says how many could be held."""
    outcome = host.virtlab(account, "check", lab, "-o", "json", limit=300)
    findings: list[dict[str, Any]] = json.loads(outcome.out)["findings"] if outcome.out else []
    failed = [
        f"{found['guest']} {found['item']}: {found['why'] or found['saw']}; expected: {found['expect']}"
        for found in findings
        if found["verdict"] == "fail"
    ]
    assert not failed
    outcome.ended()
    verdicts = Counter(finding["verdict"] for finding in findings)
    assert verdicts["pass"]
    return f"{verdicts['pass']} checks" + (
        f", {verdicts['impossible']} not possible" if verdicts["impossible"] else ""
    )


def look_at_report(host: Host, account: Account, lab: str) -> None:
    page = f"{account.home}/report.html"
    host.virtlab(account, "report", lab, "-O", page).ended()
    written = (host.folder / page.lstrip("/")).read_text()
    assert lab in written
    assert written.rstrip().endswith("</html>")


def left(host: Host, account: Account) -> list[str]:
    """What labs have left on the machine. The images stay; they are no lab's."""

    def virsh(*args: str) -> str:
        return host.machine.run("virsh", "-q", "-c", account.connection, *args, account=account).ended().out

    volumes = [line.split()[0] for line in virsh("vol-list", naming.POOL).splitlines() if line.strip()]
    links = host.machine.run("ls", "/sys/class/net").ended().out.split()
    processes = host.machine.run("ps", "-e", "-o", "comm=").ended().out.split()
    return [
        *(f"domain {name}" for name in virsh("list", "--all", "--name").split()),
        *(f"network {name}" for name in virsh("net-list", "--all", "--name").split() if name != "default"),
        *(f"volume {name}" for name in volumes if not name.startswith(naming.IMAGE_PREFIX)),
        *(f"interface {name}" for name in links if name.startswith(("vl", "vnet", "tap"))),
        *(f"process {name}" for name in processes if name.startswith(("qemu", "dnsmasq", "passt", "iperf"))),
    ]
