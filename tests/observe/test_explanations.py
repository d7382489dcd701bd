"""Which text is said follows from the measured verdict, and no text tells a ratio of its own."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from provisioner.measure import explanations, statistics
from provisioner.measure.workloads import metrics
from provisioner.model.measured import Bench
from tests.observe.bench_samples import FULL, VIRTIO, bench, outcome

NOISY = (0.6, 1.5, 1.0, 1.2, 0.8)


def said(found: Bench) -> str:
    return " ".join(text.en for text in explanations.of(found))


def test_a_disk_that_is_slower_under_emulation_is_explained_so() -> None:
    found = said(bench(outcome("disk-read-random", 150, 1.5)))
    assert "no exits to save" in found
    assert "gain" not in found


def test_the_same_numbers_under_kvm_are_not_explained_by_emulation() -> None:
    found = said(bench(outcome("disk-read-random", 150, 1.5), accel="kvm"))
    assert "TCG" not in found
    assert "show no gain here" in found


def test_a_faster_disk_is_explained_by_the_accelerator() -> None:
    assert "fewer exits" in said(bench(outcome("disk-read-random", 150, 0.5), accel="kvm"))
    emulated = said(bench(outcome("disk-read-random", 150, 0.5)))
    assert "not by exits that were saved" in emulated


def test_the_network_is_said_to_gain_only_where_it_did() -> None:
    assert "gains because" in said(bench(outcome("network-send", 50, 3)))
    for factor, rounds in ((0.3, (1, 1, 1, 1, 1)), (1.0, (1, 1, 1, 1, 1)), (1.0, NOISY)):
        assert "gains because" not in said(bench(outcome("network-send", 50, factor, rounds)))


def test_register_accesses_are_exits_only_with_kvm() -> None:
    counted = outcome("registers-disk", 26, 1 / 26, (1, 1, 1, 1, 1))
    assert "each such access is an exit" in said(bench(counted, accel="kvm"))
    assert "function call inside QEMU" in said(bench(counted))
    assert "each such access is an exit" not in said(bench(counted))


def test_it_does_not_matter_which_guest_is_the_base() -> None:
    turned = statistics.outcome(metrics()["network-send"], {"virtio": [150.0] * 5, "full": [50.0] * 5})
    found = replace(bench(turned), guests=(VIRTIO, FULL))
    assert "gains because" in said(found)


@pytest.mark.parametrize("holds", [False, None])
def test_without_a_control_that_holds_only_counts_are_explained(holds: bool | None) -> None:
    counted = outcome("registers-disk", 26, 1 / 26, (1, 1, 1, 1, 1))
    found = said(replace(bench(counted, outcome("disk-read-random", 150, 40)), control_holds=holds))
    assert "Register accesses show the difference" in found
    assert "no exits to save" not in found


def test_two_guests_of_the_same_kind_need_no_explanation() -> None:
    alike = replace(bench(outcome("network-send", 50, 3)), guests=(VIRTIO, replace(VIRTIO, name="full")))
    assert explanations.of(alike) == ()


def test_guests_with_different_accelerators_are_not_explained_by_their_devices() -> None:
    mixed = replace(bench(outcome("network-send", 50, 3)), guests=(FULL, replace(VIRTIO, accel="kvm")))
    assert explanations.of(mixed) == (explanations.ACCELERATORS_DIFFER,)


def test_the_control_and_a_missing_guest_explain_nothing() -> None:
    assert explanations.of(bench(outcome("control", 40, 1.5))) == ()
    nothing = statistics.outcome(metrics()["network-send"], {"full": [1.0] * 5, "virtio": []})
    assert explanations.of(bench(nothing)) == ()


@pytest.mark.parametrize("disk", ["scsi (vmpvscsi)", "virtio", "scsi (virtio-scsi)"])
def test_every_paravirtual_disk_counts_as_one(disk: str) -> None:
    found = bench(outcome("disk-read-random", 150, 1.5))
    assert "no exits to save" in said(replace(found, guests=(FULL, replace(VIRTIO, disk=disk))))
    assert said(replace(found, guests=(FULL, replace(VIRTIO, disk="scsi (lsilogic)")))) == ""


def test_only_of_virtio_it_is_said_that_a_thread_is_woken() -> None:
    found = bench(outcome("disk-read-random", 150, 1.5))
    assert "another thread" in said(found)
    other = replace(VIRTIO, disk="scsi (vmpvscsi)")
    assert "another thread" not in said(replace(found, guests=(FULL, other)))


def test_where_guests_came_out_differently_each_text_names_its_own() -> None:
    third = replace(VIRTIO, name="vmware", network="vmxnet3")
    rounds = {"full": [100.0] * 5, "virtio": [100.0] * 5, "vmware": [50.0] * 5}
    found = replace(bench(statistics.outcome(metrics()["ping"], rounds)), guests=(FULL, VIRTIO, third))
    texts = [text.en for text in explanations.of(found)]
    assert [text.partition(":")[0] for text in texts] == ["vmware", "virtio", "virtio"]
    assert "another thread" in texts[2]
    alike = {"full": [100.0] * 5, "virtio": [50.0] * 5, "vmware": [50.0] * 5}
    found = replace(found, outcomes=(statistics.outcome(metrics()["ping"], alike),))
    (text,) = explanations.of(found)
    assert text.en.startswith("A ping sends")


def test_no_text_has_a_ratio_of_its_own() -> None:
    for text in [e.text for e in explanations.EXPLANATIONS] + [explanations.ACCELERATORS_DIFFER]:
        assert text.ja
        assert not re.search(r"[0-9]+(\.[0-9]+)? ?(times|倍)", text.en + text.ja)


@pytest.mark.parametrize("accel", ["tcg", "kvm"])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("name", ["disk-read-random", "disk-read-sequential", "network-send", "ping"])
def test_every_outcome_of_a_device_is_explained(name: str, factor: float, accel: str) -> None:
    assert said(bench(outcome(name, 100, factor), accel=accel))


def test_a_small_request_under_emulation_costs_a_wakened_thread_and_not_more_instructions() -> None:
    for factor in (1.0, 1.5):
        found = said(bench(outcome("disk-read-random", 150, factor)))
        assert "wake another thread of QEMU" in found
        assert "instructions" not in found


def test_exits_are_no_reason_for_a_faster_network_under_emulation() -> None:
    assert "does not gain by exits" in said(bench(outcome("network-send", 50, 3)))
    assert "does not gain by exits" not in said(bench(outcome("network-send", 50, 3), accel="kvm"))
