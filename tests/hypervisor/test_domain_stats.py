"""What libvirt's statistics say of a guest, as QEMU under KVM gives them and as one without does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from provisioner import listener
from provisioner.hypervisor import domain_stats
from provisioner.hypervisor.calls import Calls
from provisioner.hypervisor.connection import Connection


class _Connection:
    def __init__(self, told: dict[str, dict[str, Any]]) -> None:
        self._told = told

    def getAllDomainStats(self, _kinds: int, _flags: int) -> list[Any]:  # noqa: N802
        class Domain:
            def __init__(self, name: str) -> None:
                self._name = name

            def name(self) -> str:
                return self._name

        return [(Domain(name), counted) for name, counted in self._told.items()]


def test_exits_by_kind_are_added_up_over_processors() -> None:
    told = {
        "cpu.time": 2_500_000_000,
        "balloon.rss": 1024,
        "vcpu.current": 2,
        "vcpu.maximum": 2,
        "vcpu.0.time": 1_000_000_000,
        "vcpu.1.time": 500_000_000,
        "vcpu.0.exits.sum": 30,
        "vcpu.1.exits.sum": 12,
        "vcpu.0.io_exits.sum": 5,
        "vcpu.0.halt_exits.sum": 0,
        "vcpu.0.exits.cur": 1,
        "vcpu.0.halt_wakeup.sum": 7,
    }
    found = domain_stats.of_domains(Connection(_Connection({"a": told, "other": told})), ["a"])
    assert found == {
        "a": domain_stats.DomainStats(2.5, 1024**2, (1.0, 0.5), {"exits": 42, "io_exits": 5, "halt_exits": 0})
    }


def test_what_is_not_told_is_none() -> None:
    found = domain_stats.of_domains(Connection(_Connection({"a": {"state.state": 1}})), ["a"])
    assert found == {"a": domain_stats.DomainStats(None, None, (), {})}


def test_a_qemu_that_is_stopped_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call that meets it never returns; the next one leaves it out, as libvirt 9.0 does (NOWAIT)."""
    monkeypatch.setattr(domain_stats, "_SECONDS", 0.3)
    over = threading.Event()

    class Stopped(_Connection):
        calls = 0

        def getAllDomainStats(self, kinds: int, flags: int) -> list[Any]:  # noqa: N802
            self.calls += 1
            if self.calls == 1:
                over.wait(20)
            return super().getAllDomainStats(kinds, flags)

    name, other = "virtlab.me.lab.one", "virtlab.me.lab.two"
    conn = Connection(Stopped({name: {"cpu.time": 10**9}, other: {"balloon.rss": 1}}), Calls(ask=int))
    heard: list[str] = []
    with listener.heard_by(heard.append):
        found = domain_stats.of_domains(conn, [name, other])
    over.set()
    assert found[name].seconds == 1
    assert heard == ["lab/one: QEMU does not answer; it is stopped, or stuck"]
