"""A benchmark for people: doubts, the table, the host and guests, and then the explanations."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from provisioner.language import Language, Text, joined, said
from provisioner.measure import explanations, statistics, workloads
from provisioner.measure.baseline import Against, Moved
from provisioner.model.measured import Bench, GuestConfig, Outcome, Ratio, Series, Verdict
from provisioner.model.plain import to_data
from provisioner.report.terminal import table, text
from provisioner.report.terminal.wrap import width, wrapped
from provisioner.report.words import accel, when
from provisioner.units import format_seconds, format_size

if TYPE_CHECKING:
    from provisioner.verbs.bench import Measured

_WIDEST = 100  # columns of running text
_UNITS = {
    "1/request": Text("per request", "回/要求"),
    "1/MB": Text("per MB", "回/MB"),
    "s/1000": Text("s per 1000", "秒/1000要求"),
    "s/GB": Text("s per GB", "秒/GB"),
    "s": Text("s", "秒"),
}
_WHAT = {
    "processor": Text("processor", "プロセッサ"),
    "processors": Text("processors", "プロセッサ数"),
    "cores": Text("cores", "コア数"),
    "kernel": Text("kernel", "カーネル"),
    "qemu": Text("QEMU", "QEMU"),
    "libvirt": Text("libvirt", "libvirt"),
    "connection": Text("connection", "接続"),
    "accel": Text("accelerator", "アクセラレータ"),
    "machine": Text("machine", "マシン"),
    "memory": Text("memory", "メモリ"),
    "disk": Text("disk", "ディスク"),
    "cache": Text("cache mode", "キャッシュモード"),
    "network": Text("network card", "ネットワークカード"),
    "network_mode": Text("network", "ネットワーク"),
}
_MOVED = {
    Moved.UP: Text("went up", "増加"),
    Moved.DOWN: Text("went down", "減少"),
    Moved.NOT_SEEN: Text("no change measured", "変化は測定されず"),
    Moved.UNKNOWN: Text("too few numbers", "数値が不足"),
    Moved.NOT_COMPARED: Text("not compared", "比較しない"),
}


def bench_data(measured: Measured) -> dict[str, Any]:
    """The measured values as plain data, with what changed where there is an earlier result."""
    data: dict[str, Any] = to_data(measured.bench)
    return data | ({"against": to_data(measured.against)} if measured.against else {})


def measured_page(measured: Measured, language: Language) -> str:
    """The page of what was measured, and of what changed where there is an earlier result."""
    moved = [against_page(measured.against, language)] if measured.against else []
    return "\n\n".join([page(measured.bench, language), *moved])


def page(bench: Bench, language: Language) -> str:
    """All of it, ready to print."""
    parts = [
        "\n".join(_warned(bench, language)),
        _table(bench, language),
        "\n".join(_reading(bench, language)),
        "\n".join(_missing(bench, language)),
        "\n".join(_taken_on(bench, language)),
        *("\n".join(_running(said(words, language))) for words in explanations.of(bench)),
    ]
    return "\n\n".join(part for part in parts if part)


def number(value: float | None) -> str:
    """A number with at most three significant digits: 0.0421, 1.92, 26, 1810."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 1e6:
        return f"{value:.3g}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if abs(rounded) >= 100 else f"{rounded:g}"


def factor(value: float) -> str:
    """A ratio as a number from one up, or as a fraction of one: ``1.92``, ``1/26``, ``1/1.81``."""
    if not 0 < value < 1:
        return number(value)
    below = number(1 / value)
    return below if below == "1" else f"1/{below}"


def verdict(ratio: Ratio, language: Language) -> str:
    """A ratio in words: ``1.92 times, 1.8 to 2.01``, ``not clear: 1/1.11 to 1.3``."""
    if ratio.verdict is Verdict.MISSING:
        return said(Text("no numbers", "数値なし"), language)
    if ratio.low is None or ratio.high is None:
        return said(Text("not clear: too few rounds", "不明確: 回数不足"), language)
    low, high = factor(ratio.low), factor(ratio.high)
    if ratio.verdict is Verdict.SAME:
        words = Text(f"no difference measured ({low} to {high})", f"差は測定されず({low}〜{high})")
    elif ratio.verdict is Verdict.UNCLEAR:
        words = Text(f"not clear: {low} to {high}", f"不明確: {low}〜{high}")
    else:
        words = _times(ratio.low, ratio.median or ratio.low, ratio.high)
    return said(words, language)


def _times(low: float, middle: float, high: float) -> Text:
    """A ratio and its interval: ``1.92 times, 1.8 to 2.01``, ``1/26, 1/28 to 1/24``."""
    shown = [factor(value) for value in (low, middle, high)]
    is_fraction = shown[1].startswith("1/")
    en, ja = (shown[1], shown[1]) if is_fraction else (f"{shown[1]} times", f"{shown[1]}倍")
    if shown[0] == shown[2]:
        return Text(en, ja)
    return Text(f"{en}, {shown[0]} to {shown[2]}", f"{ja}({shown[0]}〜{shown[2]})")


def title(workload: str, language: Language) -> str:
    """The title of a workload, or its bare name where it is in an older result and no longer exists."""
    metric = workloads.metrics().get(workload)
    return said(metric.title, language) if metric else workload


def amount(value: float | None, measure: str) -> str:
    """A number with its unit, as ``unit`` gives it. Japanese units follow the number without a blank."""
    gap = "" if width(measure[:1]) == 2 else " "
    return f"{number(value)}{gap}{measure}"


def unit(name: str, language: Language) -> str:
    """A unit for people."""
    return said(_UNITS[name], language) if name in _UNITS else name


# what to doubt


def doubts(bench: Bench, language: Language) -> str:
    """The reasons to doubt the numbers. Empty where the control held and was steady."""
    low, high = bench.control
    control = next((o for o in bench.outcomes if o.workload == "control"), None)
    ratios = [r for r in control.ratios if r.median is not None] if control else []
    medians = ", ".join(number(r.median) for r in ratios)
    if len(bench.guests) < 2:
        return ""
    if bench.control_holds is None:
        words = Text(
            "Doubt these numbers: the control (processor work only) has none, so nothing tells whether the "
            "guests had the same processor.",
            "以下の数値は疑ってください。対照(プロセッサ処理のみ)の数値がないため、ゲスト間でプロセッサの条件が"
            "同じだったかどうか分かりません。",
        )
    elif not bench.control_holds:
        words = Text(
            f"Doubt these numbers: the control (processor work only) came out at {medians} times, and "
            f"must lie within {low} to {high}. Something else took the processor. Run it again on a quiet "
            "host.",
            f"以下の数値は疑ってください。対照(プロセッサ処理のみ)の比が{medians}となり、{low}〜{high}に"
            "収まりませんでした。ほかの処理がプロセッサを使っていたと考えられます。静かなホストで"
            "やり直してください。",
        )
    elif any(r.verdict is Verdict.UNCLEAR for r in ratios):
        words = Text(
            "This host was not steady: the control (processor work only) came out right, at "
            f"{medians} times, but its rounds differ by more than {low} to {high} allows. Times and "
            "speeds below vary, too.",
            f"ホストの状態が安定していませんでした。対照(プロセッサ処理のみ)の比は{medians}で問題ありませんが、"
            f"回ごとのばらつきが{low}〜{high}を超えています。以下の時間や速度もばらついています。",
        )
    else:
        return ""
    return said(words, language)


def _warned(bench: Bench, language: Language) -> list[str]:
    told = doubts(bench, language)
    return [text.styled(line, "yellow", "bold") for line in wrapped(told, _columns())] if told else []


# the table


def _table(bench: Bench, language: Language) -> str:
    names = [guest.name for guest in bench.guests]
    base, *others = names or [""]
    head = [
        said(Text("workload", "測定項目"), language),
        said(Text("unit", "単位"), language),
        *names,
        *(f"{name} / {base}" for name in others),
        said(Text("pairs", "組数"), language),
    ]
    rows = [_row(outcome, names, base, language) for outcome in bench.outcomes]
    wide = table.drawn(head, rows, None)
    if not rows or max(map(width, wide[1:])) <= (text.room() or sys.maxsize):
        return "\n".join(wide)
    return "\n".join(line for outcome in bench.outcomes for line in _stacked(outcome, language))


def _row(outcome: Outcome, names: Sequence[str], base: str, language: Language) -> list[str]:
    series = {s.guest: s for s in outcome.series}
    ratios = {r.guest: r for r in outcome.ratios}
    return [
        _labelled(outcome, language),
        unit(outcome.unit, language),
        *(_cell(series.get(name)) for name in names),
        *(verdict(ratios[n], language) if n in ratios else "–" for n in names if n != base),
        _pairs(outcome.ratios),
    ]


def _stacked(outcome: Outcome, language: Language) -> Iterable[str]:
    """The same for a narrow terminal: a line for each guest and for each ratio."""
    yield text.styled(f"{_labelled(outcome, language)} ({unit(outcome.unit, language)})", "bold")
    longest = max((width(s.guest) for s in outcome.series), default=0)
    for series in outcome.series:
        yield f"  {series.guest}{' ' * (longest - width(series.guest))}  {_cell(series)}"
    for ratio in outcome.ratios:
        told, count = verdict(ratio, language), len(ratio.pairs)
        words = Text(f"{told} ({count} pairs)", f"{told} ({count}組)")
        yield f"  {ratio.guest} / {ratio.base}: {said(words, language)}"


def _labelled(outcome: Outcome, language: Language) -> str:
    label = f" ({outcome.label})" if outcome.label else ""
    return title(outcome.workload, language) + label


def _cell(series: Series | None) -> str:
    spread = statistics.spread(series.values) if series else None
    if series is None or spread is None:
        return "–"
    middle, low, high = (number(v) for v in (statistics.median(series.values), *spread))
    return middle if low == high else f"{middle} ({low}–{high})"


def _pairs(ratios: Sequence[Ratio]) -> str:
    counts = sorted({len(ratio.pairs) for ratio in ratios})
    return "–".join(map(str, (counts[0], counts[-1]) if len(counts) > 1 else counts))


def _reading(bench: Bench, language: Language) -> list[str]:
    """How to read the table."""
    sure = sorted({r.confidence for o in bench.outcomes for r in o.ratios if r.confidence is not None})
    if not sure:
        return []
    spans = f"{sure[0]:.0%}" if sure[0] == sure[-1] else f"{sure[0]:.0%}–{sure[-1]:.0%}"
    low, high = bench.control
    words = Text(
        f"Each guest: the median, and the lowest and highest round. Ratios: the median of the rounds "
        f"divided pair by pair, with its interval (confidence {spans}). No difference is said where the "
        f"interval lies within {low} to {high}.",
        f"各ゲストは中央値と、()内に最小値–最大値。比は同じ回どうしを割った値の中央値と、その区間"
        f"(信頼度{spans})です。区間が{low}〜{high}に収まるとき「差は測定されず」としています。",
    )
    return [text.styled(line, "dim") for line in wrapped(said(words, language), _columns())]


def _missing(bench: Bench, language: Language) -> list[str]:
    """What lacks numbers: each reason once, with everything to which it applies."""
    reasons: dict[str, list[str]] = {}
    for outcome in bench.outcomes:
        for series in outcome.series:
            if series.missing:
                why = joined(": ", (series.guest, series.missing))
                reasons.setdefault(why, []).append(title(outcome.workload, language))
    lines = [
        line
        for why, names in reasons.items()
        for line in _running(f"{said(why, language)} ({'; '.join(names)})")
    ]
    return lines + [
        line for note in bench.notes if note not in reasons for line in _running(said(note, language))
    ]


# what it was taken on


def _taken_on(bench: Bench, language: Language) -> list[str]:
    host = bench.host
    cores = said(Text(f"{host.cores} cores", f"{host.cores}コア"), language)
    load = "" if host.load is None else said(Text(f"load {host.load:.2f}", f"負荷{host.load:.2f}"), language)
    parts = [
        host.processor,
        cores if host.cores else "",
        host.kernel,
        f"QEMU {host.qemu}" if host.qemu else "",
        f"libvirt {host.libvirt}" if host.libvirt else "",
        host.connection,
        load,
    ]
    name = said(Text("host", "ホスト"), language)
    lines = _hanging(name, said(Text(", ", "、"), language).join(part for part in parts if part))
    for guest in bench.guests:
        lines += _hanging(guest.name, _config(guest, language))
    taken = Text(
        f"taken {when(bench.taken)}: {bench.rounds} rounds in {format_seconds(bench.seconds)}",
        f"測定: {when(bench.taken)}、{bench.rounds}回、{format_seconds(bench.seconds)}",
    )
    return [*lines, said(taken, language)]


def _config(guest: GuestConfig, language: Language) -> str:
    by = accel(guest.accel, language)
    plural = "" if guest.processors == 1 else "s"
    cache = Text(f" (cache {guest.cache})", f"(キャッシュ: {guest.cache})") if guest.cache else Text("")
    mode = Text(f" ({guest.network_mode})", f"({guest.network_mode})") if guest.network_mode else Text("")
    words = Text(
        f"{by}, {guest.machine}, {guest.processors} processor{plural}, {format_size(guest.memory)}, "
        f"disk {guest.disk or 'none'}{cache.en}, network {guest.network or 'none'}{mode.en}",
        f"{by}、{guest.machine}、プロセッサ{guest.processors}個、{format_size(guest.memory)}、"
        f"ディスク: {guest.disk or 'なし'}{cache.ja or ''}、"
        f"ネットワーク: {guest.network or 'なし'}{mode.ja or ''}",
    )
    return said(words, language)


# against a result that was saved


def against_page(against: Against, language: Language) -> str:
    """What changed since the other result, ready to print. What else differs stands first."""
    head = Text(f"Against the result of {when(against.before)}", f"{when(against.before)}の結果との比較")
    lines = [text.styled(said(head, language), "bold")]
    if not against.comparable:
        words = Text(
            "Not taken on the same machine: the numbers stand beside each other, and nothing is "
            "said of a change.",
            "測定した環境が同じではありません。数値を並べますが、変化については判定しません。",
        )
        lines += [text.styled(line, "yellow", "bold") for line in wrapped(said(words, language), _columns())]
    elif against.differences:
        words = Text(
            "Not everything was the same; what moved may come from that:",
            "条件が異なる点があります。数値の変化はそのためかもしれません。",
        )
        lines += wrapped(said(words, language), _columns())
    for difference in against.differences:
        who = difference.guest or said(Text("host", "ホスト"), language)
        what = said(_WHAT.get(difference.what, Text(difference.what)), language)
        lines += _hanging(
            said(Text(f"{who}, {what}", f"{who}の{what}"), language),
            f"{difference.before} → {difference.after}",
        )
    both = [move for move in against.moves if move.before is not None and move.after is not None]
    rows = [
        [
            title(move.workload, language),
            unit(move.unit, language),
            move.guest,
            number(move.before),
            number(move.after),
            said(_MOVED[move.moved], language),
        ]
        for move in both
    ]
    heads = (
        Text("workload", "測定項目"),
        Text("unit", "単位"),
        Text("guest", "ゲスト"),
        Text("before", "前回"),
        Text("now", "今回"),
        Text("", ""),
    )
    lines += ["", table.columns([said(h, language) for h in heads], rows)] if rows else []
    if single := list(dict.fromkeys(move.workload for move in against.moves if move not in both)):
        names = "; ".join(title(name, language) for name in single)
        words = Text(f"Only one of the two results has: {names}", f"片方の結果にしかない項目: {names}")
        lines += ["", *wrapped(said(words, language), _columns())]
    return "\n".join(lines)


# lines


def _columns() -> int:
    return text.measure(_WIDEST)


def _running(words: str) -> list[str]:
    return wrapped(words, _columns())


def _hanging(name: str, words: str) -> list[str]:
    first, *rest = wrapped(words, max(20, _columns() - width(name) - 2))
    return [f"{name}: {first}", *(" " * (width(name) + 2) + line for line in rest)]
