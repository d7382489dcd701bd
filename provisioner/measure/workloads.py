"""The work that a benchmark does in a guest, and how its numbers are read.

A probe is two pieces of POSIX ``sh``: ``script`` does the work, and ``answer`` prints the numbers, so that
the host's processor time can be read in between. ``$DISK`` is the disk that they may overwrite, ``$PEER`` the
address of the host's iperf3, and ``$PORT`` its port. The answer has a line ``NAME NUMBER`` for each number,
and ends with a line ``done``, so that it is noticed where an answer is cut off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from provisioner.language import Text, msg

MARGIN = (0.95, 1.05)  # the control's ratio must lie within it; so a ratio within it counts as no difference
WORK = "work"  # the name of the number of units of work, by which host time and accesses are divided
MAX_OUTPUT = 4096  # bytes that a probe may answer with
NO_CONNECTION = 69  # exit code of a script or an answer where the host's iperf3 was not reached
_END = "done"
_LOWEST, _HIGHEST = 1e-9, 1e15


class Source(StrEnum):
    """Where the number of a metric comes from."""

    GUEST = "guest"  # the probe prints it
    HOST = "host"  # processor time of the guest's QEMU during the probe, divided by the work
    REGISTERS = "registers"  # traced register accesses, or exits under KVM, divided by the work
    BOOT = "boot"  # the start of a throw-away clone


class Needs(StrEnum):
    """What a probe needs beside the clone and its guest agent."""

    DISK = "disk"
    NETWORK = "network"
    FAR_END = "far end"  # the host's iperf3


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of each round: a workload of ``Outcome``."""

    name: str
    title: Text
    unit: str
    more_is_better: bool
    source: Source = Source.GUEST
    control: bool = False
    scale: float = 1.0  # what the script's number is multiplied with to have it in the unit


@dataclass(frozen=True, slots=True)
class Probe:
    """One piece of work, and the numbers that come from it.

    A probe with ``registers`` runs while accesses are counted, and has no other metrics, because counting
    slows it down. Its work is a number of bytes or requests; ``per`` of them make one unit of ``host`` or
    ``registers``, which are ``taken / (work / per)``.
    """

    name: str
    title: Text
    script: str
    answer: str
    metrics: tuple[Metric, ...] = ()
    needs: frozenset[Needs] = frozenset()
    quick: bool = False
    seconds: float = 5.0  # about as long as it takes under emulation
    timeout: float = 60.0
    per: float = 1.0
    host: Metric | None = None
    registers: Metric | None = None


def read(probe: Probe, stdout: bytes) -> dict[str, float]:
    """The numbers in a probe's answer: one for each metric, and ``WORK`` where it counts its work.

    Raises ValueError for an answer that was cut off, or that the script does not write.
    """
    if len(stdout) > MAX_OUTPUT:
        raise ValueError(msg("more than {most} bytes", most=MAX_OUTPUT))
    lines = stdout.decode("ascii", "replace").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or lines.pop().strip() != _END:
        raise ValueError(msg("the answer does not end with its last line"))
    expected = {metric.name: metric.scale for metric in probe.metrics}
    if probe.host or probe.registers:
        expected[WORK] = 1.0
    numbers: dict[str, float] = {}
    for line in lines:
        name, _, text = line.strip().partition(" ")
        if name not in expected or name in numbers:
            raise ValueError(msg("a line that the script does not write"))
        numbers[name] = _number(text) * expected[name]
    if missing := sorted(expected.keys() - numbers.keys()):
        raise ValueError(msg("no number for {missing}", missing=", ".join(missing)))
    return numbers


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(msg("a number was expected")) from None
    if not math.isfinite(value) or not _LOWEST < value < _HIGHEST:
        raise ValueError(msg("a number that can't be"))
    return value


_REQUESTS = 1000  # of a probe that gives percentiles, which are picked by line number
_PICK = f"{_REQUESTS // 2}p;{_REQUESTS * 9 // 10}p;{_REQUESTS * 99 // 100}p"
KEPT = "/run/virtlab-bench"  # where the script leaves what the answer reads
_CONNECTED = rf"""! grep -q '"connected":[[:space:]]*\[\]' {KEPT}"""
# What a script does where iperf3 failed: it prints the reason, and ends with a code of its own without a
# connection.
_IPERF3_FAILED = rf"""sed -n 's/^.*"error":[^"]*"\(.*\)"/iperf3: \1/p' {KEPT}
{_CONNECTED} || exit {NO_CONNECTION}"""

# Written once before anything is read, so that no guest reads a disk that was never written.
PREPARE = f"ioping -D -q -i 0 -L -WWW -a 0 -s 1m -S 64m -c 64 $DISK >/dev/null && echo {_END}\n"


def _sequential(name: str, title: Text, count: int, *options: str) -> Probe:
    """Requests of 1 MiB, one after the other, past the guest's cache."""
    flags = " ".join(options)
    script = f"ioping -D -B -i 0 -L {flags} -a 8 -s 1m -S 64m -c {count + 8} $DISK >{KEPT}\n"
    answer = (
        f'read -r count time iops speed rest <{KEPT} && [ "$count" = {count} ] &&'
        f" echo {name} $speed && echo {WORK} $((({count} + 8) * 1048576)) && echo {_END}\n"
    )
    return Probe(
        name,
        title,
        script,
        answer,
        (Metric(name, title, "MB/s", more_is_better=True, scale=1e-6),),
        frozenset({Needs.DISK}),
        seconds=2.0,
        per=1e9,
        host=_host(name, title, "s/GB"),
    )


def _random(name: str, title: Text, *options: str) -> Probe:
    """Requests of 4 KiB, one at a time, anywhere on the disk, past the guest's cache."""
    flags = " ".join(options)
    count = _REQUESTS + 16
    script = f"ioping -D -B -p 1 -i 0 {flags} -a 16 -s 4k -S 64m -c {count} $DISK >{KEPT}\n"
    times = f"head -n {_REQUESTS} {KEPT} | cut -d' ' -f2"
    return Probe(
        name,
        title,
        script,
        _percentiles(name, times, count),
        _latencies(name, title, 1e-3),
        frozenset({Needs.DISK}),
        seconds=2.0,
        per=1000.0,
        host=_host(name, title, "s/1000"),
    )


def _percentiles(name: str, times: str, work: int) -> str:
    return (
        f"set -- $({times} | sort -n | sed -n '{_PICK}')\n"
        f"echo {name} $1; echo {name}-p90 $2; echo {name}-p99 $3; echo {WORK} {work}; echo {_END}\n"
    )


def _latencies(name: str, title: Text, scale: float) -> tuple[Metric, ...]:
    def metric(part: str, en: str, ja: str) -> Metric:
        words = Text(f"{title.en}, {en}", f"{title.ja}、{ja}")
        return Metric(name + part, words, "µs", more_is_better=False, scale=scale)

    return (
        metric("", "median", "中央値"),
        metric("-p90", "90 % within", "90パーセンタイル"),
        metric("-p99", "99 % within", "99パーセンタイル"),
    )


def _called(options: str) -> str:
    return f"iperf3 -J -c $PEER -p $PORT --connect-timeout 5000 {options}"


def _iperf3(options: str) -> str:
    """One TCP connection to the host's iperf3. Its JSON is read, in which bytes and seconds are not rounded.

    iperf3 3.16 and later check a limit in bytes only at the end of an interval, so a stream that ends by
    bytes has short intervals. Errors are in the JSON, too; after one, iperf3 3.12 nevertheless ends with 0.
    """
    return f"{_called(options)} >{KEPT} || {{ code=$?\n{_IPERF3_FAILED}\nexit $code; }}\n"


# Tells "ping failed" or "connection failed" where the host does not answer. Takes six seconds at most.
LOOK = f"""\
{{ ping -q -c 1 -W 5 $PEER >/dev/null 2>&1 || echo ping failed; }} &
{_called("-i 0.1 -n 1000")} >{KEPT} 2>/dev/null
{_CONNECTED} || echo connection failed
wait
"""


def _summed(side: str, printed: str) -> str:
    """A script that prints from ``bytes`` and ``seconds`` of iperf3's sum for one side, ``sum_sent`` or
    ``sum_received``, and fails where that side counted none."""
    return f"""\
awk '/"{side}":/ {{ on = 1 }} /}}/ {{ on = 0 }}
on && $1 == "\\"bytes\\":" {{ bytes = $2 + 0 }} on && $1 == "\\"seconds\\":" {{ seconds = $2 + 0 }}
END {{ if (bytes <= 0 || seconds <= 0) exit 1; {printed} }}' {KEPT} && echo {_END} ||
{{ {_IPERF3_FAILED}
exit 1; }}
"""


def _stream(name: str, title: Text, *options: str) -> Probe:
    """One TCP connection, for a second."""
    return Probe(
        name,
        title,
        _iperf3(" ".join(["-i 0 -t 1", *options])),
        _summed("sum_received", f'printf "{name} %.0f\\n{WORK} %.0f\\n", bytes / seconds, bytes'),
        (Metric(name, title, "MB/s", more_is_better=True, scale=1e-6),),
        frozenset({Needs.NETWORK, Needs.FAR_END}),
        quick=True,
        seconds=1.5,
        per=1e9,
        host=_host(name, title, "s/GB"),
    )


def _ping() -> Probe:
    name, title = "ping", Text("Request and response (ping)", "要求と応答の往復(ping)")
    return Probe(
        name,
        title,
        f"ping -A -w 30 -c {_REQUESTS} $PEER >{KEPT}\n",
        _percentiles(name, rf"sed -n 's/.*time=\([0-9.]*\) ms$/\1/p' {KEPT}", _REQUESTS),
        _latencies(name, title, 1e3),
        frozenset({Needs.NETWORK}),
        quick=True,
        seconds=1.5,
        per=1000.0,
        host=_host(name, title, "s/1000"),
    )


def _control() -> Probe:
    """The fastest of twelve runs over the same bytes in memory. No device is involved.

    It is the fastest because the control has to show whether both guests have the same processor. Other load
    on the host shows in the spread of the other numbers.
    """
    name, title = "control", Text("Control: processor only (SHA-256)", "対照: プロセッサ処理のみ(SHA-256)")
    script = f"""\
now() {{ while read -r a b c d; do [ "$a" != now ] || {{ N=$c; return; }}; done </proc/timer_list; }}
[ -s {KEPT}.data ] || head -c 2097152 /dev/zero >{KEPT}.data
i=0
while [ $i -lt 12 ]; do
    i=$((i + 1))
    now; S=$N
    sha256sum {KEPT}.data >/dev/null
    now; echo $((N - S))
done >{KEPT}
"""
    answer = f"[ $(wc -l <{KEPT}) = 12 ] && echo {name} $(sort -n {KEPT} | head -n 1) && echo {_END}\n"
    metric = Metric(name, title, "ms", more_is_better=False, control=True, scale=1e-6)
    return Probe(name, title, script, answer, (metric,), quick=True, seconds=2.0)


def _counted(name: str, title: Text, needs: Needs, script: str, work: int) -> Probe:
    """A fixed number of requests. They are few, because each access to a register becomes a line of a
    trace."""
    return Probe(
        name,
        title,
        f"{{ {script} && echo ok; }} >{KEPT}\n",
        f'[ "$(tail -n 1 {KEPT})" = ok ] && echo {WORK} {work} && echo {_END}\n',
        needs=frozenset({needs}),
        quick=True,
        seconds=1.0,
        registers=_registers(name, title, "1/request"),
    )


def _counted_stream(name: str, title: Text, *options: str) -> Probe:
    """A few MB over the network, counted like requests.

    iperf3 sends whole blocks of 128 KiB, so a little more than it is asked for, and all of that passes the
    card. The receiver of version 3.12 stops counting at what was asked for; the sender tells what it sent.
    """
    return Probe(
        name,
        title,
        _iperf3(" ".join(["-i 0.1 -n 8000000", *options])),
        _summed("sum_sent", f'printf "{WORK} %.0f\\n", bytes'),
        needs=frozenset({Needs.NETWORK, Needs.FAR_END}),
        quick=True,
        seconds=1.0,
        per=1e6,
        registers=_registers(name, title, "1/MB"),
    )


def _registers(name: str, title: Text, unit: str) -> Metric:
    return Metric(name, title, unit, more_is_better=False, source=Source.REGISTERS)


def _host(name: str, title: Text, unit: str) -> Metric:
    words = Text(f"Host processor time: {title.en}", f"ホストのプロセッサ時間: {title.ja}")
    return Metric(f"{name}-host", words, unit, more_is_better=False, source=Source.HOST)


def _boot(name: str, en: str, ja: str) -> Metric:
    return Metric(name, Text(en, ja), "s", more_is_better=False, source=Source.BOOT)


BOOT_KERNEL = _boot("boot-kernel", "Boot: firmware and kernel", "起動: ファームウェアとカーネル")
BOOT_SYSTEM = _boot("boot-system", "Boot: from init to the agent", "起動: initからエージェントまで")
BOOT_TOTAL = _boot("boot-total", "Boot: in all", "起動: 全体")
BOOT = (BOOT_KERNEL, BOOT_SYSTEM, BOOT_TOTAL)

PROBES = (
    _control(),
    _sequential(
        "disk-write-sequential",
        Text("Disk write, 1 MiB in sequence", "ディスク書き込み、1 MiB順次"),
        96,
        "-WWW",
    ),
    _sequential(
        "disk-read-sequential", Text("Disk read, 1 MiB in sequence", "ディスク読み出し、1 MiB順次"), 256
    ),
    _random("disk-read-random", Text("Disk read, 4 KiB at random", "ディスク読み出し、4 KiBランダム")),
    _random(
        "disk-write-random", Text("Disk write, 4 KiB at random", "ディスク書き込み、4 KiBランダム"), "-WWW"
    ),
    _stream("network-send", Text("Network, sending", "ネットワーク、送信")),
    _stream("network-receive", Text("Network, receiving", "ネットワーク、受信"), "-R"),
    _ping(),
    _counted(
        "registers-disk",
        Text("Register accesses for a 4 KiB disk read", "4 KiBのディスク読み出し1回あたりのレジスタアクセス"),
        Needs.DISK,
        "ioping -D -B -i 0 -a 0 -s 4k -S 64m -c 200 $DISK",
        200,
    ),
    _counted(
        "registers-ping",
        Text("Register accesses for a ping", "ping 1回あたりのレジスタアクセス"),
        Needs.NETWORK,
        "ping -q -A -w 30 -c 100 $PEER",
        100,
    ),
    _counted_stream(
        "registers-network",
        Text("Register accesses for each MB received", "受信1 MBあたりのレジスタアクセス"),
        "-R",
    ),
)
QUICK_ROUNDS = 5
FULL_ROUNDS = 10


def probes(quick: bool) -> tuple[Probe, ...]:
    """The probes of a run, in the order in which each round does them."""
    return tuple(probe for probe in PROBES if probe.quick or not quick)


def metrics() -> dict[str, Metric]:
    """Every metric by its name, in the order in which they are shown."""
    of_probes = [metric for probe in PROBES for metric in metrics_of(probe)]
    return {metric.name: metric for metric in (*of_probes, *BOOT)}


def metrics_of(probe: Probe) -> list[Metric]:
    """All numbers that come of a probe."""
    return [*probe.metrics, *(metric for metric in (probe.host, probe.registers) if metric is not None)]


def needs_of(metric: str) -> frozenset[Needs]:
    """What the probe behind the metric of that name needs. Nothing where there is no such metric."""
    needs = (probe.needs for probe in PROBES if metric in {each.name for each in metrics_of(probe)})
    return next(needs, frozenset())
