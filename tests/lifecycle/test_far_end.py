"""One look, before anything is measured, whether the clones reach the host."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provisioner import errors
from provisioner.host import firewall
from provisioner.host.firewall import Firewall, Keeper
from provisioner.measure import far_end, workloads
from provisioner.measure.findings import Results
from provisioner.measure.workloads import Needs
from provisioner.model.metadata import Choices, Origin
from provisioner.transport.result import Result
from tests.fakes.world import World

ORIGIN = Origin("learner", "pair", "pair", "catalog:pair", "lab.yaml", Choices(trust=True))
PROBES = workloads.probes(quick=False)
CONNECTIONS = {probe.name for probe in PROBES if Needs.FAR_END in probe.needs}
PINGS = {probe.name for probe in PROBES if Needs.NETWORK in probe.needs} - CONNECTIONS


def clone(of: str, said: str | Exception) -> Any:
    """A clone in which the look prints that."""

    def run(*_: object, **__: object) -> Result:
        if isinstance(said, Exception):
            raise said
        return Result(0, None, said.encode(), b"", False)

    return SimpleNamespace(
        of=of,
        addresses=[SimpleNamespace(network="lab")],
        host_end="192.168.140.1",
        port=5201,
        order=SimpleNamespace(mark=SimpleNamespace(origin=ORIGIN)),
        transport=SimpleNamespace(run=run),
    )


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def server(_: str, port: int | None = None) -> Iterator[int]:
        yield port or 5201

    monkeypatch.setattr(far_end.processes, "iperf3_server", server)
    monkeypatch.setattr(firewall, "found", lambda: Firewall(Keeper.UFW))


def checked(world: World, *clones: Any) -> tuple[errors.VirtlabError | None, Results]:
    results = Results([each.of for each in clones])
    found = far_end.check(world.session, world.instance, clones, PROBES, results, threading.Event())
    return found, results


def barred(results: Results, guest: str) -> set[str]:
    return {probe.name for probe in PROBES if results.is_barred(probe, guest)}


@pytest.mark.parametrize("said", ["", errors.GuestError("no answer")])
def test_where_all_is_well_or_nothing_is_known_all_is_measured(world: World, said: str | Exception) -> None:
    found, results = checked(world, clone("one", said))
    assert found is None
    assert barred(results, "one") == set()
    assert results.notes == ()


@pytest.mark.parametrize(
    ("said", "without", "rules"),
    [
        ("connection failed\n", CONNECTIONS, 1),
        ("ping failed\n", PINGS, 1),
        ("ping failed\nconnection failed\n", CONNECTIONS | PINGS, 2),
    ],
)
def test_what_does_not_reach_the_host_is_not_tried_and_one_line_says_what_helps(
    world: World, said: str, without: set[str], rules: int
) -> None:
    world.up()
    found, results = checked(world, clone("one", said), clone("two", said), clone("three", ""))
    assert barred(results, "one") == barred(results, "two") == without
    assert barred(results, "three") == set()
    assert found is not None
    assert found.message == "the network was not measured: this host drops what one and two send to it"
    assert results.notes == (found.message,)
    assert found.hint is not None
    assert found.hint.startswith("let it in (ufw): sudo ufw allow in on vl")
    assert found.hint.count(world.instance.bridge("lab")) == rules


def test_the_look_itself(tmp_path: Path) -> None:
    """Run by a shell on what iperf3 printed where nobody listened, and where somebody did."""

    def looked(printed: Path, ping: int) -> Sequence[str]:
        programs = {"iperf3": f"cat {printed}", "ping": f"exit {ping}"}
        for name, text in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        script = workloads.LOOK.replace(workloads.KEPT, str(tmp_path / "kept"))
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PEER": "a", "PORT": "1"}
        told = subprocess.run(["sh", "-c", script], capture_output=True, check=False, env=environment)
        return sorted(told.stdout.decode().splitlines())

    folder = Path(__file__).parents[1] / "observe/iperf3"
    for version in ("3.12", "3.18", "3.22"):
        assert looked(folder / version / "refused.json", 1) == ["connection failed", "ping failed"]
        assert looked(folder / version / "count.json", 0) == []
        assert looked(folder / version / "count.json", 1) == ["ping failed"]
