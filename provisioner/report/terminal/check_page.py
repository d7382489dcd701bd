"""What a check came to, as data and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.model.lab import How
from provisioner.report import words
from provisioner.report.terminal import table, text
from provisioner.report.terminal.wrap import width
from provisioner.teach.verdicts import Finding, Verdict
from provisioner.verbs import kept

if TYPE_CHECKING:
    from provisioner.teach.checks import Checked
    from provisioner.verbs.check import StepCheck

_COLUMNS = 80  # of running text
_SEEN = 30  # columns in the table for what was observed, and for what is expected

RESULT = {
    Verdict.PASS: Text("pass", "合格"),
    Verdict.FAIL: Text("fail", "不合格"),
    Verdict.IMPOSSIBLE: Text("not possible here", "判定不可"),
    Verdict.UNASKED: Text("not asked", "未確認"),
}
_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.IMPOSSIBLE: "yellow",
    Verdict.UNASKED: "yellow",
}
_HEAD = (
    Text("result", "結果"),
    Text("guest", "ゲスト"),
    Text("what", "項目"),
    Text("seen", "確認した値"),
    Text("expected", "期待する値"),
)
NOTHING = Text("nothing", "なし")
_EXPECTED = {
    How.IS: Text("{}", "{}"),
    How.HAS: Text("{}, among others", "{}を含む"),
    How.LACKS: Text("not {}", "{}を含まない"),
    How.AT_LEAST: Text("{} or more", "{}以上"),
    How.AT_MOST: Text("{} or less", "{}以下"),
}
_UNSEEN = {
    Verdict.FAIL: Text("no answer that can be judged: {}", "判定できる回答がありませんでした: {}"),
    Verdict.IMPOSSIBLE: Text("not possible here, because {}", "この環境では判定できません: {}"),
    Verdict.UNASKED: Text("could not be asked: {}", "確認できませんでした: {}"),
}
_SAW = Text("saw {}; the lesson expects {}", "確認した値は「{}」、期待する値は「{}」です")
_JOINT = Text("; ", "。")
COMPLAINT = Text("its command wrote on standard error: {}", "コマンドの標準エラー出力: {}")
PLATFORM = Text(
    "What every such machine has, and what proves nothing:",
    "この種のマシンに必ずあり、何の証拠にもならないもの:",
)
_SUMMARY = {
    Verdict.PASS: Text("{} passed", "合格 {}"),
    Verdict.FAIL: Text("{} failed", "不合格 {}"),
    Verdict.IMPOSSIBLE: Text("{} not possible here", "判定不可 {}"),
    Verdict.UNASKED: Text("{} could not be asked", "未確認 {}"),
}


def check_data(checked: Checked) -> dict[str, Any]:
    """A check as plain data, for programs to read."""
    return {**kept.check_data(checked), "findings": [finding_data(finding) for finding in checked.findings]}


def finding_data(finding: Finding) -> dict[str, Any]:
    """One finding as plain data, for programs to read."""
    told = {"why": text.spelled(finding.why), "remedy": text.spelled(finding.remedy)}
    return {**kept.finding_data(finding), **told}


def step_data(result: StepCheck) -> dict[str, Any]:
    """A check of one exercise as plain data."""
    return {
        "step": result.step.number,
        "name": result.step.exercise.name,
        "passed": result.passed,
        "answer": result.answer_is_right,
        "findings": [finding_data(f) for f in result.checked.findings] if result.checked else [],
    }


def next_page(result: Checked) -> str:
    """What to do so that guests can be asked that could not be; empty where all were."""
    return "\n".join(text.next_step(remedy) for remedy in result.remedies)


def failed_names(result: Checked) -> list[str]:
    """``GUEST/ITEM`` of what failed."""
    return [f"{f.guest}/{f.item.name}" for f in result.findings if f.verdict is Verdict.FAIL]


def check_page(result: Checked, language: Language) -> str:
    """All of it for people."""
    parts = [_headline(result, language)]
    if result.findings:
        parts.append(findings_table(result.findings, language))
        parts += _explanations(result.findings, language)
    if result.platform:
        parts.append("\n".join(_platform(result.platform, language)))
    told = {finding.why for finding in result.findings}
    errors = ((guest, why) for guest, why in result.errors.items() if why not in told)
    parts += ["\n".join(running(f"{guest}: {said(why, language)}")) for guest, why in errors]
    return "\n\n".join(parts)


def findings_table(findings: Sequence[Finding], language: Language) -> str:
    """A row for each finding."""
    rows = [
        (
            said(RESULT[finding.verdict], language),
            finding.guest,
            said(finding.item.title, language),
            "-" if finding.saw is None else short(values(finding.saw, language)),
            short(expected(finding, language)),
        )
        for finding in findings
    ]
    firsts = [_STYLES[finding.verdict] for finding in findings]
    return "\n".join(table.drawn([said(word, language) for word in _HEAD], rows, text.room(), firsts))


def _explanations(findings: Sequence[Finding], language: Language) -> list[str]:
    """The explanation of each item that did not pass. Items of a guest that could not be observed for the
    same reason share one."""
    parts = []
    unseen: dict[tuple[str, str, Verdict], list[Finding]] = {}
    for finding in findings:
        if finding.verdict is Verdict.PASS:
            continue
        if finding.saw is None:
            unseen.setdefault((finding.guest, finding.why, finding.verdict), []).append(finding)
        else:
            parts.append(explained(finding, language))
    for (guest, why, verdict), group in unseen.items():
        if len(group) == 1:
            parts.append(explained(group[0], language))
        else:
            about = guest
            if verdict is Verdict.FAIL:
                titles = [said(finding.item.title, language) for finding in group]
                about += f": {', '.join(titles)}"
            reason = said(_UNSEEN[verdict], language).format(text.spelled(said(why, language)))
            parts.append("\n".join(running(f"{about}: {reason}")))
    return parts


def explained(finding: Finding, language: Language) -> str:
    """Why it did not pass, and what the lesson says about it, in lines of a terminal."""
    if finding.saw is None:
        reason = said(_UNSEEN[finding.verdict], language).format(text.spelled(said(finding.why, language)))
    else:
        reason = said(_SAW, language).format(values(finding.saw, language), expected(finding, language))
        if finding.complaint:
            reason += said(_JOINT, language) + said(COMPLAINT, language).format(finding.complaint)
    lines = running(f"{finding.guest}: {said(finding.item.title, language)}: {reason}")
    if finding.item.why and finding.verdict is not Verdict.UNASKED:
        lines += [f"  {line}" for line in running(said(finding.item.why, language), indent=2)]
    return "\n".join(lines)


def running(words: str, *, indent: int = 0) -> list[str]:
    """The lines of running text, which stand ``indent`` columns to the right."""
    return text.running(words, text.measure(_COLUMNS) - indent)


def values(saw: Iterable[str], language: Language) -> str:
    """Values in one line, or a word where there is none."""
    return ", ".join(words.in_words(each, language) for each in saw) or said(NOTHING, language)


def expected(finding: Finding, language: Language) -> str:
    expect = finding.item.expect
    return said(_EXPECTED[expect.how], language).format(values(expect.values, language))


def short(cell: str) -> str:
    """The text, cut to the width of its column in the table."""
    if width(cell) <= _SEEN:
        return cell
    while width(cell) > _SEEN - 1:
        cell = cell[:-1]
    return f"{cell.rstrip(' ,')}…"


def summary(findings: Iterable[Finding], language: Language) -> str:
    """How many items passed, failed and were not possible. Numbers that are zero are left out."""
    counts = dict.fromkeys(Verdict, 0)
    for finding in findings:
        counts[finding.verdict] += 1
    told = [said(_SUMMARY[verdict], language).format(n) for verdict, n in counts.items() if n]
    return ("、" if language is Language.JA else ", ").join(told)


def _headline(result: Checked, language: Language) -> str:
    accels: dict[str, list[str]] = {}
    for guest, accel in result.accels.items():
        by = words.runs(accel, result.guests[guest], language)
        accels.setdefault(by, []).append(guest)
    told = "; ".join(f"{', '.join(guests)}: {by}" for by, guests in accels.items())
    return f"{text.styled(f'{result.instance}: {summary(result.findings, language)}', 'bold')}\n{told}"


def _platform(platform: dict[str, tuple[str, ...]], language: Language) -> list[str]:
    lines = [text.styled(said(PLATFORM, language), "bold")]
    common = [name for name in next(iter(platform.values())) if all(name in p for p in platform.values())]
    groups = [(", ".join(platform), common)]
    groups += [(guest, [n for n in names if n not in common]) for guest, names in platform.items()]
    for guests, names in groups:
        if names:
            first, *rest = running(f"{guests}: {', '.join(names)}", indent=4)
            lines += [f"  {first}", *(f"    {line}" for line in rest)]
    return lines
