"""demo-xen: Xen, its Domain 0 and two more domains, as a learner uses them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from driver import Outcome, Virtlab

LAB = "demo-xen"
# Domain 0 comes to pvh anew, and asks at once, while pvh has no turn.
ASKED_EARLY = """
read -r id link </run/virtlab/inner/pvh/link
kill "$link"
sleep 3
xl pause pvh
/usr/lib/virtlab/inner exec pvh -- hostname >/tmp/told 2>/dev/null &
sleep 2
xl unpause pvh
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -s /tmp/told ] || break
    sleep 1
done
cat /tmp/told
"""


def failed(outcome: Outcome) -> set[tuple[str, str]]:
    findings: list[dict[str, Any]] = json.loads(outcome.out)["findings"]
    return {(f["guest"], f["item"]) for f in findings if f["verdict"] != "pass"}


@pytest.mark.timeout(900)
def test_every_claim_of_the_lab_holds(system_account: Virtlab, shared: str, state: dict[str, str]) -> None:
    outcome = system_account("check", shared, "-o", "json", timeout=200, **state).ended(0)
    assert failed(outcome) == set()
    assert {f["guest"] for f in json.loads(outcome.out)["findings"]} == {"dom0", "pv", "pvh"}


@pytest.mark.timeout(900)
def test_a_domain_is_entered_like_any_guest(system_account: Virtlab, shared: str) -> None:
    outcome = system_account("exec", f"{shared}/pv", "--", "sh", "-c", "hostname; echo no >&2; exit 3")
    outcome.ended(3)
    assert outcome.out.strip() == "pv"
    assert "no" in outcome.err


@pytest.mark.timeout(900)
def test_the_orders_of_the_second_exercise(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    step = ("check", shared, "--step", "2")
    assert system_account(*step, **state).code != 0
    system_account("exec", f"{shared}/dom0", "--", "xl", "pause", "pv").ended(0)
    system_account(*step, **state).ended(0)
    system_account("exec", f"{shared}/dom0", "--", "xl", "unpause", "pv").ended(0)
    assert system_account("exec", f"{shared}/pv", "--", "hostname").ended(0).out.strip() == "pv"


@pytest.mark.timeout(900)
def test_a_domain_is_stopped_and_started(system_account: Virtlab, shared: str) -> None:
    pv = f"{shared}/pv"
    system_account("stop", pv, timeout=200).ended(0)
    outcome = system_account("exec", pv, "--", "hostname")
    outcome.ended(125)
    assert "pv does not run" in outcome.err
    assert "pv" not in system_account("exec", f"{shared}/dom0", "--", "xl", "list").ended(0).out.split()
    system_account("start", pv, timeout=200).ended(0)
    assert system_account("exec", pv, "--", "hostname").ended(0).out.strip() == "pv"


@pytest.mark.timeout(900)
def test_the_console_of_a_domain(system_account: Virtlab, shared: str) -> None:
    """It is within Domain 0's console, which is no serial port; twice, so that it was left well."""
    for _ in range(2):
        screen = system_account.terminal("console", f"{shared}/pv")
        try:
            screen.until(f"Connected to {shared}/pv")
            screen.type("\n")
            screen.until("pv:/root# ")
            screen.type("echo $((6*7))-$(cat /sys/hypervisor/guest_type)\n")
            screen.until("42-PV")
            screen.type("\x1d")
            screen.until("the guest goes on running.")
            assert screen.end() == 0
        finally:
            screen.close()


@pytest.mark.timeout(900)
def test_a_system_that_knows_nothing_of_xen(system_account: Virtlab, shared: str) -> None:
    """The processor's support and a device model give it a PC: a BIOS, a serial port and an IDE disk."""
    dom0 = f"{shared}/dom0"
    try:
        told = system_account("exec", "--timeout", "300", dom0, "--", "unmodified", timeout=340).ended(0).out
        assert "This machine calls itself: Xen HVM domU" in told
        assert "(hd0)" in told
        assert "GNU GRUB" in told
        assert "Its firmware found: QEMU HARDDISK" in told
        parts = system_account("exec", "--timeout", "100", dom0, "--", "unmodified", "parts", timeout=140)
        assert parts.ended(0).out.split() == ["xen-qemu-system-i386", "ide"]
        backs = system_account("exec", dom0, "--", "xenstore-ls", "-f", "/local/domain/0/backend")
        (qdisk,) = re.findall(r'/qdisk/\d+/768/state = "(\d)"', backs.ended(0).out)
        assert qdisk == "2"  # it waits for a front end, in vain
    finally:
        system_account("exec", dom0, "--", "xl", "destroy", "hvm").ended(0)


@pytest.mark.timeout(900)
def test_what_is_asked_before_a_domain_has_its_turn_is_answered(system_account: Virtlab, shared: str) -> None:
    asked = system_account("exec", f"{shared}/dom0", "--", "sh", "-c", ASKED_EARLY)
    assert asked.ended(0).out.strip() == "pvh"


@pytest.mark.timeout(900)
def test_a_domain_without_its_front_end_is_noticed(
    system_account: Virtlab, shared: str, state: dict[str, str]
) -> None:
    """The disk of pv is taken away in Domain 0: what is said of it fails, and nothing else."""
    dom0 = f"{shared}/dom0"
    system_account("exec", dom0, "--", "xl", "block-detach", "pv", "xvda").ended(0)
    broken = system_account("check", shared, "-o", "json", timeout=200, **state)
    assert broken.code != 0
    assert failed(broken) == {("pv", "front-ends"), ("dom0", "back-ends")}
    system_account("exec", dom0, "--", "xl", "block-attach", "pv", "phy:/dev/vda,xvda,w").ended(0)
    assert failed(system_account("check", shared, "-o", "json", timeout=200, **state)) == set()


@pytest.mark.timeout(900)
def test_without_the_processors_support_xen_refuses_pvh(system_account: Virtlab) -> None:
    name = "t-xen-plain"
    svm = ("--set", "dom0.processor.features.svm=disable")
    try:
        refused = system_account("up", LAB, "--as", name, *svm, timeout=500)
        assert refused.code != 0
        assert "pvh did not start" in refused.err
        assert "pvh needs support of the processor" in refused.err
        pv_only = ("--set", "pvh.machine=xenpv")
        system_account("up", LAB, "--as", name, *svm, *pv_only, timeout=500).ended(0)
        for domain in ("pv", "pvh"):
            observed = system_account("exec", f"{name}/{domain}", "--", "cat", "/sys/hypervisor/guest_type")
            assert observed.ended(0).out.strip() == "PV"
        unmodified = system_account("exec", f"{name}/dom0", "--", "unmodified")
        unmodified.ended(1)
        assert "hvm needs support of the processor" in unmodified.err
    finally:
        system_account("down", name).ended(0)
        assert not system_account.traces(name)
