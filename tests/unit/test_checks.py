"""Checks with guests that misbehave: each fails its own items, in bounded time, and no other's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import worlds

from provisioner import errors
from provisioner.backends import choose
from provisioner.labfile import observation_spec
from provisioner.language import Text
from provisioner.model.facts import Facts
from provisioner.model.lab import Expectation, How, Observation
from provisioner.model.metadata import Choices
from provisioner.model.observed import ObservedDomain
from provisioner.observe import collect
from provisioner.observe.collect import GuestFacts
from provisioner.teach import checks
from provisioner.teach.verdicts import Verdict
from provisioner.transport.result import Result

LAB = worlds.lab(worlds.guest("good"), worlds.guest("bad"))
Run = Callable[..., Result]
# a guest that told nothing
TEXTS = (
    "kernel",
    "machine",
    "firmware",
    "processor",
    "signature",
    "detected",
    "entry",
    "clock",
    "agent",
    "rng",
)
NUMBERS = {"processors": 0, "memory": 0, "features": 0}
LISTS = (
    "clocks",
    "devices",
    "disks",
    "interfaces",
    "interrupts",
    "modules",
    "consoles",
    "phases",
    "platform",
)


def ran(stdout: bytes = b"", code: int = 0, *, truncated: bool = False) -> Result:
    return Result(code, None, stdout, b"", truncated)


def observation(name: str, *guests: str, needs: tuple[str, ...] = (), fact: str | None = None) -> Observation:
    expect = Expectation(How.IS, ("fine",))
    command = () if fact else ("say", name)
    return Observation(name, Text(name), guests, fact, command, "lines", expect, needs, None)


@pytest.fixture
def domains() -> tuple[ObservedDomain, ...]:
    return worlds.after(LAB).domains


@pytest.fixture
def check(
    monkeypatch: pytest.MonkeyPatch, domains: tuple[ObservedDomain, ...]
) -> Callable[..., checks.Checked]:
    """Runs a check where the guest ``bad`` answers commands as it is told, and nobody tells facts."""

    def done(
        items: Sequence[Observation],
        bad: Run,
        *,
        reachable: bool = True,
        is_session: bool = False,
        told_after: float = 0.0,
        limit: float = observation_spec.COMMAND_SECONDS,
        **limits: float,
    ) -> checks.Checked:
        class Line:
            def __init__(self, guest: str) -> None:
                self.guest = guest

            def run(self, argv: Sequence[str], **bounds: Any) -> Result:
                assert limit - 1 < bounds["timeout"] <= limit
                assert bounds["max_output"] == observation_spec.COMMAND_BYTES
                return ran(b"fine\n") if self.guest == "good" else bad(argv)

        def transport(_session: object, domain: ObservedDomain) -> Line:
            if domain.guest == "bad" and not reachable:
                raise errors.GuestError("demo/bad is stopped", hint=errors.start_it("demo/bad"))
            return Line(domain.guest)

        def facts(_session: object, asked: Sequence[ObservedDomain], *, timeout: float) -> list[GuestFacts]:
            assert timeout == limits.get("timeout", 30)
            told = "no facts today", "ask tomorrow", told_after
            return [GuestFacts(each.guest, each.metadata, None, *told) for each in asked]

        monkeypatch.setattr(choose, "backend", worlds.reached_by(transport))
        monkeypatch.setattr(collect, "facts", facts)
        session = SimpleNamespace(is_session=is_session)
        return checks.run(session, domains, items, **limits)  # type: ignore[arg-type]

    return done


def outcome(result: checks.Checked) -> dict[tuple[str, str], tuple[str, str]]:
    return {(f.guest, f.item.name): (str(f.verdict), f.why) for f in result.findings}


def test_a_guest_that_floods(check: Callable[..., checks.Checked]) -> None:
    result = check([observation("a", "good", "bad")], lambda _argv: ran(b"fine\n", truncated=True))
    assert outcome(result) == {
        ("good", "a"): ("pass", ""),
        ("bad", "a"): ("fail", "it wrote more than 64 KiB"),
    }
    assert not result.good


def test_an_exit_code_comes_with_what_the_command_complained_of(check: Callable[..., checks.Checked]) -> None:
    expect = Expectation(How.IS, ("0",))
    item = dataclasses.replace(observation("a", "bad"), read="exit-code", expect=expect)
    (found,) = check([item], lambda _argv: Result(2, None, b"", b"say: no such word\n", False)).findings
    assert (found.saw, found.verdict, found.complaint) == (("2",), Verdict.FAIL, "say: no such word")


def test_a_guest_that_hangs_is_asked_once(check: Callable[..., checks.Checked]) -> None:
    asked = []

    def hang(argv: Sequence[str]) -> Result:
        asked.append(argv)
        raise errors.NotReady("demo/bad did not answer within 20 s")

    result = check([observation(name, "bad", "good") for name in "abc"], hang)
    assert len(asked) == 1
    assert [f.why for f in result.findings if f.guest == "bad"] == ["demo/bad did not answer within 20 s"] * 3
    assert [f.verdict for f in result.findings if f.guest == "good"] == [Verdict.PASS] * 3


def test_a_command_that_hangs_costs_only_itself(check: Callable[..., checks.Checked]) -> None:
    def slow(argv: Sequence[str]) -> Result:
        if argv[1] == "a":
            told = "demo/bad: say was still running after 20 s \x1b[31mand was stopped"
            raise errors.TookTooLong(told, hint="give it more time with --timeout")
        return ran(b"fine\n")

    result = check([observation("a", "bad"), observation("b", "bad")], slow)
    found = outcome(result)
    assert found["bad", "b"] == ("pass", "")
    assert found["bad", "a"][0] == "unasked"
    assert "\x1b" not in found["bad", "a"][1]
    assert result.remedies == ["give it more time with --timeout"]
    assert not result.good


@pytest.mark.parametrize(
    ("told_after", "limits", "limit"),
    [
        (0.0, {}, 60),
        (14.0, {}, 60),
        (20.0, {}, 80),  # four times what the slowest answer so far took
        (600.0, {}, 240),
        (0.0, {"timeout": 300.0}, 300),
        (0.0, {"timeout": 5.0}, 5),
    ],
)
def test_a_guest_that_was_slow_has_more_time(
    check: Callable[..., checks.Checked], told_after: float, limits: dict[str, float], limit: float
) -> None:
    result = check(
        [observation("a", "good", "bad")],
        lambda _argv: ran(b"fine\n"),
        told_after=told_after,
        limit=limit,
        **limits,
    )
    assert result.good


def test_a_guest_that_is_down_and_one_that_is_not_there(check: Callable[..., checks.Checked]) -> None:
    result = check([observation("a", "bad", "gone", "good")], lambda _argv: ran(), reachable=False)
    assert outcome(result) == {
        ("bad", "a"): ("unasked", "demo/bad is stopped"),
        ("gone", "a"): ("unasked", "demo/gone is not up"),
        ("good", "a"): ("pass", ""),
    }
    assert result.remedies == ["{virtlab} start demo/bad", "{virtlab} up demo"]
    assert (result.good, result.tells_something) == (False, True)


def test_an_optional_guest_that_nobody_asked_for_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, domains: tuple[ObservedDomain, ...]
) -> None:
    monkeypatch.setattr(collect, "facts", lambda _session, _asked, **_: [])
    origin = dataclasses.replace(domains[0].metadata.origin, choices=Choices(left_out=("extra",)))
    first = dataclasses.replace(domains[0], metadata=dataclasses.replace(domains[0].metadata, origin=origin))
    items = [observation("a", "extra", "gone")]
    result = checks.run(None, (first,), items, everybody=False)  # type: ignore[arg-type]
    assert outcome(result) == {
        ("extra", "a"): (
            "impossible",
            "extra is optional, and was not asked for; to see it: {virtlab} up demo --with extra",
        ),
        ("gone", "a"): ("unasked", "demo/gone is not up"),
    }
    assert not result.passed


def test_facts_that_did_not_come(check: Callable[..., checks.Checked]) -> None:
    result = check([observation("a", "good", fact="kernel")], lambda _argv: ran())
    assert outcome(result) == {("good", "a"): ("unasked", "no facts today")}
    assert (result.remedies, result.tells_something) == (["ask tomorrow"], False)
    assert result.errors == {"good": "no facts today", "bad": "no facts today"}
    assert result.platform == {}


def test_what_this_host_has_not_is_no_failure(
    check: Callable[..., checks.Checked], domains: tuple[ObservedDomain, ...]
) -> None:
    other = "tcg" if domains[0].metadata.accel == "kvm" else "kvm"
    result = check([observation("a", "good", needs=(other,))], lambda _argv: ran())
    ((verdict, why),) = outcome(result).values()
    assert (verdict, why) == (
        "impossible",
        f"it needs KVM, and emulation runs good: {domains[0].metadata.accel_why}",
    )
    assert result.good
    assert not result.passed


@pytest.mark.parametrize("is_session", [False, True])
def test_what_needs_a_network_is_not_possible_where_guests_are_apart(
    check: Callable[..., checks.Checked], is_session: bool
) -> None:
    items = [observation("a", "good", needs=("network",))]
    ((verdict, why),) = outcome(check(items, lambda _argv: ran(), is_session=is_session)).values()
    assert verdict == ("impossible" if is_session else "pass")
    assert ("they can't reach one another" in why) == is_session


def test_a_part_that_was_not_told_is_not_taken_for_absent(
    monkeypatch: pytest.MonkeyPatch, domains: tuple[ObservedDomain, ...]
) -> None:
    for missing, observed in (("cpuid",), None), ((), ()):
        part = Facts(**dict.fromkeys(TEXTS, ""), **NUMBERS, **dict.fromkeys(LISTS, ()), missing=missing)
        given = [GuestFacts("good", domains[0].metadata, part, "")]
        monkeypatch.setattr(collect, "facts", lambda _session, _asked, given=given, **_: given)
        item = dataclasses.replace(
            observation("a", "good", fact="hypervisor.signature"), expect=Expectation(How.IS, ())
        )
        result = checks.run(None, domains[:1], [item])  # type: ignore[arg-type]
        assert result.findings[0].saw == observed
