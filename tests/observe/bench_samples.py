"""Benchmarks for tests, of numbers that a real run might give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.measure import statistics, workloads
from provisioner.model import measured
from provisioner.model.measured import Bench, GuestConfig, HostFacts, Outcome

HOST = HostFacts("AMD EPYC", 2, "Linux 6.1.0-44-amd64", "7.2.22", "9.0.0", "qemu:///system", 0.3)
FULL = GuestConfig("full", "tcg", "pc", 1, 192 * 1024**2, "ide", "writeback", "e1000", "nat")
VIRTIO = replace(FULL, name="virtio", disk="virtio", network="virtio")
STEADY = (0.99, 1.01, 1.0, 1.02, 1.0)


def outcome(workload: str, base: float, factor: float, rounds: Sequence[float] = STEADY) -> Outcome:
    """Numbers of both guests: ``factor`` times ``base`` for the second one, varied as ``rounds`` says."""
    metric = workloads.metrics()[workload]
    return statistics.outcome(
        metric, {"full": [base] * len(rounds), "virtio": [base * factor * r for r in rounds]}
    )


def bench(*outcomes: Outcome, accel: str = "tcg") -> Bench:
    found = outcomes or (
        outcome("control", 39.4, 1.0),
        outcome("disk-read-random", 150, 1.5),
        outcome("disk-write-random", 700, 1.0, (0.8, 1.3, 1.0, 1.1, 0.9)),
        outcome("network-send", 54.1, 3.5),
        outcome("network-send-host", 19, 1 / 3),
        outcome("ping", 303, 1.0, (0.7, 1.2, 1.0, 1.1, 1.6)),
        replace(
            outcome("registers-disk", 26, 1 / 26, (1, 1, 1, 1, 1)),
            label="ioeventfd='off'",
            raw=(
                ("full: ide", "16"),
                ("full: piix-bmdma", "10"),
                ("virtio: virtio-pci-notify-virtio-blk", "1"),
            ),
        ),
    )
    control = next((o for o in found if o.workload == "control"), None)
    return Bench(
        format=measured.FORMAT,
        lab="demo-paravirt",
        instance="demo-paravirt",
        taken="2026-11-23T21:42:18+00:00",
        quick=False,
        rounds=5,
        seconds=148.1,
        host=HOST,
        guests=(replace(FULL, accel=accel), replace(VIRTIO, accel=accel)),
        outcomes=found,
        control=workloads.MARGIN,
        control_holds=statistics.control_holds(control) if control else True,
        notes=(),
    )
