"""The last comparison and the last check of an instance, in the form in which they are kept for ``report``.

Where a text names a command of virtlab's, it contains ``{virtlab}``, which is replaced when it is shown,
because readers start virtlab in several ways. In results of older versions, the command is already spelled
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner import errors
from provisioner.language import Text
from provisioner.model.facts import Facts
from provisioner.model.lab import Expectation, Observation
from provisioner.model.plain import to_data
from provisioner.store import results, saved
from provisioner.teach.verdicts import Finding, Verdict

if TYPE_CHECKING:
    from provisioner.observe.beside import Compared
    from provisioner.teach.checks import Checked

FORMAT = 1  # of a comparison


@dataclass(frozen=True, slots=True)
class KeptGuest:
    """The facts of one guest in a comparison that was kept."""

    name: str
    accel: str  # kvm | tcg
    facts: Facts


@dataclass(frozen=True, slots=True)
class KeptComparison:
    """A comparison that was kept. Empty where there is none."""

    lab: str | None  # its name
    taken: str  # UTC, ISO 8601
    guests: tuple[KeptGuest, ...]  # those that told something


def problem_of(save: Callable[[], object]) -> errors.VirtlabError | None:
    """Keeps something that a verb can do without. Returns the reason where that is not possible: it is no
    failure of the verb."""
    try:
        save()
    except errors.VirtlabError as error:
        return error
    return None


def comparison_data(compared: Compared) -> dict[str, Any]:
    """A comparison as plain data."""
    from provisioner.observe import comparison

    return {
        "format": FORMAT,
        "instance": compared.instance,
        "lab": compared.lab,
        "taken": compared.taken,
        "guests": [
            {
                "name": one.guest,
                "accel": one.metadata.accel,
                "accel_why": one.metadata.accel_why,
                "error": one.error,
                "facts": to_data(one.facts) if one.facts else None,
                "host": to_data(observed),
            }
            for one, observed in zip(compared.inside, compared.outside, strict=True)
        ],
        "rows": [to_data(row) for row in comparison.rows(compared.inside)],
    }


def check_data(checked: Checked) -> dict[str, Any]:
    """A check as plain data."""
    return {
        "instance": checked.instance,
        "taken": checked.taken,
        "good": checked.good,
        "accels": checked.accels,
        "findings": [finding_data(finding) for finding in checked.findings],
        "platform": {guest: list(names) for guest, names in checked.platform.items()},
        "errors": checked.errors,
    }


def finding_data(finding: Finding) -> dict[str, Any]:
    """A finding of a check as plain data."""
    item = finding.item
    return {
        "item": item.name,
        "guest": finding.guest,
        "title": to_data(item.title),
        "fact": item.fact,
        "command": list(item.command),
        "console": item.console,
        "saw": None if finding.saw is None else list(finding.saw),
        "expect": {"how": str(item.expect.how), "values": list(item.expect.values)},
        "verdict": str(finding.verdict),
        "why": finding.why,
        "complaint": finding.complaint,
        "remedy": finding.remedy,
        "lesson": to_data(item.why),
    }


def last_comparison(instance: str, source: str | None) -> KeptComparison:
    """The last comparison that was kept, as far as it makes sense.

    ``source`` as in ``results.load``, here and below.
    """
    data = results.load("compare", instance, source)
    kept: dict[str, Any] = data if isinstance(data, dict) else {}
    lab, taken = kept.get("lab"), kept.get("taken")
    return KeptComparison(
        lab if isinstance(lab, str) else None,
        taken if isinstance(taken, str) else "",
        tuple(_guests(kept.get("guests"))),
    )


def _guests(entries: Any) -> Iterator[KeptGuest]:
    for entry in entries if isinstance(entries, list) else ():
        try:
            facts = saved.restored(Facts, entry["facts"])
            yield KeptGuest(str(entry["name"]), str(entry["accel"]), facts)
        except (KeyError, TypeError, ValueError):
            continue


def checked_accels(instance: str, source: str | None) -> dict[str, str]:
    """What ran each guest when it was checked last."""
    kept = results.load("check", instance, source)
    accels = kept.get("accels") if isinstance(kept, dict) else None
    known = accels.items() if isinstance(accels, dict) else ()
    return {guest: accel for guest, accel in known if isinstance(accel, str)}


def last_check(instance: str, source: str | None) -> tuple[str, tuple[Finding, ...]]:
    """The time of the last check and its findings. Empty where there is none that makes sense."""
    data: Any = results.load("check", instance, source)
    try:
        findings = tuple(saved.restored(_KeptFinding, entry).finding() for entry in data["findings"])
        return str(data["taken"]), findings
    except (KeyError, TypeError, ValueError):
        return "", ()


@dataclass(frozen=True, slots=True)
class _KeptFinding:
    """What is read of a finding in the form of ``finding_data``."""

    item: str
    guest: str
    title: Text
    saw: tuple[str, ...] | None
    expect: Expectation
    verdict: Verdict
    why: str
    lesson: Text | None
    complaint: str = ""  # older versions kept none
    remedy: str | None = None  # nor this one, and they took for failed what could not be asked

    def finding(self) -> Finding:
        item = Observation(self.item, self.title, (self.guest,), None, (), "", self.expect, (), self.lesson)
        unasked = self.remedy is None and self.saw is None and self.verdict is Verdict.FAIL
        verdict = Verdict.UNASKED if unasked else self.verdict
        return Finding(item, self.guest, self.saw, verdict, self.why, self.complaint, self.remedy or "")
