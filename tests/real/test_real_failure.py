"""What does not come up: why, said in full, and taken back."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pytest
from driver import Virtlab
from silent import Silent

from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.host.local_host import KvmDevice, LocalHost, user_name
from provisioner.hypervisor import events
from provisioner.hypervisor.connection import connect
from provisioner.hypervisor.uris import Choice
from provisioner.lifecycle import execution, preparation
from provisioner.lifecycle.request import Request, locate
from provisioner.model import naming

# the kernel finds no first program, and ends before any agent starts
ENDING = "    kernel-args: [rdinit=/no-such-init]\n"
KVM_IS_REAL = bool({"vmx", "svm"} & (LocalHost().processor_flags() or frozenset()))


def test_a_guest_whose_kernel_ends_is_not_waited_for_and_taken_back_with_its_last_words(
    system: Virtlab,
) -> None:
    lab, name = system.lab(more=ENDING), system.name()
    began = time.monotonic()
    failed = system("up", str(lab), "--as", name, "--timeout", "100").ended(1)
    assert time.monotonic() - began < 90
    assert f"error: {name}/one gave up while it started (its system had not started)" in failed.err
    assert failed.err.count("\n    | ") >= 3, failed.err
    assert re.search(r"\n    \| .*Kernel panic - not syncing", failed.err)
    assert "--timeout" not in failed.err
    assert "taking back what this run made" in failed.err
    assert system.traces(name) == []
    assert system("status", "-o", "name").ended(0).out.count(name) == 0


def test_both_errors_are_kept_and_so_are_the_guests_where_asked(system: Virtlab) -> None:
    more = "  two:\n    profile: emulated\n    memory: 160 MiB\n"
    lab, name = system.lab(more=more), system.name()
    failed = system("up", str(lab), "--as", name, "--timeout", "0.5", "--keep-on-failure").ended(1)
    assert "2 guests did not come up" in failed.err
    for guest in ("one", "two"):
        assert f"{name}/{guest} was not ready after" in failed.err
    assert "what was made is kept" in failed.err
    assert set(system.pids(name)) == {"one", "two"}
    entry = system.status(name)
    assert entry is not None
    assert [g["state"] for g in entry["guests"]] == ["running", "running"]
    system("down", name).ended(0)
    assert system.traces(name) == []


def test_a_failed_change_leaves_the_others_alone(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    system("up", str(lab), "--as", name).ended(0)
    pids = system.pids(name)
    file = lab / "lab.yaml"
    before = file.read_text()
    file.write_text(before + "  two:\n    profile: virtio\n    memory: 160 MiB\n" + ENDING)
    failed = system("up", str(lab), "--as", name, "--timeout", "4").ended(1)
    assert f"{name}/two" in failed.err
    assert system.pids(name) == pids
    assert not [trace for trace in system.traces(name) if ".two" in trace]
    file.write_text(before)
    assert "is up already" in system("up", str(lab), "--as", name).ended(0).out
    assert system.pids(name) == pids


def test_a_foreign_domain_in_the_way_is_left_alone(virtlab: Virtlab) -> None:
    lab, name = virtlab.lab(), virtlab.name()
    domain = virtlab.domain(name, "one")
    rest = "<memory unit='MiB'>64</memory><os><type>hvm</type></os>"
    xml = f"<domain type='qemu'><name>{domain}</name>{rest}</domain>"
    file = virtlab.home / f"{name}.xml"
    file.write_text(xml)
    virtlab.virsh("define", str(file))
    try:
        before = virtlab.virsh("dumpxml", domain)
        refused = virtlab("up", str(lab), "--as", name).ended(1)
        assert f"a domain {domain} that does not carry virtlab's mark: it is left alone" in refused.err
        assert f"virsh dumpxml {domain}" in refused.err
        assert virtlab("down", name).ended(0).out == f"{name}: not up\n"
        assert virtlab.virsh("dumpxml", domain) == before
        left = [trace for trace in virtlab.traces(name) if trace.startswith(("network", "volume", "process"))]
        assert left == []
    finally:
        virtlab.virsh("undefine", domain)


@pytest.mark.skipif(KVM_IS_REAL, reason="the processor shows vmx or svm: KVM would not fail here")
def test_forced_kvm_fails_with_qemus_own_reason(virtlab: Virtlab) -> None:
    lab, name = virtlab.lab(), virtlab.name()
    failed = virtlab("up", str(lab), "--as", name, "--accel", "kvm", "--timeout", "30").ended(1)
    reason = failed.err.partition("error: one does not run with KVM: ")[2].splitlines()[0].lower()
    assert "kvm" in reason or "msr" in reason, failed.err
    assert "next: let virtlab choose (--accel auto), or emulate (--accel tcg)" in failed.err
    assert virtlab.traces(name) == []


class HostThatClaimsKvm(LocalHost):
    """This host, were its processor able to run KVM: virtlab then has to find out by trying."""

    def kvm(self) -> KvmDevice:
        return KvmDevice(exists=True, mode=0o666, opens=True)

    def processor_flags(self) -> frozenset[str]:
        return (super().processor_flags() or frozenset()) | {"svm"}


@pytest.mark.skipif(KVM_IS_REAL, reason="the processor shows vmx or svm: KVM would not fail here")
@pytest.mark.skipif(not Path("/dev/kvm").exists(), reason="no /dev/kvm: libvirt does not offer KVM at all")
def test_automatic_kvm_that_fails_becomes_emulation_and_says_why(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    events.ensure_running()
    conn = connect(Choice(system.uri, "a test"))
    try:
        session = Session(conn, Choice(system.uri, "a test"), HostThatClaimsKvm(), user_name())
        request = Request(str(lab), instance=name, timeout=60)
        prepared = preparation.prepare(session, request, locate(session, request))
        assert prepared.decisions["one"].accel == "kvm"
        result = execution.execute(session, prepared, Silent(), Cancellation())
    finally:
        conn.close()
    (guest,) = result.guests
    assert (guest.mark.accel, guest.mark.fell_back) == ("tcg", True)
    assert guest.mark.accel_why.startswith("KVM was tried and failed: ")
    assert guest.ready_after is not None
    system("exec", f"{name}/one", "--", "true").ended(0)
    shown = system.status(name)
    assert shown is not None
    assert shown["guests"][0]["accel_why"] == guest.mark.accel_why

    pids = system.pids(name)
    again = system("up", str(lab), "--as", name).ended(0)
    assert "is up already" in again.out
    assert guest.mark.accel_why in again.out
    assert system.pids(name) == pids
    grown = system("up", str(lab), "--as", name, "--set", "one.memory=144MiB", "--yes").ended(0)
    assert guest.mark.accel_why in grown.out


def test_volumes_made_by_hand_stay_whatever_their_names(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    in_the_way = naming.Instance(system.owner, name).volume("one", 0)
    beside = f"{in_the_way}.bak"
    try:
        for volume in (in_the_way, beside):
            system.virsh("vol-create-as", naming.POOL, volume, "1M", "--format", "qcow2")
        told = f"the volume {in_the_way} has a name like virtlab's, and no metadata that proves it"
        assert told in system("status").ended(0).err
        refused = system("up", str(lab), "--as", name).ended(1).err
        remedy = f"virsh -c qemu:///system vol-delete --pool virtlab {in_the_way}"
        assert told in refused
        assert remedy in refused
        assert f"{name}: not up" in system("down", name).ended(0).out
        system.virsh(*shlex.split(remedy)[3:])
        system("up", str(lab), "--as", name).ended(0)
        assert f"the volume {beside} has a name like" in system("status").ended(0).err
        system("down", name).ended(0)
        assert "1.00 MiB" in system.virsh("vol-info", beside, "--pool", naming.POOL)
    finally:
        system.virsh("vol-delete", beside, "--pool", naming.POOL)


def test_broken_metadata_is_nobodys(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    system("up", str(lab), "--as", name).ended(0)
    system("stop", "--timeout", "0", name).ended(0)
    domain = system.domain(name, "one")
    xml = system.virsh("dumpxml", "--inactive", domain)
    file = Path(system.home, f"{name}.xml")
    try:
        broken = xml.replace("&quot;kind&quot;:", "broken").replace('"kind":', "broken")
        assert broken != xml
        file.write_text(broken)
        system.virsh("define", str(file))
        assert system("exec", f"{name}/one", "--", "true").code == 125
        refused = system("up", str(lab), "--as", name).ended(1)
        assert "does not carry virtlab's mark" in refused.err
    finally:
        file.write_text(xml)
        system.virsh("define", str(file))


def test_too_little_memory_is_said_before_anything_starts(session: Virtlab) -> None:
    lab, name = session.lab(), session.name()
    session("up", str(lab), "--as", name).ended(0)  # the image is there from now on
    session("down", name).ended(0)
    file = lab / "lab.yaml"
    file.write_text(file.read_text().replace("memory: 160 MiB", "memory: 96 MiB"))
    refused = session("up", str(lab), "--as", name).ended(2)
    assert re.search(r"lab\.yaml:\d+:\d+: guests\.one\.memory: 96 MiB is too little for one: ", refused.err)
    assert "--set guests.one.memory=" in refused.err
    assert session.status(name) is None
