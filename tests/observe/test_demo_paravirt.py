"""The lesson of demo-paravirt, held against what guests told: which answers are right, what is checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from told_guests import facts

from provisioner import paths
from provisioner.labfile import lesson
from provisioner.lifecycle import lab_files
from provisioner.model.facts import Facts
from provisioner.model.lab import Lab
from provisioner.model.named_facts import values
from provisioner.teach import verdicts
from provisioner.teach.verdicts import Verdict


@pytest.fixture(scope="module")
def lab() -> Lab:
    return lab_files.load(*lab_files.locate("demo-paravirt"))


def right(lab: Lab, number: int, told: Facts, answer: str) -> bool:
    taught = lesson.load(lab)
    assert taught is not None
    wanted = taught.exercises[number - 1].answer
    assert wanted is not None
    return verdicts.is_right(wanted, values(told)[wanted.fact], answer)


@pytest.mark.parametrize(
    ("answer", "passes"), [("ata_piix", True), ("sd", False), ("virtio_blk", False), ("ata_", False)]
)
def test_the_driver_of_the_controller_is_wanted_and_not_the_disk_s(
    lab: Lab, answer: str, passes: bool
) -> None:
    assert right(lab, 1, facts("full"), answer) is passes


@pytest.mark.parametrize(
    ("answer", "passes"), [("virtio_blk", True), ("virtio-blk", True), ("virtio-pci", False), ("sd", False)]
)
def test_the_driver_of_the_virtio_disk_is_wanted_and_not_the_card_s(
    lab: Lab, answer: str, passes: bool
) -> None:
    assert right(lab, 5, facts("virtio"), answer) is passes


def found(lab: Lab, guest: str, told: Facts) -> dict[str, Verdict]:
    """The verdicts on the clocks, where the host has KVM."""
    items = [each for each in lab.observe if guest in each.guests and (each.fact or "").startswith("clock.")]
    return {each.name: verdicts.judged(each, guest, values(told)[each.fact or ""]).verdict for each in items}


def test_a_guest_that_prefers_the_processor_s_counter_still_has_kvm_s_clock_on_offer(lab: Lab) -> None:
    under_kvm = replace(facts("virtio"), clock="tsc", clocks=("kvm-clock", "tsc", "acpi_pm"))
    assert found(lab, "virtio", under_kvm) == {"virtio-clock": Verdict.PASS}
    assert found(lab, "virtio", replace(under_kvm, clocks=("tsc",))) == {"virtio-clock": Verdict.FAIL}


def test_a_paravirtual_clock_on_offer_is_found_in_the_emulated_guest(lab: Lab) -> None:
    told = facts("full")
    assert set(found(lab, "full", told).values()) == {Verdict.PASS}
    offered = replace(told, clocks=(*told.clocks, "kvm-clock"))
    assert found(lab, "full", offered) == {"full-clock": Verdict.PASS, "full-clocks": Verdict.FAIL}


def japanese(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Every text in Japanese, as it is written."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "ja" and isinstance(value, yaml.ScalarNode):
                yield value
            yield from japanese(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from japanese(each)


FILES = sorted([*paths.labs_dir().rglob("*.yaml"), *paths.templates_dir().rglob("*.yaml")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_no_line_end_becomes_a_blank_within_japanese(file: Path) -> None:
    written = file.read_text(encoding="utf-8")
    for node in japanese(yaml.compose(written)):
        lines = written[node.start_mark.index : node.end_mark.index].rstrip().split("\n")
        assert all(line.endswith("\\") for line in lines[:-1]), node.value
        assert "  " not in node.value, node.value
