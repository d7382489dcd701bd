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

_GUEST_SECONDS = 240.0  # for all commands in one guest
_MOST_AT_ONCE = 16
_NO_NETWORK = (
    "on qemu:///session each guest is on a user-mode network of its own, and they can't reach one another; "
    "qemu:///system gives the lab a network"
)
# The facts that are not known, rather than absent, where a part (a word of Facts.missing) was not told.
_OF_PART = {
    "cpuid": ("hypervisor.signature",),
    "boot messages": ("entry", "hypervisor.detected"),
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
        return verdicts.none_failed(self.findings)

    @property
    def passed(self) -> bool:
        """Whether every item was seen as expected, as an exercise wants it."""
        return all(finding.verdict is verdicts.Verdict.PASS for finding in self.findings)


def run(
    session: Session, domains: Sequence[Member], items: Sequence[Observation], *, everybody: bool = True
) -> Checked:
    """Makes the observations. ``domains`` are the guests of one instance, at least one.

    With ``everybody`` all guests are asked for their platform, too. A guest that is down, hangs or floods
    fails its own items only.
    """
    asked = {guest for item in items for guest in item.guests}
    chosen = [domain for domain in domains if everybody or domain.guest in asked]
    facts = {each.guest: each for each in collect.facts(session, chosen)}
    by_item: dict[tuple[str, str], Finding] = {}
    looks = [partial(_guest, session, domain, items, facts[domain.guest]) for domain in chosen]
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


def answered(session: Session, domains: Sequence[Member], exercise: Exercise, told: str) -> bool:
    """Whether a learner's answer agrees with what the guest says now.

    Raises GuestError where the guest can't be asked.
    """
    answer = exercise.answer
    assert answer is not None  # noqa: S101 - asked for only where there is one
    domain = next((domain for domain in domains if domain.guest == answer.guest), None)
    if domain is None:
        origin = domains[0].metadata.origin
        remedy = origin.with_guest(answer.guest) if answer.guest in origin.choices.left_out else ""
        raise errors.GuestError(_absent(answer.guest, origin), hint=remedy)
    (each,) = collect.facts(session, [domain])
    if each.facts is None:
        raise errors.GuestError(f"the guest that knows could not be asked: {each.error}", hint=each.hint)
    return verdicts.is_right(answer, values(each.facts)[answer.fact], told)


def _absent(guest: str, origin: Origin) -> str:
    return f"{origin.instance}/{guest} is not up"


def _not_up(item: Observation, guest: str, origin: Origin) -> Finding:
    """The finding in a guest that is not up: a failure, unless it is optional and was not asked for."""
    if guest not in origin.choices.left_out:
        return verdicts.unseen(item, guest, _absent(guest, origin))
    why = f"{guest} is optional, and was not asked for; to see it: {origin.with_guest(guest)}"
    return verdicts.impossible(item, guest, why)


def _guest(
    session: Session, domain: Member, items: Sequence[Observation], inside: GuestFacts
) -> list[Finding]:
    """The findings in one guest, its commands one after the other."""
    mine = [item for item in items if domain.guest in item.guests]
    known = values(inside.facts) if inside.facts else {}
    findings = []
    with prompts.Console(session, domain) as console:
        line = _Line(session, domain, console)
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
        return verdicts.unseen(item, domain.guest, inside.error)
    if not known[item.fact] and (part := _untold(item.fact, inside.facts.missing)):
        return verdicts.unseen(item, domain.guest, f"the guest did not tell its {part}")
    return verdicts.judged(item, domain.guest, known[item.fact])


def _untold(fact: str, missing: Sequence[str]) -> str | None:
    return next((part for part in missing if fact in _OF_PART.get(part, ())), None)


class _Line:
    """Runs commands in one guest, or types lines at its console. A guest that once gave no answer is not
    asked again."""

    def __init__(self, session: Session, domain: Member, console: prompts.Console) -> None:
        self._session = session
        self._domain = domain
        self._console = console
        self._transport: Transport | None = None
        self._deadline = time.monotonic() + _GUEST_SECONDS
        self._dead = ""

    def obstacle(self, item: Observation) -> str:
        """The reason why the observation is not possible on this host. Empty where it is possible."""
        if NEEDS_NETWORK in item.needs:
            return _NO_NETWORK if self._session.is_session else ""
        metadata = self._domain.metadata
        return metadata.accel_why if item.needs and metadata.accel not in item.needs else ""

    def ask(self, item: Observation) -> Finding:
        guest = self._domain.guest
        left = self._deadline - time.monotonic()
        if left <= 0 and not self._dead:
            self._dead = f"the commands in this guest took more than {_GUEST_SECONDS:.0f} s"
        if self._dead:
            return verdicts.unseen(item, guest, self._dead)
        timeout = min(COMMAND_SECONDS, left)
        try:
            return self._typed(item, timeout) if item.console else self._run(item, timeout)
        except errors.VirtlabError as error:
            said = printable(error.message)
            gone = self._transport is None and not item.console
            if gone or isinstance(error, errors.NotReady | errors.HypervisorError):
                self._dead = said
        except ValueError as error:
            said = str(error)
        return verdicts.unseen(item, guest, said)

    def _run(self, item: Observation, timeout: float) -> Finding:
        if self._transport is None:
            self._transport = choose.backend(self._session, self._domain).reach()
        result = self._transport.run(item.command, timeout=timeout, max_output=COMMAND_BYTES)
        if result.truncated:
            raise ValueError(f"it wrote more than {COMMAND_BYTES // 1024} KiB")
        saw = verdicts.read(item, result.exit_code, result.stdout, result.stderr)
        return verdicts.judged(item, self._domain.guest, saw, result.stderr)

    def _typed(self, item: Observation, timeout: float) -> Finding:
        told = self._console.ask(item.console or "", timeout)
        saw = verdicts.read(item, 0, "\n".join(told).encode(), b"")
        return verdicts.judged(item, self._domain.guest, saw)
