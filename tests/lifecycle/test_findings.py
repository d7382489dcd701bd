"""What a run of bench adds up to: rounds that gave nothing, probes that are given up, who says why."""

from __future__ import annotations

from provisioner.measure import workloads
from provisioner.measure.findings import Results, wanted
from provisioner.measure.tracing import Count
from provisioner.model.measured import HostFacts, Outcome, Series

PING = next(probe for probe in workloads.PROBES if probe.name == "ping")
SEND = next(probe for probe in workloads.PROBES if workloads.Needs.FAR_END in probe.needs and probe.metrics)
COUNTED = next(probe for probe in workloads.PROBES if probe.registers)
METRIC = PING.metrics[0]


def results() -> Results:
    return Results(["full", "virtio"])


def outcome(of: Results, lost: dict[str, str] | None = None) -> Outcome:
    return of.outcome(METRIC, lost or {})


def series(of: Outcome) -> dict[str, Series]:
    return {entry.guest: entry for entry in of.series}


def test_a_round_that_gave_nothing_makes_no_wrong_pair() -> None:
    found = results()
    for number, value in enumerate((1.0, 2.0, 3.0)):
        found.put(METRIC.name, "full", number, value)
    found.put(METRIC.name, "virtio", 0, 10.0)
    found.failed(PING, "virtio", 1, "lost")
    found.put(METRIC.name, "virtio", 2, 30.0)
    done = outcome(found)
    assert series(done)["virtio"] == Series("virtio", (10.0, 30.0), "round 2: lost")
    assert done.ratios[0].pairs == (10.0, 10.0)


def test_a_probe_that_fails_again_and_again_is_given_up() -> None:
    found = results()
    found.failed(PING, "full", 0, "no")
    found.succeeded(PING, "full")
    found.failed(PING, "full", 2, "no")
    assert not found.is_barred(PING, "full")
    found.failed(PING, "full", 3, "still no")
    assert found.is_barred(PING, "full")
    assert not found.is_barred(PING, "virtio")
    assert series(outcome(found))["full"].missing == "given up in round 4: still no"


def test_what_is_missing_is_said_of_each_metric_and_noted_once() -> None:
    found = results()
    found.bar(PING, "virtio", "it has no network card")
    found.bar(PING, "virtio", "something else")
    for metric in PING.metrics:
        assert series(found.outcome(metric, {}))["virtio"].missing == "it has no network card"
    assert found.notes == (f"virtio: {PING.title.en}: it has no network card",)


def test_a_guest_that_is_lost_as_a_whole_says_so_everywhere() -> None:
    found = results()
    found.put(METRIC.name, "full", 0, 1.0)
    found.put(METRIC.name, "virtio", 0, 1.0)
    done = series(outcome(found, {"virtio": "its clone stopped"}))
    assert done["virtio"] == Series("virtio", (1.0,), "its clone stopped")
    assert done["full"].missing == ""


def test_silence_is_not_taken_for_a_number() -> None:
    assert {entry.missing for entry in outcome(results()).series} == {"it gave no number"}


def test_a_connection_that_fails_makes_one_think_of_the_firewall() -> None:
    found = results()
    found.failed(SEND, "full", 0, "iperf3: no way", connected=False)
    assert "firewall" in found.notes[0]
    other = results()
    other.failed(SEND, "full", 0, "iperf3: unable to connect")
    assert "firewall" not in other.notes[0]


def test_the_regions_behind_a_count() -> None:
    found = results()
    for number, value in enumerate((16.0, 16.0, 17.0)):
        found.put_count(COUNTED, "full", number, Count(value + 9, {"ide": value, "bmdma": 9.0}))
    assert COUNTED.registers is not None
    done = found.outcome(COUNTED.registers, {}, "ioeventfd='off'")
    assert done.label == "ioeventfd='off'"
    assert done.raw == (("full: ide", "16"), ("full: bmdma", "9"))
    assert series(done)["full"].values == (25.0, 25.0, 26.0)


def test_a_busy_host_is_a_reason_to_doubt() -> None:
    def notes(load: float | None) -> tuple[str, ...]:
        found = results()
        found.doubt(HostFacts("AMD", 2, "Linux", "7.2.0", "9.0.0", "qemu:///system", load), [])
        return found.notes

    assert "load 2.5 on 2 cores" in notes(2.5)[0]
    assert notes(0.3) == notes(None) == ()


def test_every_metric_that_is_wanted_has_its_words() -> None:
    names = {metric.name for metric in wanted(workloads.probes(quick=False), boots=True)}
    assert names == set(workloads.metrics())
