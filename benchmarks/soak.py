"""Brings a small lab up and down, many times, and holds that nothing is left of it, and nothing grows.

Run by hand, as root for the daemon's own numbers; see README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provisioner import paths
from provisioner.backends.session import Session, opened
from provisioner.host.libvirt_daemons import pid_file
from provisioner.hypervisor import host_facts, uris
from provisioner.units import MIB

LAB = """\
virtlab: 1
name: soak
guests:
  one:
    profile: virtio
    memory: 160 MiB
"""
INSTANCE = "soak"
SETTLE = 5  # cycles that warm caches, and are not compared
QUIET_SECONDS = 3.0  # daemons end what they put off
# what a cycle may add to the memory of the daemon, and take from the host: pages are given back late
DAEMON_BYTES = 32 * 1024
HOST_BYTES = 1 * MIB
VIRTLAB = (str(Path(sys.executable).with_name("virtlab")),)


@dataclass(frozen=True)
class Number:
    """Something that is counted. ``slack``: by how much it may grow in each cycle; with 0 not at all."""

    name: str
    read: Callable[[], float | None]  # None where it can't be read here
    slack: float = 0.0


def numbers(session: Session, folder: Path) -> list[Number]:
    """What is counted on this host."""
    conn, daemon, prefix = session.conn.handle, _daemon(session), session.instance(INSTANCE).prefix

    def ours(names: Iterable[str]) -> int:
        return sum(name.startswith(prefix) for name in names)

    there = [
        Number("domains", lambda: ours(each.name() for each in conn.listAllDomains())),
        Number("networks", lambda: ours(each.name() for each in conn.listAllNetworks())),
        Number("filters", lambda: ours(each.name() for each in conn.listAllNWFilters())),
        Number("volumes", lambda: ours(_volumes(session))),
        Number("processes", lambda: _processes(prefix)),
        Number("interfaces", lambda: _count(Path("/sys/class/net"), "*")),
        Number("rules", _rules),
        Number("files in the cache", lambda: _files(paths.cache_dir())),
        Number("files in the state", lambda: _files(paths.state_dir())),
        Number("files of libvirt's", lambda: _files(*(_of_libvirt(session)))),
        Number("the lab's files", lambda: _files(folder)),
        Number("memory taken on the host, bytes", _taken, HOST_BYTES),
    ]
    if daemon is not None:
        own = Path("/proc") / daemon
        there += [
            Number("the daemon's files", lambda: _count(own / "fd", "*")),
            Number("the daemon's threads", lambda: _count(own / "task", "*")),
            Number("the daemon's memory, bytes", lambda: _private(own), DAEMON_BYTES),
        ]
    return there


def _daemon(session: Session) -> str | None:
    """The process id of the daemon that runs QEMU, where its files can be read."""
    file = pid_file(session=session.is_session)
    number = Path(file).read_text().strip() if file else ""
    return number if number and os.access(f"/proc/{number}/smaps_rollup", os.R_OK) else None


def _count(folder: Path, pattern: str) -> int | None:
    try:
        return len(list(folder.glob(pattern)))
    except OSError:
        return None


def _files(*folders: Path) -> int:
    return sum(1 for folder in folders for _ in folder.rglob("*"))


def _of_libvirt(session: Session) -> list[Path]:
    if session.is_session:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return [Path(base) / "libvirt", paths.libvirt_run_dir()]
    return [Path(each) for each in ("/etc/libvirt", "/run/libvirt", "/var/lib/libvirt", "/var/log/libvirt")]


def _volumes(session: Session) -> list[str]:
    pool = session.pool()
    return pool.volume_names() if pool else []


def _processes(words: str) -> int:
    """The processes that have these words on their command lines."""
    found = 0
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += words.encode() in file.read_bytes()
    return found


def _rules() -> int | None:
    """The rules of the host's firewall, of all tables; None where they can't be read."""
    told = [_said(program) for program in ("iptables-save", "ip6tables-save", "ebtables-save")]
    known = [text for text in told if text is not None]
    lines = [line for text in known for line in text.splitlines() if line.startswith(("-A", ":"))]
    return len(lines) if known else None


def _said(program: str) -> str | None:
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _private(own: Path) -> int | None:
    """The bytes that only that process has in memory."""
    try:
        lines = (line.split() for line in (own / "smaps_rollup").read_text().splitlines())
        return sum(int(words[1]) * 1024 for words in lines if words[0].startswith("Private_"))
    except OSError:
        return None


def _taken() -> int:
    """The bytes of memory that are not free for new processes."""
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return (int(told["MemTotal"].split()[0]) - int(told["MemAvailable"].split()[0])) * 1024


def cycle(lab: Path, uri: str, wishes: Sequence[str]) -> float:
    """One ``up`` and one ``down``. The seconds that both took."""
    began = time.monotonic()
    for words in (("up", str(lab), "--as", INSTANCE, *wishes), ("down", INSTANCE)):
        done = subprocess.run([*VIRTLAB, *words, "-c", uri], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"virtlab {' '.join(words)} failed:\n{done.stderr}")
    return time.monotonic() - began


@dataclass(frozen=True)
class Grown:
    """What one number was after the warm-up and at the end, and by how much it grew in each cycle."""

    name: str
    first: float
    last: float
    each: float
    bad: bool


def slope(values: Sequence[float]) -> float:
    """By how much the values grow from one to the next, with no weight on single ones (Theil and Sen)."""
    steps = [
        (later - earlier) / (j - i)
        for i, earlier in enumerate(values)
        for j, later in enumerate(values[i + 1 :], i + 1)
    ]
    return statistics.median(steps) if steps else 0.0


def judged(number: Number, values: Sequence[float | None]) -> Grown | None:
    """None where it could not be read."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    grown = slope(known)
    half = len(known) // 2
    # what may not grow may be higher for a moment, as where somebody else starts something
    bad = grown > number.slack if number.slack else min(known[half:]) > max(known[:half])
    return Grown(number.name, known[0], known[-1], grown, bad)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100, help="how often the lab goes up and down (100)")
    parser.add_argument("-c", "--connect", help="libvirt's URI; else the one that virtlab takes")
    parser.add_argument("--trust", action="store_true", help="without the filter on the guest's card")
    parser.add_argument("--save", type=Path, help="keep all numbers in this file, as JSON, and go on from it")
    options = parser.parse_args()
    folder = paths.state_dir().parent / "virtlab-soak"
    folder.mkdir(parents=True, exist_ok=True)
    lab = folder / "lab.yaml"
    lab.write_text(LAB)
    choice = uris.choose(options.connect)
    before = json.loads(options.save.read_text()) if options.save and options.save.exists() else []
    wishes = ["--trust"] if options.trust else []
    with opened(choice) as session:
        counted, versions = numbers(session, folder), host_facts.versions(session.conn)
        rows: list[dict[str, float | None]] = before
        warm = 0 if before else SETTLE
        for count in range(options.cycles + warm):
            seconds = cycle(lab, choice.uri, wishes)
            time.sleep(QUIET_SECONDS if count + 1 == options.cycles + warm else 0.2)
            row = {number.name: number.read() for number in counted}
            if count >= warm:
                rows.append({"seconds": seconds, **row})
            if options.save:
                options.save.write_text(json.dumps(rows))
    found = [
        judged(number, [row.get(number.name) for row in rows])
        for number in (*counted, Number("seconds", lambda: None, 0.05))
    ]
    print(f"{len(rows)} cycles on {choice.uri}, libvirt {versions['libvirt']}, QEMU {versions['qemu']}")
    for each in found:
        if each:
            mark = "  GROWS" if each.bad else ""
            print(f"{each.name:32} {each.first:14.1f} {each.last:14.1f} {each.each:+12.2f} a cycle{mark}")
    sys.exit(any(each.bad for each in found if each))


if __name__ == "__main__":
    main()
