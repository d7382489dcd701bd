"""The entries of the kinds of guests, beside each other."""

from __future__ import annotations

import pytest

from provisioner.model import kinds
from provisioner.model.enums import GuestKind
from provisioner.model.kinds.kind import Devices, Kind, Standing


@pytest.mark.parametrize("name", GuestKind)
def test_each_kind_has_an_entry_of_its_name(name: GuestKind) -> None:
    kind = kinds.of(name)
    assert kind.name is name
    assert kind.title.ja


def test_only_a_machine_of_the_host_needs_no_parent() -> None:
    assert {name for name in GuestKind if kinds.of(name).is_top_level} == {GuestKind.MACHINE}
    assert {kind.name for kind in kinds.hosted()} == set(GuestKind) - {GuestKind.MACHINE}


def test_no_two_kinds_stand_on_the_same() -> None:
    assert len({kinds.of(name).standing for name in GuestKind}) == len(GuestKind) == len(Standing)


@pytest.mark.parametrize("kind", kinds.hosted(), ids=lambda kind: kind.name)
def test_what_hosts_a_guest_has_a_kernel_to_do_it(kind: Kind) -> None:
    assert GuestKind.MACHINE in kind.parents
    assert all(kinds.of(parent).has_kernel for parent in kind.parents)


@pytest.mark.parametrize("name", GuestKind)
def test_what_a_guest_takes_fits_what_it_stands_on(name: GuestKind) -> None:
    kind = kinds.of(name)
    on_qemu = kind.standing in (Standing.ON_HOST, Standing.IN_PARENT)
    assert (kind.devices is Devices.QEMU) == on_qemu
    assert kind.takes_kvm_settings == kind.chooses_accel == on_qemu
    assert kind.has_kernel or not kind.boots_its_image
    assert kind.uses_parents_kvm == (kind.standing is Standing.IN_PARENT)
