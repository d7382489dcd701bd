"""/dev/kvm that QEMU's user can't open: doctor names it and its remedy, up says why it is slow."""

from __future__ import annotations

import dataclasses
import os
import pwd
from collections.abc import Sequence

import pytest
from silent import Silent
from worlds import NOTHING, guest, lab, make, origin

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.host.local_host import KvmDevice
from provisioner.host.unknown_host import UnknownHost
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.host_facts import QemuUser
from provisioner.hypervisor.uris import Choice
from provisioner.lifecycle import execution, kvm_access, preparation
from provisioner.lifecycle.request import Request
from provisioner.model.accel import Decision
from provisioner.verbs import doctor

QEMU, KVM, FOREIGN = 64055, 992, 108
CAPABILITIES = f"""<capabilities>
<host><secmodel><model>dac</model><baselabel type='kvm'>+{QEMU}:+{QEMU}</baselabel></secmodel></host>
<guest><arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>
</capabilities>"""


class Libvirt:
    """The system's libvirt, which counts how often it is asked."""

    def __init__(self) -> None:
        self._asked = 0

    def asked(self) -> int:
        return self._asked

    def getCapabilities(self) -> str:  # noqa: N802 - libvirt's name
        self._asked += 1
        return CAPABILITIES


@dataclasses.dataclass
class Machine(UnknownHost):
    """A host with that /dev/kvm, whose QEMU user is in those groups."""

    device: KvmDevice
    member: Sequence[int] = (QEMU, KVM)
    flags: frozenset[str] = frozenset()
    kvm_group: int | None = KVM

    def kvm(self) -> KvmDevice:
        return self.device

    def processor_flags(self) -> frozenset[str]:
        return self.flags

    def groups_of(self, uid: int) -> list[int]:
        assert uid == QEMU
        return list(self.member)

    def group_id(self, name: str) -> int | None:
        assert name == "kvm"
        return self.kvm_group

    def free_memory(self) -> int:
        return 0


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that QEMU runs as, on Debian."""
    entry = pwd.struct_passwd(("libvirt-qemu", "x", QEMU, QEMU, "", "/", "/bin/false"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {QEMU: entry}[uid])


def device(gid: int = FOREIGN, mode: int = 0o660, *, exists: bool = True) -> KvmDevice:
    return KvmDevice(exists, gid=gid, mode=mode, opens=True)


def session(host: Machine, uri: str = "qemu:///system") -> Session:
    return Session(Connection(Libvirt()), Choice(uri, "a test"), host, "ann")


class Told(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(params=["root", "ann"])
def sudo(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What stands before a command that only root may run."""
    monkeypatch.setattr(os, "geteuid", lambda: 0 if request.param == "root" else 1000)
    return "" if request.param == "root" else "sudo "


def test_doctor_names_it_although_kvm_is_not_real(sudo: str) -> None:
    unreal, shut = doctor.accelerator(session(Machine(device())))
    assert "neither vmx nor svm" in unreal.told
    assert (shut.name, shut.good, shut.needed) == ("/dev/kvm", False, False)
    assert "can't be opened by libvirt-qemu, the user that QEMU runs as" in shut.told
    assert "examines QEMU anew at each use" in shut.told
    assert shut.remedy == f"{sudo}chgrp kvm /dev/kvm && {sudo}chmod 660 /dev/kvm"


def test_doctor_tells_one_remedy_where_kvm_is_real() -> None:
    wanting, shut = doctor.accelerator(session(Machine(device(), flags=frozenset({"svm"}))))
    assert "can't be opened by" in wanting.told
    assert wanting.remedy is None
    assert shut.remedy


@pytest.mark.parametrize(
    "host",
    [
        Machine(device(KVM)),
        Machine(device(FOREIGN, 0o666)),
        Machine(device(FOREIGN), member=(FOREIGN,)),
        Machine(device(exists=False)),
    ],
)
def test_doctor_is_silent_where_it_opens(host: Machine) -> None:
    assert [check.name for check in doctor.accelerator(session(host))] == ["accelerator"]


def test_doctor_looks_at_the_groups_of_qemus_user_even_where_the_device_is_as_usual() -> None:
    (_, shut) = doctor.accelerator(session(Machine(device(KVM), member=(QEMU,))))
    assert shut.remedy is not None
    assert "usermod --append --groups kvm libvirt-qemu && " in shut.remedy


def test_an_ordinary_user_is_told_how_to_become_a_member(sudo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getgroups", lambda: [1000])
    shut_out = dataclasses.replace(device(KVM), opens=False)
    of = session(Machine(shut_out, flags=frozenset({"vmx"})), "qemu:///session")
    (check,) = doctor.accelerator(of)
    assert check.remedy is not None
    assert check.remedy.startswith(f"{sudo}usermod --append --groups kvm ann && {sudo}chgrp kvm /dev/kvm")
    assert check.remedy.endswith(", then log in again")


def test_a_group_that_is_not_there_is_made_first(sudo: str) -> None:
    of = session(Machine(device(0), kvm_group=None))
    assert kvm_access.remedy(of, "qemu", ()).command.startswith(
        f"{sudo}groupadd --system kvm && {sudo}usermod --append --groups kvm qemu && "
    )


def test_an_account_with_no_name_is_added_to_no_group(sudo: str) -> None:
    assert QemuUser("qemu", 71234, ()).account == "qemu"
    assert QemuUser("user 71234", 71234, ()).account is None
    of = session(Machine(device(FOREIGN)))
    remedy = kvm_access.remedy(of, None, ())
    assert remedy.command == f"{sudo}chgrp kvm /dev/kvm && {sudo}chmod 660 /dev/kvm"
    assert not remedy.joins_group


def carried_out(of: Session) -> list[str]:
    """What ``up`` notes before it finds that the host has no memory."""
    plain = lab(guest("one"))
    prepared = preparation.Prepared(
        request=Request("demo"),
        lab=plain,
        origin=origin(plain),
        observed=NOTHING,
        decisions={"one": Decision("tcg", "a test")},
        plan=make(plain),
        seconds=0.0,
    )
    told = Told()
    with pytest.raises(errors.HypervisorError, match="of memory"):
        execution.execute(of, prepared, told, Cancellation())
    return told.notes


def test_up_says_why_it_is_slow_before_it_waits() -> None:
    (note,) = carried_out(session(Machine(device())))
    assert note.startswith("this takes many seconds longer: /dev/kvm can't be opened by libvirt-qemu, ")
    assert "doctor" in note
    assert "\n" not in note


@pytest.mark.parametrize(
    "of",
    [
        session(Machine(device(KVM))),
        session(Machine(device(FOREIGN, 0o666))),
        session(Machine(device(exists=False))),
        session(Machine(device()), "qemu:///session"),
    ],
)
def test_up_asks_libvirt_nothing_where_all_is_as_usual(of: Session) -> None:
    assert carried_out(of) == []
    assert of.conn.handle.asked() == 0


def test_up_says_nothing_where_qemus_user_is_in_the_unusual_group() -> None:
    of = session(Machine(device(FOREIGN), member=(FOREIGN,)))
    assert carried_out(of) == []
    assert of.conn.handle.asked() == 1
