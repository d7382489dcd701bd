"""The part of a lab's page that shows what was measured: its first line, the charts, and the host."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, said
from provisioner.measure import workloads
from provisioner.measure.workloads import Metric, Needs, Source
from provisioner.model.measured import Verdict
from provisioner.report.html import charts
from provisioner.report.terminal.bench_page import amount, doubts, number, title, unit, verdict
from provisioner.report.words import accel, when
from provisioner.units import format_seconds, rough_size

if TYPE_CHECKING:
    from provisioner.model.measured import Bench, HostFacts, Outcome, Ratio, Series

_NOTHING = Text("No difference was measured.", "差は測定されませんでした。")
_UNSTEADY = Text(
    "Times are not told here: the control did not hold, so this host was not steady.",
    "対照が成立せず、ホストの状態が安定していなかったため、時間に関する結果はここでは示しません。",
)
_GROUPS = {
    "registers": Text("How often the guest reaches for the device", "ゲストがデバイスに触れる回数"),
    "network": Text("Network", "ネットワーク"),
    "disk": Text("Disk", "ディスク"),
    "boot": Text("Boot by phase", "起動にかかる時間"),
    "host": Text("What it costs the host", "ホスト側の負担"),
    "control": Text("The control", "対照"),
    "": Text("Other", "その他"),
}


def shown(bench: Bench, language: Language, colors: dict[str, int]) -> dict[str, Any]:
    """What the template takes: a sentence about the run, its notes, and the outcomes in groups."""
    metrics = workloads.metrics()
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in _GROUPS}
    for index, outcome in enumerate(bench.outcomes):
        metric = metrics.get(outcome.workload)
        ident = f"{language}-chart-{index}"
        groups[_group(metric)].append(_outcome(outcome, metric, language, colors, ident))
    return {
        "about": _about(bench, language),
        "accel": _accels(bench, language),
        "doubts": doubts(bench, language),
        "notes": [said(note, language) for note in bench.notes],
        "groups": [
            {"title": said(_GROUPS[name], language), "outcomes": outcomes}
            for name, outcomes in groups.items()
            if outcomes
        ],
    }


def contrast(bench: Bench, language: Language) -> list[str]:
    """The outcome in which the guests differ most, and the strongest one that contradicts it, if there is
    one.

    Where the control does not hold, only counts are taken, and the text says that the rest is doubtful.
    """
    metrics = workloads.metrics()
    outcomes: list[tuple[float, bool, str]] = []
    for outcome in bench.outcomes:
        metric = metrics.get(outcome.workload)
        if metric and metric.control:
            continue
        if not bench.control_holds and (metric is None or metric.source is not Source.REGISTERS):
            continue  # a time that was taken on a host that was not steady
        for ratio in outcome.ratios:
            if ratio.median and ratio.median > 0 and ratio.verdict in (Verdict.MORE, Verdict.LESS):
                line = _line(outcome, ratio, language)
                better = (ratio.verdict is Verdict.MORE) is outcome.more_is_better
                outcomes.append((abs(math.log(ratio.median)), better, line))
    outcomes.sort(key=lambda item: -item[0])
    lines = [line for _, _, line in outcomes[:1]]
    other = next((line for _, better, line in outcomes if better is not outcomes[0][1]), None)
    if other:
        words = Text(f"But not in everything: {other}", f"ただし逆の結果もあります。{other}")
        lines.append(said(words, language))
    if not bench.control_holds:
        lines.append(said(_UNSTEADY, language))
    return lines or [said(_NOTHING, language)]


def host(facts: HostFacts, language: Language) -> list[tuple[str, str]]:
    """The machine below, line by line."""
    unknown = said(Text("not known", "不明"), language)
    rows = (
        (Text("Processor", "プロセッサ"), facts.processor),
        (Text("Cores", "コア数"), str(facts.cores) if facts.cores else ""),
        (Text("Kernel", "カーネル"), facts.kernel),
        (Text("QEMU", "QEMU"), facts.qemu),
        (Text("libvirt", "libvirt"), facts.libvirt),
        (Text("Connection", "接続先"), facts.connection),
        (Text("Load of the last minute", "直前1分間の負荷"), facts.load is not None and f"{facts.load:.2f}"),
    )
    return [(said(name, language), value or unknown) for name, value in rows]


def configurations(bench: Bench, language: Language, colors: dict[str, int]) -> dict[str, Any]:
    """The guests as they were measured, each in a column."""
    rows = (
        (Text("Accelerator", "アクセラレータ"), [accel(g.accel, language) for g in bench.guests]),
        (Text("Machine", "マシン"), [g.machine for g in bench.guests]),
        (Text("Processors", "プロセッサ数"), [str(g.processors) for g in bench.guests]),
        (Text("Memory", "メモリ"), [rough_size(g.memory) for g in bench.guests]),
        (Text("Disk", "ディスク"), [g.disk for g in bench.guests]),
        (Text("Cache mode", "キャッシュモード"), [g.cache for g in bench.guests]),
        (Text("Network", "ネットワーク"), [f"{g.network} ({g.network_mode})" for g in bench.guests]),
    )
    return {
        "columns": [{"name": g.name, "color": colors.get(g.name, 0)} for g in bench.guests],
        "rows": [(said(name, language), cells) for name, cells in rows],
    }


def _group(metric: Metric | None) -> str:
    if metric is None:
        return ""
    if metric.control:
        return "control"
    if metric.source is not Source.GUEST:
        return str(metric.source)
    probe = next(probe for probe in workloads.PROBES if metric in probe.metrics)
    return "network" if Needs.NETWORK in probe.needs else "disk" if Needs.DISK in probe.needs else ""


def _outcome(
    outcome: Outcome, metric: Metric | None, language: Language, colors: dict[str, int], ident: str
) -> dict[str, Any]:
    name = title(outcome.workload, language)
    direction = Text("less is better", "小さいほど良い")
    if outcome.more_is_better:
        direction = Text("more is better", "大きいほど良い")
    if metric and metric.control:
        direction = Text("must be equal", "等しくなければならない")
    rounds = max((len(series.values) for series in outcome.series), default=0)
    return {
        "title": name,
        "unit": unit(outcome.unit, language),
        "direction": said(direction, language),
        "label": outcome.label,
        "svg": _chart(outcome, name, language, colors, ident),
        "missing": [f"{s.guest}: {said(s.missing, language)}" for s in outcome.series if s.missing],
        "ratios": [
            {"of": f"{ratio.guest} / {ratio.base}", "verdict": verdict(ratio, language)}
            for ratio in outcome.ratios
        ],
        "series": [{"guest": s.guest, "color": colors.get(s.guest, 0)} for s in outcome.series],
        "rounds": [[_cell(series, index) for series in outcome.series] for index in range(rounds)],
        "raw": outcome.raw,
    }


def _cell(series: Series, index: int) -> str:
    return f"{series.values[index]:,.6g}" if index < len(series.values) else "–"


def _chart(outcome: Outcome, name: str, language: Language, colors: dict[str, int], ident: str) -> Any:
    """The chart's markup. Empty where there is nothing to draw."""
    from markupsafe import Markup

    measure = unit(outcome.unit, language)
    rows, told = [], []
    for series in outcome.series:
        if series.values:
            middle, low, high = median(series.values), min(series.values), max(series.values)
            label = f"{series.guest}  {amount(middle, measure)}"
            rows.append(charts.Row(label, colors.get(series.guest, 0), series.values, middle))
            told.append(f"{label} ({number(low)}–{number(high)})")
    words = Text(
        "Median, and from the lowest to the highest round: " + "; ".join(told),
        "中央値(最小値–最大値): " + "、".join(told),
    )
    try:
        drawn = charts.drawn(rows, name=ident, title=name, description=said(words, language))
    except ValueError:
        return ""
    return Markup(drawn)  # noqa: S704 - an XML serializer wrote it


def _line(outcome: Outcome, ratio: Ratio, language: Language) -> str:
    values = {series.guest: median(series.values) for series in outcome.series if series.values}
    name, measure = title(outcome.workload, language), unit(outcome.unit, language)
    base, other = values.get(ratio.base), values.get(ratio.guest)
    first = amount(base, measure)
    factor = number(max(ratio.median or 1, 1 / (ratio.median or 1)))
    return said(
        Text(
            f"{name}: {first} with {ratio.base}, {number(other)} with {ratio.guest} (a factor of {factor}).",
            f"{name}: {ratio.base}は{first}、{ratio.guest}は{amount(other, measure)}({factor}倍の差)。",
        ),
        language,
    )


def _accels(bench: Bench, language: Language) -> str:
    names = (accel(name, language) for name in sorted({guest.accel for guest in bench.guests}))
    return said(Text(", ", "、"), language).join(names)


def _about(bench: Bench, language: Language) -> str:
    by, at = _accels(bench, language), when(bench.taken)
    return said(
        Text(
            f"{bench.rounds} rounds, the guests in turn, on {at}; it took {format_seconds(bench.seconds)}. "
            f"The guests ran by {by}.",
            f"{at}に、ゲストを交互に{bench.rounds}回測定しました。"
            f"所要時間は{format_seconds(bench.seconds)}、ゲストの実行方式は{by}です。",
        ),
        language,
    )
