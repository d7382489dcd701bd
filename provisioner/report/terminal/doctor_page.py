"""What ``doctor`` found, as data and as a page."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from provisioner.language import msg
from provisioner.report.preferred_language import local
from provisioner.report.terminal import table, text
from provisioner.report.terminal.wrap import width

if TYPE_CHECKING:
    from provisioner.lifecycle.host_checks import Check
    from provisioner.verbs.doctor import Findings

_HOW = {"kvm": msg("runs with KVM"), "emulated": msg("runs emulated"), "not": msg("can't run here")}


def doctor_data(findings: Findings) -> dict[str, Any]:
    """The findings as plain data."""
    checks = [{**asdict(c), "remedy": c.remedy and text.spelled(c.remedy)} for c in findings.checks]
    return {"fit": findings.fit, "checks": checks, "labs": [asdict(lab) for lab in findings.labs]}


def doctor_page(findings: Findings) -> str:
    """One line for each check, with its remedy below it; then the labs."""
    widest = max(width(local(check.name)) for check in findings.checks)
    lines = []
    for check in findings.checks:
        name = local(check.name)
        lines += _beside(f"{_mark(check)} {name}{' ' * (widest - width(name))}", text.told(check.told))
        if check.remedy and not check.good:
            lines += _beside(f"  {' ' * widest}", f"→ {text.told(check.remedy)}")
    # what several labs have in common stands once, below them
    counted = Counter((lab.how, lab.why) for lab in findings.labs)
    shared = [each for each, count in counted.items() if count > 1 and each[1]]
    rows = [
        (lab.name, _HOW[lab.how], "" if (lab.how, lab.why) in shared else lab.why) for lab in findings.labs
    ]
    lines += ["", table.columns((msg("lab"), msg("here"), msg("why")), rows)]
    return "\n".join([*lines, *(f"{local(_HOW[how])}: {local(why)}" for how, why in shared)])


def _beside(head: str, words: str) -> list[str]:
    """A head, and text in a column of its own beside it."""
    room, indent, told = text.room(), width(head) + 2, words
    first, *rest = [told] if room is None else text.running(told, max(20, room - indent))
    return [f"{head}  {first}", *(f"{' ' * indent}{line}" for line in rest)]


def _mark(check: Check) -> str:
    if check.good:
        return text.styled("✓", "green")
    return text.styled("✗", "red") if check.needed else text.styled("!", "yellow")
