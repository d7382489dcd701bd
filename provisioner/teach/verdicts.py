"""Compares what was observed in guests with what a lesson expects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from provisioner.labfile.lesson import Answer
from provisioner.language import msg
from provisioner.model.lab import How, Observation
from provisioner.sanitize import printable

MAX_VALUES = 1000
_VALUE = 200  # characters of one value that are kept
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
_NOT_STARTED = (126, 127)  # exit codes of a shell for what it can't run


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    IMPOSSIBLE = "impossible"  # it can't be observed on this host, which is no failure
    UNASKED = "unasked"  # the guest is down, broken or slow: nothing is proved, and nothing failed


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation in one guest."""

    item: Observation
    guest: str
    saw: tuple[str, ...] | None  # None where the guest could not be asked, or was not
    verdict: Verdict
    why: str = ""  # one line: why nothing was observed
    complaint: str = ""  # one line: what the command wrote on standard error
    remedy: str = ""  # what to do so that the guest can be asked


def judged(item: Observation, guest: str, saw: tuple[str, ...], stderr: bytes = b"") -> Finding:
    """The finding for what a guest showed; ``stderr`` is what its command wrote there."""
    verdict = Verdict.PASS if _holds(item, saw) else Verdict.FAIL
    return Finding(item, guest, saw, verdict, complaint=complaint(stderr))


def unusable(item: Observation, guest: str, why: str) -> Finding:
    """The finding where a guest answered, and not in a way that can be judged."""
    return Finding(item, guest, None, Verdict.FAIL, why)


def unasked(item: Observation, guest: str, why: str, remedy: str | None) -> Finding:
    """The finding where a guest could not be asked."""
    return Finding(item, guest, None, Verdict.UNASKED, why, remedy=remedy or "")


def impossible(item: Observation, guest: str, why: str) -> Finding:
    """The finding where this host lacks something that the observation needs."""
    return Finding(item, guest, None, Verdict.IMPOSSIBLE, why)


def all_held(findings: Sequence[Finding]) -> bool:
    """Whether all that is possible here was seen as expected."""
    return all(finding.verdict in (Verdict.PASS, Verdict.IMPOSSIBLE) for finding in findings)


def read(item: Observation, exit_code: int | None, stdout: bytes, stderr: bytes) -> tuple[str, ...]:
    """The values that a command wrote, printable. Raises ValueError where they can't be read."""
    told = complaint(stderr)
    if exit_code is None or exit_code in _NOT_STARTED:
        raise ValueError(told or msg("{command} can't be run", command=printable(item.command[0], 60)))
    if item.read == "exit-code":
        return (str(exit_code),)
    if exit_code and told:  # without a complaint it is an answer: grep, for one, found nothing
        raise ValueError(msg("exit code {exit_code}: {told}", exit_code=exit_code, told=told))
    if item.read == "number":
        text = stdout.strip().decode("ascii", "replace")
        if not _NUMBER.fullmatch(text):
            more = msg("; on standard error: {told}", told=told) if told else ""
            raise ValueError(
                msg(
                    "a number was expected, not {text}{more}",
                    text=printable(text, 40) or msg("nothing"),
                    more=more,
                )
            )
        return (text,)
    if item.read == "text":
        text = printable(stdout.strip(), _VALUE)
        return (text,) if text else ()
    lines = [line.strip() for line in stdout.split(b"\n") if line.strip()]
    if len(lines) > MAX_VALUES:
        raise ValueError(msg("it wrote more than {most} lines", most=MAX_VALUES))
    return tuple(printable(line, _VALUE) for line in lines)


def complaint(stderr: bytes) -> str:
    """What a command wrote on standard error, as one printable line."""
    return printable(b"; ".join(line.strip() for line in stderr.splitlines() if line.strip()), _VALUE)


def is_right(answer: Answer, values: Sequence[str], told: str) -> bool:
    """Whether a learner's answer agrees with ``values``, those of ``answer.fact`` now."""
    right = [value for value in values if value.startswith(answer.starts)]
    told = told.strip()
    if answer.count:
        return re.fullmatch("[0-9]{1,9}", told) is not None and int(told) == len(right)
    folded = _folded(told)
    return bool(folded) and folded in map(_folded, right)


def _folded(text: str) -> str:
    """The text in a form to compare: for Linux, virtio-blk and virtio_blk are the same module."""
    return text.casefold().replace("-", "_")


def _holds(item: Observation, saw: tuple[str, ...]) -> bool:
    wanted, observed = set(item.expect.values), set(saw)
    match item.expect.how:
        case How.IS:
            return observed == wanted
        case How.HAS:
            return wanted <= observed
        case How.LACKS:
            return not wanted & observed
        case How.AT_LEAST:
            return _number(item, saw) >= int(item.expect.values[0])
        case How.AT_MOST:
            return _number(item, saw) <= int(item.expect.values[0])


def _number(item: Observation, saw: tuple[str, ...]) -> float:
    """The number that was observed, or the number of values where they are no number."""
    is_number = item.fact is not None or item.read in ("number", "exit-code")
    return float(saw[0]) if is_number and len(saw) == 1 and _NUMBER.fullmatch(saw[0]) else len(saw)
