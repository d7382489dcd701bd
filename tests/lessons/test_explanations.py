"""Which text is said follows from the measured verdict, and no text tells a ratio of its own."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from provisioner.lab.model import Text
from provisioner.lessons import explanations, samples
from provisioner.lessons.measured import Bench
from provisioner.lessons.workloads import metrics
from tests.lessons.bench_samples import FULL, VIRTIO, bench, outcome

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
    assert "how the two device models and drivers are written" in said(
        bench(outcome("disk-read-random", 150, 0.5))
    )


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
    turned = samples.outcome(metrics()["network-send"], {"virtio": [150.0] * 5, "full": [50.0] * 5})
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
    nothing = samples.outcome(metrics()["network-send"], {"full": [1.0] * 5, "virtio": []})
    assert explanations.of(bench(nothing)) == ()


@pytest.mark.parametrize("disk", ["scsi (vmpvscsi)", "virtio", "scsi (virtio-scsi)"])
def test_every_paravirtual_disk_counts_as_one(disk: str) -> None:
    found = bench(outcome("disk-read-random", 150, 1.5))
    assert "no exits to save" in said(replace(found, guests=(FULL, replace(VIRTIO, disk=disk))))
    assert said(replace(found, guests=(FULL, replace(VIRTIO, disk="scsi (lsilogic)")))) == ""


def test_only_the_literature_has_numbers_and_says_whose_they_are() -> None:
    texts: list[Text] = [e.text for e in explanations.EXPLANATIONS] + [explanations.ACCELERATORS_DIFFER]
    for text in texts:
        assert text.ja
        assert not re.search(r"[0-9]+(\.[0-9]+)? ?(times|倍)", text.en + text.ja)
    literature = explanations.LITERATURE
    assert "not measured here" in literature.en
    assert "ここで測定したものではありません" in (literature.ja or "")
    for number in ("5.5", "40", "20", "77", "1.2", "2.2", "MSC-2017-19"):
        assert number in literature.en
        assert number in (literature.ja or "")
