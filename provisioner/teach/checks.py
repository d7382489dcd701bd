"""Makes the observations of a lab in its guests."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends import choose, prompts
from provisioner.backends.session import Session
from provisioner.labfile.lesson import Exercise
from provisioner.labfile.observation_spec import COMMAND_BYTES, COMMAND_SECONDS, NEEDS_NETWORK
from provisioner.language import mapped, msg
from provisioner.model.lab import Guest, Observation
from provisioner.model.metadata import Origin
from provisioner.model.named_facts import values
from provisioner.model.observed import Member
from provisioner.observe import collect
from provisioner.observe.collect import GuestFacts
from provisioner.sanitize import printable
from provisioner.teach import verdicts
from provisioner.teach.verdicts import Finding
from provisioner.transport.executor import Transport
from provisioner.units import format_seconds

# Limits of time. A guest that was slow so far is given more, up to a bound: its lab may be somebody else's.
_FACTS_SECONDS = 30.0
_SLOWER = 4  # times the longest answer so far, for the next command
_MOST_SLOWER = 4  # times the usual limit, at most
_IN_ALL = 4  # times the limit of a command, for all of a guest's commands
_MORE_TIME = msg("give it more time with --timeout")
_MOST_AT_ONCE = 16
_NO_NETWORK = msg(
    "on qemu:///session each guest is on a user-mode network of its own, and they can't "
    "reach one another; qemu:///system gives the lab a network"
)
# The facts that are not known, rather than absent, where a part (a word of Facts.missing) was not told.
_OF_PART = {
    "cpuid": ("hypervisor.signature",),
    msg("boot messages"): ("entry", "hypervisor.detected"),
    "kernel": ("kernel",),
    "processor": ("processor",),
    "clock": ("clock.source", "clock.interface", "clock.sources"),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check came to."""

    instance: str
    taken: str  # UTC, ISO 8601
    accels: dict[str, str]  # guest -> kvm | tcg: what runs it, or the outermost guest that it is in
    guests: dict[str, Guest]  # by their names
    findings: tuple[Finding, ...]  # in the order of the items, for each in that of its guests
    platform: dict[str, tuple[str, ...]]  # guest -> what every such machine has, and what proves nothing
    errors: dict[str, str]  # guest -> why its facts are not known

    @property
    def good(self) -> bool:
        return verdicts.all_held(self.findings)

    @property
    def tells_something(self) -> bool:
        """Whether any guest that was to be asked could be."""
        asked = [finding for finding in self.findings if finding.verdict is not verdicts.Verdict.UNASKED]
        return bool(asked) or not self.findings

    @property
    def remedies(self) -> list[str]:
        """What to type, or do, so that guests can be asked that could not be."""
        found = list(dict.fromkeys(finding.remedy for finding in self.findings if finding.remedy))
        down = [errors.start_it(f"{self.instance}/{guest}") for guest in self.guests]
        if len(starts := [each for each in found if each in down]) < 2:
            return found
        return [errors.start_it(self.instance), *(each for each in found if each not in starts)]

    @property
    def passed(self) -> bool:
        """Whether every item was seen as expected, as an exercise wants it."""
        return all(finding.verdict is verdicts.Verdict.PASS for finding in self.findings)


def run(
    session: Session,
    domains: Sequence[Member],
    items: Sequence[Observation],
    *,
    everybody: bool = True,
    timeout: float | None = None,
) -> Checked:
    """Makes the observations. ``domains`` are the guests of one instance, at least one.

    With ``everybody`` all guests are asked for their platform, too. A guest that is down, hangs or floods
    costs its own items only. ``timeout``: the seconds that a command, and a guest's facts, may take, where
    the usual ones are too few.
    """
    asked = {guest for item in items for guest in item.guests}
    chosen = [domain for domain in domains if everybody or domain.guest in asked]
    told = collect.facts(session, chosen, timeout=timeout or _FACTS_SECONDS)
    facts = {each.guest: each for each in told}
    by_item: dict[tuple[str, str], Finding] = {}
    seconds = timeout or COMMAND_SECONDS
    looks = [partial(_guest, session, domain, items, facts[domain.guest], seconds) for domain in chosen]
    for results in side_by_side.run(looks, abandon=True, most=_MOST_AT_ONCE):
        by_item |= {(each.item.name, each.guest): each for each in results}
    origin = domains[0].metadata.origin
    label = origin.instance
    findings = [
        by_item.get((item.name, guest)) or _not_up(item, guest, origin)
        for item in items
        for guest in item.guests
    ]
    return Checked(
        instance=label,
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        accels={domain.guest: domain.metadata.accel for domain in chosen},
        guests={domain.guest: domain.metadata.guest for domain in chosen},
        findings=tuple(findings),
        platform={name: values(each.facts)["platform"] for name, each in facts.items() if each.facts},
        # nobody expects facts of a guest that can only be asked at its console
        errors={
            domain.guest: facts[domain.guest].error
            for domain in chosen
            if facts[domain.guest].error and not prompts.is_asked_there(domain)
        },
    )


def answered(
    session: Session,
    domains: Sequence[Member],
    exercise: Exercise,
    told: str,
    *,
    timeout: float | None = None,
) -> bool:
    """Whether a learner's answer agrees with what the guest says now.

    Raises GuestError where the guest can't be asked. ``timeout``: as of ``run``.
    """
    answer = exercise.answer
    assert answer is not None  # noqa: S101 - asked for only where there is one
    domain = next((domain for domain in domains if domain.guest == answer.guest), None)
    if domain is None:
        origin = domains[0].metadata.origin
        remedy = origin.with_guest(answer.guest) if answer.guest in origin.choices.left_out else ""
        raise errors.GuestError(_absent(answer.guest, origin), hint=remedy)
    (each,) = collect.facts(session, [domain], timeout=timeout or _FACTS_SECONDS)
    if each.facts is None:
        raise errors.GuestError(
            msg("the guest that knows could not be asked: {error}", error=each.error), hint=each.hint
        )
    return verdicts.is_right(answer, values(each.facts)[answer.fact], told)


def _absent(guest: str, origin: Origin) -> str:
    return msg("{instance}/{guest} is not up", instance=origin.instance, guest=guest)


def _not_up(item: Observation, guest: str, origin: Origin) -> Finding:
    """The finding in a guest that is not up. An optional one that nobody asked for is not possible here."""
    if guest not in origin.choices.left_out:
        return verdicts.unasked(item, guest, _absent(guest, origin), origin.typed.up())
    why = msg(
        "{guest} is optional, and was not asked for; to see it: {command}",
        guest=guest,
        command=origin.with_guest(guest),
    )
    return verdicts.impossible(item, guest, why)


def _guest(
    session: Session, domain: Member, items: Sequence[Observation], inside: GuestFacts, seconds: float
) -> list[Finding]:
    """The findings in one guest, its commands one after the other."""
    mine = [item for item in items if domain.guest in item.guests]
    known = values(inside.facts) if inside.facts else {}
    findings = []
    with prompts.Console(session, domain) as console:
        line = _Line(session, domain, console, seconds, inside.seconds)
        for item in mine:
            findings.append(_finding(item, domain, inside, known, line))
    return findings


def _finding(
    item: Observation,
    domain: Member,
    inside: GuestFacts,
    known: Mapping[str, tuple[str, ...]],
    line: _Line,
) -> Finding:
    if why := line.obstacle(item):
        return verdicts.impossible(item, domain.guest, why)
    if item.fact is None:
        return line.ask(item)
    if inside.facts is None:
        return verdicts.unasked(item, domain.guest, inside.error, inside.hint)
    if not known[item.fact] and (part := _untold(item.fact, inside.facts.missing)):
        return verdicts.unusable(item, domain.guest, msg("the guest did not tell its {part}", part=part))
    return verdicts.judged(item, domain.guest, known[item.fact])


def _untold(fact: str, missing: Sequence[str]) -> str | None:
    return next((part for part in missing if fact in _OF_PART.get(part, ())), None)


class _Line:
    """Runs commands in one guest, or types lines at its console. A guest that once gave no answer is not
    asked again."""

    def __init__(
        self, session: Session, domain: Member, console: prompts.Console, seconds: float, slowest: float
    ) -> None:
        """``seconds``: the limit of a command. ``slowest``: how long the longest answer took so far."""
        self._session = session
        self._domain = domain
        self._console = console
        self._transport: Transport | None = None
        self._seconds = seconds
        self._slowest = slowest
        self._began = time.monotonic()
        self._dead: tuple[str, str | None] | None = None  # why nobody is asked any more, and the remedy

    @property
    def _limit(self) -> float:
        """The seconds that the next command may take."""
        return min(max(self._seconds, _SLOWER * self._slowest), _MOST_SLOWER * self._seconds)

    def obstacle(self, item: Observation) -> str:
        """The reason why the observation is not possible on this host. Empty where it is possible."""
        if NEEDS_NETWORK in item.needs:
            return _NO_NETWORK if self._session.is_session else ""
        metadata = self._domain.metadata
        if not item.needs or metadata.accel in item.needs:
            return ""
        needed, runs = (
            ("KVM", msg("emulation runs")) if metadata.accel == "tcg" else (msg("emulation"), msg("KVM runs"))
        )
        return msg(
            "it needs {needed}, and {runs} {guest}: {why}",
            needed=needed,
            runs=runs,
            guest=self._domain.host.guest,
            why=metadata.accel_why,
        )

    def ask(self, item: Observation) -> Finding:
        guest = self._domain.guest
        began = time.monotonic()
        in_all = _IN_ALL * self._limit
        left = self._began + in_all - began
        if left <= 0 and self._dead is None:
            self._dead = (
                msg("the commands in this guest took more than {limit}", limit=format_seconds(in_all)),
                _MORE_TIME,
            )
        if self._dead is not None:
            return verdicts.unasked(item, guest, *self._dead)
        timeout = min(self._limit, left)
        try:
            found = self._typed(item, timeout) if item.console else self._run(item, timeout)
        except errors.VirtlabError as error:
            said = mapped(error.message, printable)
            gone = self._transport is None and not item.console
            if gone or isinstance(error, errors.NotReady | errors.HypervisorError):
                self._dead = said, error.hint
            return verdicts.unasked(item, guest, said, error.hint)
        except ValueError as error:
            return verdicts.unusable(item, guest, msg("{error}", error=error))
        self._slowest = max(self._slowest, time.monotonic() - began)
        return found

    def _run(self, item: Observation, timeout: float) -> Finding:
        if self._transport is None:
            self._transport = choose.backend(self._session, self._domain).reach()
        result = self._transport.run(item.command, timeout=timeout, max_output=COMMAND_BYTES)
        if result.truncated:
            raise ValueError(msg("it wrote more than {size} KiB", size=COMMAND_BYTES // 1024))
        saw = verdicts.read(item, result.exit_code, result.stdout, result.stderr)
        return verdicts.judged(item, self._domain.guest, saw, result.stderr)

    def _typed(self, item: Observation, timeout: float) -> Finding:
        told = self._console.ask(item.console or "", timeout)
        saw = verdicts.read(item, 0, "\n".join(told).encode(), b"")
        return verdicts.judged(item, self._domain.guest, saw)
