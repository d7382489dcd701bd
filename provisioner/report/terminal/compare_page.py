"""The comparison of guests, as data and as a table whose columns are the guests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from provisioner.language import Language, Text, said
from provisioner.observe import comparison, plain_systems
from provisioner.observe.comparison import Row
from provisioner.report import words
from provisioner.report.terminal import text
from provisioner.report.terminal.wrap import width, wrapped
from provisioner.units import format_seconds, rough_size

if TYPE_CHECKING:
    from provisioner.observe.beside import Compared
    from provisioner.observe.collect import GuestFacts
    from provisioner.observe.host_side import Outside

_GAP = 2
_NARROWEST = 22  # columns of one guest: where there are fewer, the guests stand below each other
_WIDEST_LABEL = 34
_NO_TERMINAL = 100  # columns where no terminal says how many it has

_MARK = "≠ "
_HOST = Text("Seen from the host", "ホストから見た姿")
_WORDS = {
    "none": Text("none", "なし"),
    "driverless": Text("no driver", "ドライバなし"),
    "silent": Text("not known", "不明"),
    "same": Text("The same in all guests", "すべてのゲストで同じもの"),
    "all": Text("--all shows the values", "値は--allで表示"),
    "marked": Text("differs from guest to guest", "ゲストによって異なる項目"),
    "absent": Text("Told nothing, and has no column: {guests}", "情報が得られず、列のないゲスト: {guests}"),
    "console": Text(
        "No column for {guests}: such a system tells nothing of itself in this form. What it answers at its "
        "console: {virtlab} check {target}",
        "{guests}の列はありません。このシステムは、自分の情報をこの形では伝えません。コンソールでの答えは"
        "次のコマンドで見られます: {virtlab} check {target}",
    ),
    "untold": Text("{guest} did not tell: {parts}", "{guest}から得られなかったもの: {parts}"),
    "emulation": Text(
        "Under emulation (TCG) there are no exits to count: QEMU translates the guest's instructions and "
        "runs them itself, without the processor's virtualization. Accesses to device registers can be "
        "counted: "
        "{virtlab} bench {target}",
        "エミュレーション(TCG)ではQEMUがゲストの命令を翻訳して自分で実行し、プロセッサの仮想化支援を使いません。"
        "そのため、数えるべきVM exitがありません。デバイスのレジスタへのアクセスなら数えられます: "
        "{virtlab} bench {target}",
    ),
    "uncounted": Text(
        "Exits are not available here: this QEMU and libvirt do not count them.",
        "ここではVM exitの回数は得られません。このQEMUとlibvirtは数えていないためです。",
    ),
}

_PARTS = {
    "kernel": Text("the kernel's release", "カーネルのリリース番号"),
    "processor": Text("the processor", "プロセッサ"),
    "cpuid": Text("the hypervisor's CPUID leaves", "CPUIDのハイパーバイザ情報"),
    "boot messages": Text("the kernel's boot messages", "カーネルの起動メッセージ"),
    "clock": Text("the clock source", "クロックソース"),
    "interrupts": Text("the interrupt counters", "割り込み回数"),
    "boot phases": Text("the phases of its boot", "起動の段階"),
}


def compare_page(
    compared: Compared,
    language: Language,
    *,
    everything: bool = False,
    intro: Text | None = None,
    across: int | None = None,
) -> str:
    """The table, and what the host sees. ``across``: the columns that are available.

    ``intro`` is a short Markdown text that stands before it.
    """
    inside, outside = compared.inside, compared.outside
    room = across or text.room() or _NO_TERMINAL
    room = max(40, room)
    rows = comparison.rows(inside)
    # one guest alone differs from nothing: all of it is shown
    everything = everything or sum(one.facts is not None for one in inside) < 2
    shown = rows if everything else [row for row in rows if row.differs or row.counter]
    lines = []
    for paragraph in words.paragraphs(said(intro, language)) if intro else ():
        lines += [*wrapped(text.spelled(paragraph), room), ""]
    seen = host_rows(outside)
    told = comparison.filled(rows)
    if len(told) == len(inside):
        lines += _Table(inside, language, room).lines([*shown, *seen])
    else:
        for each in (shown, seen):
            places = comparison.filled(each) if each is seen else told
            table = _Table([inside[place] for place in places], language, room)
            lines += [*table.lines([row.of(places) for row in each]), ""]
        lines.pop()
    notes = [] if everything else _folded(rows, language)
    if any(row.differs for row in shown):
        notes.insert(0, f"{_MARK}{said(_WORDS['marked'], language)}")
    notes += _silent(inside, told, compared.instance, language)
    notes += _untold(inside, language)
    notes += [said(note, language).replace("{target}", compared.instance) for note in exit_notes(outside)]
    for note in notes:
        lines += ["", *wrapped(text.spelled(note), room)]
    return "\n".join(lines)


def host_rows(outside: Sequence[Outside]) -> list[Row]:
    """What the host sees of each guest."""

    def row(label: Text, cells: Sequence[str | None]) -> Row:
        return Row(_HOST, label, tuple(cells), False, True)

    rows = [
        row(
            Text("QEMU process", "QEMUプロセス"), [f"{o.pid} ({o.user})" if o.pid else None for o in outside]
        ),
        row(Text("A thread for each vCPU", "vCPUごとのスレッド"), [_threads(o) for o in outside]),
        row(
            Text("Memory in use", "使用中のメモリ"),
            [None if o.resident is None else rough_size(o.resident) for o in outside],
        ),
        row(
            Text("Processor time so far", "これまでのプロセッサ時間"),
            [None if o.seconds is None else format_seconds(o.seconds) for o in outside],
        ),
    ]
    for kind in _kinds_of_exits(outside):
        cells = [str(o.exits[kind]) if kind in o.exits else None for o in outside]
        rows.append(row(Text(f"KVM: {kind}"), cells))
    return [line for line in rows if any(line.cells)]


def exit_notes(outside: Sequence[Outside]) -> list[Text]:
    """The reasons why there are no exits, where there are none."""
    notes = []
    if any(one.accel == "tcg" for one in outside):
        notes.append(_WORDS["emulation"])
    if any(one.accel == "kvm" and not one.exits and one.seconds is not None for one in outside):
        notes.append(_WORDS["uncounted"])
    return notes


def _silent(inside: Sequence[GuestFacts], told: Sequence[int], lab: str, language: Language) -> list[str]:
    """That guests have no column, and how those can be asked that wait for questions at their console."""
    without = [one for place, one in enumerate(inside) if place not in told]
    at_console = [one for one in without if plain_systems.of(one.metadata.guest.image)]
    comma = ", " if language is Language.EN else "、"
    return [
        said(_WORDS[words], language)
        .replace("{guests}", comma.join(one.guest for one in guests))
        .replace("{target}", lab)
        for words, guests in (
            ("absent", [o for o in without if o not in at_console]),
            ("console", at_console),
        )
        if guests
    ]


def _untold(inside: Sequence[GuestFacts], language: Language) -> list[str]:
    """A line for each guest that told only a part."""
    comma = ", " if language is Language.EN else "、"
    lines = []
    for one in inside:
        if one.facts and one.facts.missing:
            parts = comma.join(said(_PARTS.get(part, Text(part)), language) for part in one.facts.missing)
            lines.append(said(_WORDS["untold"], language).format(guest=one.guest, parts=parts))
    return lines


def _kinds_of_exits(outside: Sequence[Outside]) -> list[str]:
    """The kinds that occurred at least once: first their sum, then the most frequent ones."""
    total: dict[str, int] = {}
    for one in outside:
        for kind, count in one.exits.items():
            total[kind] = total.get(kind, 0) + count
    return sorted((k for k, n in total.items() if n), key=lambda kind: (kind != "exits", -total[kind], kind))


def _threads(one: Outside) -> str | None:
    told = [
        f"{thread.name}{f' ({thread.tid})' if thread.tid else ''}: {format_seconds(thread.seconds)}"
        for thread in one.vcpus
    ]
    return ", ".join(told) or None


def _folded(rows: Sequence[Row], language: Language) -> list[str]:
    """The names of rows that are the same everywhere. Of sections that list devices, only their number."""
    same = [
        row
        for row in rows
        if not row.counter
        and row.section != comparison.INTERRUPTS
        and len(set(row.cells)) == 1
        and row.cells[0] is not None
    ]
    if not same:
        return []
    named = [said(row.label, language) for row in same if row.section != comparison.PCI]
    if listed := len(same) - len(named):
        named.append(f"{said(comparison.PCI, language)} ({listed})")
    labels = (", " if language is Language.EN else "、").join(named)
    head, hint = said(_WORDS["same"], language), said(_WORDS["all"], language)
    return [f"{head} ({len(same)}; {hint}): {labels}"]


class _Table:
    """Rows below the names of the guests, in as many columns as there is room for."""

    def __init__(self, inside: Sequence[GuestFacts], language: Language, room: int) -> None:
        self.room = room
        self._guests = inside
        self._language = language

    def lines(self, rows: Sequence[Row]) -> list[str]:
        widest = max((width(self._label(row)) for row in rows), default=0)
        label = min(widest, _WIDEST_LABEL, self.room * 3 // 10) + _GAP
        together = max(1, min(len(self._guests), (self.room - label) // (_NARROWEST + _GAP)))
        lines: list[str] = []
        for first in range(0, len(self._guests), together):
            lines += [""] if lines else []
            lines += self._block(rows, range(first, min(first + together, len(self._guests))), label)
        return lines

    def _block(self, rows: Sequence[Row], places: range, label: int) -> list[str]:
        names = [self._guests[place].guest for place in places]
        metadata_of = [self._guests[place].metadata for place in places]
        accels = [words.runs(metadata.accel, metadata.guest, self._language) for metadata in metadata_of]
        wanted = [
            max(width(cell) for cell in (name, accel, *(self._cell(row, place) for row in rows)))
            for place, name, accel in zip(places, names, accels, strict=True)
        ]
        columns = _shared(wanted, self.room - label - _GAP * len(places))
        lines = [self._line("", names, label, columns, "bold"), self._line("", accels, label, columns, "dim")]
        section: Text | None = None
        for row in rows:
            if row.section != section:
                section = row.section
                lines += ["", text.styled(said(section, self._language), "cyan")]
            lines += self._row(row, places, label, columns)
        return lines

    def _row(self, row: Row, places: range, label: int, columns: Sequence[int]) -> list[str]:
        # the continuation of a label stays to the right of the mark
        names = wrapped(self._label(row)[len(_MARK) :], label - len(_MARK) - _GAP)
        cells = [
            wrapped(self._cell(row, place), column) for place, column in zip(places, columns, strict=True)
        ]
        height = max(len(names), *(len(cell) for cell in cells))
        lines = []
        for number in range(height):
            mark = (_MARK if row.differs else "  ") if number == 0 else "  "
            head = mark + (names[number] if number < len(names) else "")
            parts = [cell[number] if number < len(cell) else "" for cell in cells]
            lines.append(self._line(head, parts, label, columns, *(("yellow",) if row.differs else ())))
        return lines

    def _label(self, row: Row) -> str:
        return f"{_MARK}{said(row.label, self._language)}"

    def _cell(self, row: Row, place: int) -> str:
        cell = row.cells[place]
        if cell is None:
            silent = self._guests[place].facts is None and row.section != _HOST
            return said(_WORDS["silent" if silent else "none"], self._language)
        if cell == comparison.NO_DRIVER:
            return said(_WORDS["driverless"], self._language)
        return words.in_words(cell, self._language)

    def _line(self, head: str, parts: Sequence[str], label: int, columns: Sequence[int], *styles: str) -> str:
        padded = [
            part + " " * (column + _GAP - width(part)) for part, column in zip(parts, columns, strict=True)
        ]
        cells = "".join(padded).rstrip()
        start = head + " " * (label - width(head)) if cells else head
        return start + (text.styled(cells, *styles) if styles and cells else cells)


def _shared(wanted: Sequence[int], room: int) -> list[int]:
    """The columns of each, ``room`` in all: as many as it wants where that fits, else what the others
    leave."""
    shares = dict.fromkeys(range(len(wanted)), 0)
    left, waiting = room, set(shares)
    while waiting:
        share = max(1, left // len(waiting))
        content = {place for place in waiting if wanted[place] <= share}
        for place in content or waiting:
            shares[place] = min(wanted[place], share)
        left -= sum(shares[place] for place in content or waiting)
        waiting -= content or waiting
    return list(shares.values())
